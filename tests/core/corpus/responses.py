"""Answers to a GET that are malformed, ambiguous or broken off (RFC 9112 4, 6, 8; RFC 9110 6, 15)."""

from __future__ import annotations

from typing import Final

from tests.core.corpus.cases import CUT, Case, Meaning, lines, said

OK: Final = "HTTP/1.1 200 OK"
CHUNKED: Final = "Transfer-Encoding: chunked"
EMPTY: Final = "Content-Length: 0"
BAD: Final = 502


def _line(line: str | bytes, verdict: int | Meaning, section: str = "9112 4") -> Case:
    return Case(lines(line, EMPTY), verdict, section)


def _field(
    *fields: str | bytes,
    verdict: int | str | bytes = BAD,
    body: bytes = b"",
    section: str = "9112 5.1",
    ends: bool = False,
) -> Case:
    meaning = said(body=verdict) if isinstance(verdict, bytes) else verdict
    return Case(lines(OK, *fields) + body, meaning, section, ends)


def _chunks(
    body: bytes, verdict: str | bytes | Meaning = CUT, section: str = "9112 7.1", *, ends: bool = False
) -> Case:
    meaning = said(body=verdict) if isinstance(verdict, bytes) else verdict
    return Case(lines(OK, CHUNKED) + body, meaning, section, ends)


