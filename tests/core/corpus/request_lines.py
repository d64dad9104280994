"""Requests whose first line, or what comes before it, is malformed or ambiguous (RFC 9112 2.2, 2.3, 3)."""

from __future__ import annotations

from typing import Final

from tests.core.corpus.cases import Case, Meaning, asked, lines

HOST: Final = "Host: a"
GET: Final = lines("GET / HTTP/1.1", HOST)


def _case(line: str, verdict: int | Meaning, section: str = "9112 3") -> Case:
    return Case(lines(line, HOST), verdict, section)


SHAPES: Final = [
    _case(line, 400)
    for line in [
        "GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET / HTTP/1.1\t", "GET /a b HTTP/1.1", "GET / HTTP/1.1 HTTP/1.1", "GET /", "GET", "GET / ", "/ HTTP/1.1",
        "GET /HTTP/1.1",
        "GET HTTP/1.1", "GET \u00a0/ HTTP/1.1", "GET /\x0b HTTP/1.1", "GET /\x0cHTTP/1.1", "GET /\x00 HTTP/1.1",
        "GET /\x7f HTTP/1.1",
        "GET / HTTP/1.1\x00", "GET /\rHTTP/1.1", "GET / HTTP/1.1\r", "\x00GET / HTTP/1.1",
    ]
]  # fmt: skip
METHODS: Final = [
    *[
        _case(f"{method} / HTTP/1.1", 400, "9110 5.6.2")
        for method in ("G(T", "G,T", "GE\xc9", "G\x01T", 'G"T', "G/T", "G:T", "{}", "G@T", "<x>")
    ],
    _case("CONNECT a:443 HTTP/1.1", 501, "9110 9.3.6"),
    _case("CONNECT / HTTP/1.1", 501, "9110 9.3.6"),
    _case("CONNECT http://a/ HTTP/1.1", 501, "9110 9.3.6"),
    _case(f"{'A' * 33} / HTTP/1.1", 501, "9110 9.1"),
    _case("get / HTTP/1.1", asked("get"), "9110 9.1"),
    _case("Connect / HTTP/1.1", asked("Connect"), "9110 9.1"),
    _case("BREW / HTTP/1.1", asked("BREW"), "9110 9.1"),
    _case("!#$%&'*+-.^_`|~ / HTTP/1.1", asked("!#$%&'*+-.^_`|~"), "9110 5.6.2"),
]  # fmt: skip
VERSIONS: Final = [
    *[
        _case(f"GET / {version}", 400, "9112 2.3")
        for version in [
            "http/1.1", "Http/1.1", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/1.10", "HTTP/1.1.1", "HTTP/11", "HTTP/1,1",
            "HTTP /1.1",
            "HTTP/ 1.1", "HTTP/+1.1", "HTTP/1.1x", "xHTTP/1.1", "HTTP/x.y", "HTTP/10.1", "HTTP/-1.1", "HTTP/1.\xb9",
            "RTSP/1.0", "ICAP/1.0", "HTTPS/1.1",
            "HTTP\\1.1", "HTTP/01.1",
        ]
    ],
    *[_case(f"GET / HTTP/{version}", 505, "9110 15.6.6") for version in ("0.9", "0.0", "2.0", "2.1", "3.0", "9.9")],
    Case(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "9113 3.4"),
    _case("GET / HTTP/1.2", asked(), "9110 2.5"),
    _case("GET / HTTP/1.9", asked(), "9110 2.5"),
    _case("GET / HTTP/1.0", asked(), "9112 9.3"),
]  # fmt: skip
TARGETS: Final = [
    *[
        _case(f"GET {target} HTTP/1.1", 400, "9112 3.2")
        for target in [
            "a", "?q", "*", "**", "/#f", "#f", "/\xff", "/\xe4", "a:80", "a/b", "\\", "http:", "http:/a", "http://",
            "http:///x", "http://?q",
            "http://a b/", "http://u@a/", "http://u:p@a/", "http://a:99999/", "http://a:x/", "http://a:-1/",
            "http://[::1/", "http://[v1.x]/",
            "http://[1.2.3.4]/", "http://[]/", "http://a\\b/", "http://a%zz/", "http://a#f", "ftp://a/", "ws://a/",
            "file:///a", "javascript:x",
            "://a/", "http:a", "http//a", "[::1]", "%2f", ".", "../", "&",
        ]
    ],
    _case("POST * HTTP/1.1", 400, "9112 3.2.4"),
    _case("M-SEARCH * HTTP/1.1", 400, "9112 3.2.4"),
    _case("OPTIONS *x HTTP/1.1", 400, "9112 3.2.4"),
    _case("OPTIONS * HTTP/1.1", asked("OPTIONS", "*"), "9112 3.2.4"),
    _case("OPTIONS http://b HTTP/1.1", asked("OPTIONS", "*", "b"), "9112 3.2.4"),
    _case("OPTIONS http://b/ HTTP/1.1", asked("OPTIONS", "/", "b"), "9112 3.2.4"),
    _case("GET http://b HTTP/1.1", asked(authority="b"), "9112 3.2.2"),
    _case("GET http://b?q HTTP/1.1", asked(target="/?q", authority="b"), "9112 3.2.2"),
    _case("GET HTTPS://b:8/x HTTP/1.1", asked(target="/x", authority="b:8"), "9110 4.2.3"),
    _case("GET http://b:/x HTTP/1.1", asked(target="/x", authority="b"), "3986 6.2.3"),
    _case("GET http://[::1]:8/ HTTP/1.1", asked(authority="[::1]:8"), "3986 3.2.2"),
    _case("GET http://b//c HTTP/1.1", asked(target="//c", authority="b"), "9112 3.2.2"),
    _case("GET //b/c HTTP/1.1", asked(target="//b/c"), "9112 3.2.1"),
    _case("GET /http://b/ HTTP/1.1", asked(target="/http://b/"), "9112 3.2.1"),
    _case('GET /"<>^`{|} HTTP/1.1', asked(target='/"<>^`{|}'), "9112 3.2"),
    _case("GET /?a=b?c=/d HTTP/1.1", asked(target="/?a=b?c=/d"), "3986 3.4"),
    _case("GET /;a=b,c HTTP/1.1", asked(target="/;a=b,c"), "3986 3.3"),
]  # fmt: skip
LENGTHS: Final = [
    _case(f"GET /{'a' * 242} HTTP/1.1", asked(target="/" + "a" * 242), "9112 3"),
    _case(f"GET /{'a' * 243} HTTP/1.1", 414, "9110 15.5.15"),
    _case(f"{'A' * 300} / HTTP/1.1", 414, "9112 3"),
    _case("A" * 300, 414, "9112 3"),
    _case(f"GET / HTTP/1.1{' ' * 300}", 414, "9112 3"),
]
BEFORE: Final = [
    Case(b"\r\n" + GET, asked(), "9112 2.2"),
    *[
        Case(before + GET, 400, "9112 2.2")
        for before in [
            b"\r\n\r\n", b"\n", b"\r", b"\n\n", b"\r\r\n", b" \r\n", b"\t", b"\xef\xbb\xbf",
            b"\x16\x03\x01\x00\xa5\x01",
        ]
    ],
    Case(b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + GET, 400, "9112 3"),
    Case(b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + GET, 400, "9112 3"),
    Case(b"SSH-2.0-x\r\n\r\n", 400, "9112 3"),
    Case(b"EHLO a\r\n\r\n", 400, "9112 3"),
    Case(b"HTTP/1.1 200 OK\r\n\r\n", 400, "9112 3"),
    Case(b"<policy-file-request/>\x00", 400, "9112 3"),
]  # fmt: skip
CASES: Final = [*SHAPES, *METHODS, *VERSIONS, *TARGETS, *LENGTHS, *BEFORE]
