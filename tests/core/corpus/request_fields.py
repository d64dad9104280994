"""Requests whose fields, Host above all, are malformed or ambiguous (RFC 9112 3.2, 5; RFC 9110 5, 7.2)."""

from __future__ import annotations

from typing import Final

from tests.core.corpus.cases import Case, Meaning, asked, lines

START: Final = "GET / HTTP/1.1"
HOST: Final = "Host: a"


def _field(field: str | bytes, verdict: int | Meaning, section: str = "9112 5.1") -> Case:
    return Case(lines(START, HOST, field), verdict, section)


def _host(*values: str, verdict: int | str, section: str = "9112 3.2") -> Case:
    """A verdict of text is the authority that is understood."""
    meaning = asked(authority=verdict) if isinstance(verdict, str) else verdict
    return Case(lines(START, *[f"Host:{value}" for value in values]), meaning, section)


SHAPES: Final = [
    *[
        _field(field, 400)
        for field in [
            "A : b", "A\t: b", ": b", ":", "A", "A b: c", "A\x00: b", "(A): b", "A,B: c", "A=B: c", "A/B: c",
            "A[]: b", "A\xe9: b", "A\xc2\xa0: b",
            "\xa0A: b", "A\x7f: b", "A@b: c", '"A": b', "A;b: c", "A\\b: c", "Transfer-Encoding : chunked",
            "Transfer-Encoding\x0b: chunked",
            "Content-Length : 0", "Content-Length\x00: 0", "{A}: b",
        ]
    ],
    *[
        _field(field, 400, "9110 5.5")
        for field in [
            "A: \x00", "A: b\x00c", "A: b\x01", "A: b\x1fc", "A: \x7f", "A:\x0bb", "A: b\x0c", "A: b\x08c",
            "A: \x1b[0m",
        ]
    ],
    *[
        _field(field, 400, "9112 5.2")
        for field in [
            " A: b", "\tA: b", "A: b\r\n c", "A: b\r\n\tc", "A:\r\n b", "A: b\r\n ",
            "A: b\r\n Transfer-Encoding: chunked",
        ]
    ],
    *[
        _field(field, 400, "9112 2.2")
        for field in [
            "A: b\nC: d", "A: b\rC: d", "A: b\r", "A: b\r\r", "A: \r", "A: \n", "A: b\n\n", "\r", "\n",
            "A: b\nTransfer-Encoding: chunked",
            "A: b\n\nGET /evil HTTP/1.1", "A: b\r\rGET /evil HTTP/1.1",
        ]
    ],
    Case(f"{START}\n{HOST}\n\n".encode(), 400, "9112 2.2"),
    Case(f"{START}\r\n{HOST}\n\r\n".encode(), 400, "9112 2.2"),
    Case(f"{START}\r\n{HOST}\r\n\n".encode(), 400, "9112 2.2"),
    Case(f"{START}\n{HOST}\r\n\r\n".encode(), 400, "9112 2.2"),
    Case(f"{START}\r\n {HOST}\r\n\r\n".encode(), 400, "9112 2.2"),
]  # fmt: skip
LAWFUL: Final = [
    _field("A:", asked(fields=(("a", ""),)), "9110 5.5"),
    _field("A:b", asked(fields=(("a", "b"),))),
    _field("A: \t b \t ", asked(fields=(("a", "b"),))),
    _field("A: b \t c", asked(fields=(("a", "b \t c"),)), "9110 5.5"),
    _field("A: b: c", asked(fields=(("a", "b: c"),)), "9110 5.5"),
    _field("A: \xe9", asked(fields=(("a", "\xe9"),)), "9110 5.5"),
    _field("A: \xa0", asked(fields=(("a", "\xa0"),)), "9110 5.5"),
    _field("!#$%&'*+-.^_`|~1: x", asked(fields=(("!#$%&'*+-.^_`|~1", "x"),)), "9110 5.6.2"),
    _field("Content_Length: 5", asked(fields=(("content_length", "5"),)), "9110 5.1"),
    _field("Transfer_Encoding: chunked", asked(fields=(("transfer_encoding", "chunked"),)), "9110 5.1"),
    _field("Content-Length-: 5", asked(fields=(("content-length-", "5"),)), "9110 5.1"),
    _field("TE: chunked", asked(fields=(("te", "chunked"),)), "9110 10.1.4"),
]
HOSTS: Final = [
    *[
        _host(value, verdict=400)
        for value in [
            " a b", " a, b", " a/", " a/b", " a?b", " a#b", " u@a", " u:p@a", " http://a", " a:b", " a:80:80",
            " a:-1", " a:+1", " a:0x50", " a:65536",
            " a:000080", " :80", " :", " [::1", " ::1", " [::1]x", " [::1]:x", " [1.2.3.4]", " [fe80::1%25eth0]",
            " [v1.x]", " []", " [:::]", " a%zz",
            " a%", " a\\b", " \xe4", " a\xa0", " <a>", ' "a"', " a|b", " a^b", " {a}", " a`b", "\ta\tb",
        ]
    ],
    _host(verdict=400),
    _host(" a", " a", verdict=400),
    _host(" a", " b", verdict=400),
    _host("", " a", verdict=400),
    _host(" a:", verdict="a", section="3986 6.2.3"),
    _host(" a:80", verdict="a:80"),
    _host(" a:00080", verdict="a:00080"),
    _host("", verdict="", section="9110 7.2"),
    _host(" [::1]:8", verdict="[::1]:8", section="3986 3.2.2"),
    _host(" A.Example.", verdict="A.Example."),
    _host(" a,b", verdict="a,b", section="3986 3.2.2"),
    _host(" a%2Fb", verdict="a%2Fb", section="3986 3.2.2"),
    _host(" a_b", verdict="a_b", section="3986 3.2.2"),
    Case(lines("GET http://b/ HTTP/1.1", HOST), asked(authority="b"), "9112 3.2.2"),
    Case(lines("GET http://b/ HTTP/1.1"), 400, "9112 3.2"),
    Case(lines("GET http://b/ HTTP/1.1", HOST, "Host: b"), 400, "9112 3.2"),
    Case(lines("GET http://b/ HTTP/1.1", "Host: a b"), 400, "9112 3.2"),
    Case(lines("GET / HTTP/1.0"), asked(authority=""), "9112 3.2"),
    Case(lines("GET / HTTP/1.0", HOST, HOST), 400, "9112 3.2"),
    Case(lines("GET / HTTP/1.0", "Host: a b"), 400, "9112 3.2"),
    Case(lines("GET / HTTP/1.2"), 400, "9112 3.2"),
]  # fmt: skip
AMOUNTS: Final = [
    Case(lines(START, HOST, *["A: b"] * 15), asked(), "9110 5.4"),
    Case(lines(START, HOST, *["A: b"] * 16), 431, "6585 5"),
    Case(lines(START, HOST, f"A: {'b' * 992}"), asked(), "9110 5.4"),
    Case(lines(START, HOST, f"A: {'b' * 993}"), 431, "6585 5"),
    Case(lines(START, HOST, f"{'A' * 1500}: b"), 431, "6585 5"),
    Case(f"{START}\r\n{HOST}\r\nA: {'b' * 1100}".encode(), 431, "6585 5"),
]
CASES: Final = [*SHAPES, *LAWFUL, *HOSTS, *AMOUNTS]