LINES: Final = [
    *[
        _line(line, BAD)
        for line in [
            "HTTP/2 200 OK", "HTTP/2.0 200 OK", "HTTP/0.9 200 OK", "HTTP/1.10 200 OK", "HTTP/1 200 OK",
            "http/1.1 200 OK", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 000 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1 -20 OK",
            "HTTP/1.1 +200 OK", "HTTP/1.1 200OK", "HTTP/1.1  200 OK",
            "HTTP/1.1\t200 OK", "HTTP/1.1 200\tOK", "HTTP/1.1 \xb200 OK", " HTTP/1.1 200 OK", "HTTP/1.1 200 O\x00K",
            "HTTP/1.1 200 O\x7fK", "HTTP/1.1 200 OK\r",
            "HTTP/1.1 200 O\rK", "HTTP/1.1 200 O\nK", "HTTP /1.1 200 OK", "HTTP/1.1 OK 200", "ICY 200 OK",
            "HTTPS/1.1 200 OK", "RTSP/1.0 200 OK", "200 OK", "GET / HTTP/1.1",
        ]
    ],
    *[
        Case(data, BAD, "9112 4")
        for data in [
            b"\r\n" + lines(OK, EMPTY), b"\n" + lines(OK, EMPTY), b"<html>hello</html>", b"SSH-2.0-OpenSSH\r\n",
            b"220 mail ESMTP\r\n", b"\x15\x03\x01\x00\x02\x02\x28",
            b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", b"garbage\r\n\r\n", b"HTTQ", b"hTTP/1.1 200 OK\r\n\r\n",
            b"-ERR wrong\r\n", b"\xef\xbb\xbfHTTP/1.1 200 OK\r\n\r\n",
        ]
    ],
    Case(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", BAD, "9112 2.2"),
    Case(b"HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n", BAD, "9112 2.2"),
    _line(f"HTTP/1.1 200 {'O' * 9000}", BAD),
    _line("HTTP/1.1 101 Switching Protocols", BAD, "9110 15.2.2"),
    _line("HTTP/1.1 200", said()),
    _line("HTTP/1.1 200 ", said()),
    _line("HTTP/1.1 200 \xe4 b", said()),
    _line("HTTP/1.1 200  two", said()),
    _line("HTTP/1.2 200 OK", said(), "9110 2.5"),
    _line("HTTP/1.0 200 OK", said()),
    _line("HTTP/1.1 999 Odd", said(999), "9110 15"),
    _line("HTTP/1.1 600 ", said(600), "9110 15"),
    _line("HTTP/1.1 205 Reset", said(205), "9110 15.3.6"),
]  # fmt: skip
FIELDS: Final = [
    *[
        _field(EMPTY, field)
        for field in [
            "A : b", ": b", "A", "A b: c", "A\x00: b", "(A): b", "A\xe9: b", "Content-Length : 0", "A: \x00",
            "A: b\x01", "A: \x7f", "A: b\rc", "A: b\nc", "\x0bA: b",
        ]
    ],
    *[_field(EMPTY, field, section="9112 5.2") for field in [" A: b", "\tA: b", "A: b\r\n c", "A: b\r\n\tc"]],
    _field(EMPTY, *["A: b"] * 16, section="9110 5.4"),
    _field(EMPTY, f"A: {'b' * 1100}", section="9110 5.4"),
    _field(EMPTY, *["A: b"] * 15, verdict=b""),
    _field(EMPTY, "A_b: c", "A:", "A: \xe9", verdict=b""),
]  # fmt: skip
LENGTHS: Final = [
    *[
        _field(f"Content-Length:{value}", body=b"hello", section="9112 6.3")
        for value in [
            "", " +5", " -5", " 5,5", " 5, 5", " 5 5", " 0x5", " five", " 5.0", " 9223372036854775808",
            f" {'9' * 99}", " 5\xb2",
        ]
    ],
    _field("Content-Length: 5", "Content-Length: 6", body=b"hello", section="9112 6.3"),
    _field("Content-Length: 0", "Content-Length: 5", body=b"hello", section="9112 6.3"),
    _field("Content-Length: 5", "Content-Length: 5", body=b"hello", verdict=b"hello", section="9112 6.3"),
    _field("Content-Length: 005", body=b"hello", verdict=b"hello", section="9110 8.6"),
    _field("Content-Length: 5", body=b"hellohello", verdict=b"hello", section="9112 6.3"),
    _field("Content-Length: 5", body=b"hello" + lines(OK, EMPTY), verdict=b"hello", section="9112 9.2"),
    _field("Content-Length: 5", body=b"hell", verdict=CUT, section="9112 8", ends=True),
    _field("Content-Length: 5", verdict=CUT, section="9112 8", ends=True),
    _field(body=b"hello", verdict=b"hello", section="9112 6.3", ends=True),
    _field(verdict=b"", section="9112 6.3", ends=True),
    _field("Connection: close", "Content-Length: 5", body=b"hello", verdict=b"hello", section="9112 9.3", ends=True),
    *[Case(lines(f"HTTP/1.1 {status} x") + b"hello", said(status), "9112 6.3") for status in (204, 304)],
    *[
        Case(lines(f"HTTP/1.1 {status} x", "Content-Length: 5") + b"hello", said(status), "9112 6.3")
        for status in (204, 304)
    ],
    *[Case(lines(f"HTTP/1.1 {status} x", CHUNKED) + b"0\r\n\r\n", said(status), "9112 6.3") for status in (204, 304)],
]  # fmt: skip
CODINGS: Final = [
    *[
        _field(f"Transfer-Encoding:{value}", body=b"0\r\n\r\n", section="9112 6.1")
        for value in [
            "", " gzip", " identity", " chunked, gzip", " gzip, chunked", " chunked, chunked", " xchunked",
            " chunked;q=1", ' "chunked"', " ,chunked",
        ]
    ],
    _field(CHUNKED, CHUNKED, body=b"0\r\n\r\n", section="9112 6.1"),
    Case(lines("HTTP/1.0 200 OK", CHUNKED) + b"0\r\n\r\n", BAD, "9112 6.1"),
    _field(CHUNKED, "Content-Length: 5", body=b"2\r\nhi\r\n0\r\n\r\n", verdict=b"hi", section="9112 6.3"),
    _field("Content-Length: 2", CHUNKED, body=b"2\r\nhi\r\n0\r\n\r\n", verdict=b"hi", section="9112 6.3"),
    _field("Content-Length: x", CHUNKED, body=b"0\r\n\r\n", section="9112 6.3"),
]  # fmt: skip
CHUNKS: Final = [
    *[
        _chunks(body)
        for body in [
            b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"4\r\nhello\r\n0\r\n\r\n",
            b"5 \r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
            b"0x5\r\nhello\r\n0\r\n\r\n", b"x\r\n", b"\r\n0\r\n\r\n", b"5;\r\nhello\r\n0\r\n\r\n",
            b"11111111111111111\r\n", b"hello\r\n", b"0\n\n", b"0\r\n\n", b"0\r\nA : b\r\n\r\n",
            b"0\r\n A: b\r\n\r\n", b"0\r\nA: b\nB: c\r\n\r\n", b"0\r\n" + b"A:b\r\n" * 17 + b"\r\n",
            b"0\r\nA: " + b"b" * 9000 + b"\r\n\r\n", b"5;" + b"a" * 4200 + b"\r\n",
        ]
    ],
    *[_chunks(b"5\r\nhello\r\n0\r\n"[:size], section="9112 8", ends=True) for size in (0, 1, 3, 6, 8, 10, 11, 13)],
    _chunks(b"0\r\nA: b\r\n", section="9112 8", ends=True),
    _chunks(b"5;a=b\r\nhello\r\n0\r\n\r\n", b"hello"),
    _chunks(b"5\r\nhello\r\n0\r\nA: b\r\n\r\n", said(body=b"hello", trailers=(("a", "b"),)), "9112 7.1.2"),
    _chunks(b"5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", b"hello", "9112 9.2"),
    _chunks(b"5\r\nhello\r\n0\r\n\r\n\r\n", b"hello", "9112 9.2"),
]  # fmt: skip
INTERIM: Final = [
    Case(lines("HTTP/1.1 103 Early Hints", "Link: x") + lines(OK, EMPTY), said(), "9110 15.2"),
    Case(lines("HTTP/1.1 100 Continue") * 4 + lines(OK, EMPTY), said(), "9110 15.2"),
    Case(lines("HTTP/1.1 100 Continue") * 5 + lines(OK, EMPTY), BAD, "9110 15.2"),
    Case(lines("HTTP/1.1 199 x", "Content-Length: 5") + lines(OK, EMPTY), said(), "9112 6.3"),
    Case(lines("HTTP/1.1 102 x", "A : b") + lines(OK, EMPTY), BAD, "9112 5.1"),
    Case(lines("HTTP/1.1 100 Continue"), BAD, "9110 15.2", ends=True),
    Case(lines("HTTP/1.1 100 Continue") + b"hello", BAD, "9112 6.3"),
    Case(lines("HTTP/1.1 100 Continue") + b"HTTP/1.1 200", BAD, "9112 8", ends=True),
]
ENDS: Final = [
    Case(data, BAD, "9112 8", ends=True)
    for data in [b"", b"H", b"HTTP/1.1 200 OK", lines(OK, "Content-Length: 5")[:-2]]
]
CASES: Final = [*LINES, *FIELDS, *LENGTHS, *CODINGS, *CHUNKS, *INTERIM, *ENDS]
