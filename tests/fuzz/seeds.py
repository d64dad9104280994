"""Where the search for disagreements begins: whole streams, and the words that mutations put in. Only data."""

from __future__ import annotations

from typing import Final

METHODS: Final = ("GET", "HEAD", "POST", "OPTIONS")
"""What an answer may be the answer to."""

_HOST = b"Host: a\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_OK = b"HTTP/1.1 200 OK\r\n"

REQUESTS: Final = (
    b"GET / HTTP/1.1\r\n" + _HOST + b"\r\n",
    b"\r\nGET http://b:80/x?y HTTP/1.1\r\n" + _HOST + b"Connection: close, te\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /x HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\n" + _HOST + _CHUNKED + b'\r\n3 ;a=b ; c="d\\" e"\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n',
    b"PUT / HTTP/1.1\r\n" + _HOST + _CHUNKED + b"\r\n0\r\nx: y\r\nz:\r\n\r\nGET /next HTTP/1.1\r\n" + _HOST + b"\r\n",
    b"M-SEARCH / HTTP/1.9\r\nhost:\r\nx:\t y \r\nUpgrade: b\r\nConnection: upgrade\r\n\r\nGET / HTTP/1.1\r\n",
)
ANSWERS: Final = (
    _OK + b"Content-Length: 3\r\n\r\nabc",
    _OK + _CHUNKED + b"\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" + _OK + b"Content-Length: 0\r\n\r\n",
    b"HTTP/1.0 200\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
    _OK + b"Connection: close\r\n\r\nuntil the end",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    _OK + _CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n",
)
WORDS: Final = (
    b"GET ", b"POST ", b"HEAD ", b"CONNECT ", b"a:1 ", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"HTTP/2.0", b"HTTP/1.1 ",
    b"101 ", b"Host: ", b"Content-Length: ", b"Transfer-Encoding: ", b"Connection: ",
    b"Expect: 100-continue\r\n", b"chunked", b"gzip, chunked", b"identity", b"close", b"keep-alive", b"\r\n",
    b"\r\n\r\n", b"\n", b"\r", b"\0", b"\t", b" ", b"\x0b", b"\x7f", b"\x80", b"\xff", b"0\r\n", b"0\r\n\r\n",
    b"3\r\nabc\r\n", b"0x1", b"+1", b"-1", b"1_0", b"ffffffffffffffff", b"9223372036854775807",
    b"9223372036854775808", b"00000000000000000000", b";a=b", b';a="', b'"', b"\\", b"[::1]",
    b"[::ffff:1.2.3.4]", b"%41", b"%", b"a@b", b":65536", b"http://", b"HTTPS://a", b"*", b"#", b"?", b"//",
    b",", b"x" * 90,
)  # fmt: skip
