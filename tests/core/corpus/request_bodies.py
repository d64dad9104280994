"""Requests whose length could be understood in two ways, and bodies that are not what they say (RFC 9112 6, 7)."""

from __future__ import annotations

from typing import Final

from tests.core.corpus.cases import Case, Meaning, asked, lines

POST: Final = ("POST / HTTP/1.1", "Host: a")
CHUNKED: Final = "Transfer-Encoding: chunked"
LAST: Final = b"0\r\n\r\n"


def _framed(*fields: str | bytes, verdict: int | bytes, body: bytes = b"hello", section: str = "9112 6.3") -> Case:
    """A request with these fields, and a body that is understood if the verdict is one."""
    meaning = asked("POST", body=verdict) if isinstance(verdict, bytes) else verdict
    return Case(lines(*POST, *fields) + body, meaning, section)


def _chunks(body: bytes, verdict: int | bytes | Meaning, section: str = "9112 7.1") -> Case:
    meaning = asked("POST", body=verdict) if isinstance(verdict, bytes) else verdict
    return Case(lines(*POST, CHUNKED) + body, meaning, section)


LENGTHS: Final = [
    *[
        _framed(f"Content-Length:{value}", verdict=400)
        for value in [
            "", " ", " +5", " -5", " 5 5", " 5,5", " 5, 5", " 5,", " ,5", " 5;", " 0x5", " 5.0", " 5e0", " 5_0",
            " five", " 5\xb2", " \xb2", ' "5"', " 5\xa0",
            " 0, 5", " 5 chunked", " chunked", " --5", " 0-5", " \xd9\xa5", " \xef\xbc\x95",
        ]
    ],
    _framed("Content-Length: 5", "Content-Length: 6", verdict=400),
    _framed("Content-Length: 5", "Content-Length: 05", verdict=400),
    _framed("Content-Length: 0", "Content-Length: 5", verdict=400),
    _framed("Content-Length: 5", "Content-Length:", verdict=400),
    _framed("Content-Length: 5", "Content-Length: 5, 5", verdict=400),
    _framed("Content-Length: 9223372036854775808", verdict=413, section="9110 8.6"),
    _framed("Content-Length: 18446744073709551621", verdict=413, section="9110 8.6"),
    _framed(f"Content-Length: {'9' * 200}", verdict=413, section="9110 8.6"),
    _framed("Content-Length: 5", verdict=b"hello"),
    _framed("content-LENGTH:5", verdict=b"hello"),
    _framed("Content-Length: \t5 \t", verdict=b"hello"),
    _framed("Content-Length: 5", "Content-Length: 5", verdict=b"hello"),
    _framed("Content-Length: 0005", verdict=b"hello", section="9110 8.6"),
    _framed(f"Content-Length: {'0' * 100}5", verdict=b"hello", section="9110 8.6"),
    _framed("Content-Length: 0", body=b"", verdict=b""),
    _framed(body=b"", verdict=b""),
    _framed("Content-Length: 5", "A: b", body=b"GET /", verdict=b"GET /"),
    Case(lines("GET / HTTP/1.1", "Host: a", "Content-Length: 5") + b"hello", asked(body=b"hello"), "9110 9.3.1"),
    Case(lines("PUT / HTTP/1.0", "Content-Length: 5") + b"hello", asked("PUT", "/", "", b"hello"), "9112 6.3"),
]  # fmt: skip
CODINGS: Final = [
    *[
        _framed(f"Transfer-Encoding:{value}", body=LAST, verdict=400)
        for value in [
            "", " ", " gzip", " identity", " chunked, gzip", " chunked, identity", " chunked, chunked", " chunkedx",
            " xchunked", " chunke", " chunked;q=1",
            " chunked;", ' "chunked"', " 'chunked'", " chunked,", " ,chunked", " ,", " chunked\xa0",
            b"\xc2\xa0chunked".decode("latin-1"), " chunked chunked",
            " chun ked", " chunked, deflate, chunked", " chunked\\", " (chunked)", " chunked=1", " gzip;chunked",
        ]
    ],
    *[
        _framed(f"Transfer-Encoding: {value}", body=LAST, verdict=501, section="9112 6.1")
        for value in ("gzip, chunked", "gzip,chunked", "identity, chunked", "x, y, Chunked")
    ],
    _framed("Transfer-Encoding: gzip", CHUNKED, body=LAST, verdict=501, section="9112 6.1"),
    _framed(CHUNKED, CHUNKED, body=LAST, verdict=400),
    _framed(CHUNKED, "Transfer-Encoding: gzip", body=LAST, verdict=400),
    _framed(CHUNKED, "Transfer-Encoding: identity", body=LAST, verdict=400),
    _framed(CHUNKED, "Transfer-Encoding:", body=LAST, verdict=400),
    _framed(CHUNKED, "Content-Length: 5", body=LAST, verdict=400),
    _framed("Content-Length: 5", CHUNKED, body=LAST, verdict=400),
    _framed("Content-Length: 0", CHUNKED, body=LAST, verdict=400),
    _framed("Content-Length: 5", "Transfer-Encoding: identity", verdict=400),
    _framed("Content-Length: x", CHUNKED, body=LAST, verdict=400),
    _framed("Content-Length: 5", "Transfer-Encoding:", verdict=400),
    Case(lines("POST / HTTP/1.0", CHUNKED) + LAST, 400, "9112 6.1"),
    Case(lines("POST / HTTP/1.0", CHUNKED, "Content-Length: 5") + LAST, 400, "9112 6.1"),
    Case(lines("POST / HTTP/1.0", "Transfer-Encoding: gzip") + LAST, 400, "9112 6.1"),
    _framed("Transfer-Encoding: CHUNKED", body=LAST, verdict=b"", section="9112 7"),
    _framed("Transfer-Encoding:\tchunked ", body=LAST, verdict=b"", section="9112 7"),
]  # fmt: skip
EXPECTATIONS: Final = [
    *[
        _framed("Content-Length: 5", f"Expect:{value}", verdict=417, section="9110 10.1.1")
        for value in (" 200-ok", "", " 100-continue, 100-continue", " 100", " 100-continue;x", " 100-continuex")
    ],
    _framed("Content-Length: 5", "Expect: 100-continue", "Expect: 100-continue", verdict=417, section="9110 10.1.1"),
    _framed("Content-Length: 5", "Expect: 100-Continue", verdict=b"hello", section="9110 10.1.1"),
    Case(lines("GET / HTTP/1.1", "Host: a", "Expect: 100-continue"), asked(), "9110 10.1.1"),
    Case(lines("GET / HTTP/1.0", "Host: a", "Expect: 100-continue"), asked(fields=()), "9110 10.1.1"),
]
CHUNKS: Final = [
    *[
        _chunks(body, 400)
        for body in [
            b"5\nhello\r\n0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r0\r\n\r\n",
            b"5\r\nhello0\r\n\r\n",
            b"5\r\nhelloX\r\n0\r\n\r\n", b"5\r\nhello\r\r\n0\r\n\r\n", b"5\r\nhello\n\r0\r\n\r\n",
            b"5\r\nhello\r\n\r\n0\r\n\r\n", b"4\r\nhello\r\n0\r\n\r\n",
            b"6\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"5\t\r\nhello\r\n0\r\n\r\n",
            b" 5\r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
            b"-5\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5h\r\nhello\r\n0\r\n\r\n",
            b"5_0\r\nhello\r\n0\r\n\r\n", b"g\r\n\r\n0\r\n\r\n",
            b"\r\n5\r\nhello\r\n0\r\n\r\n", b"\r\n\r\n", b"\n", b";a\r\n\r\n", b"5.0\r\nhello\r\n0\r\n\r\n",
            b"\xb2\r\nhe\r\n0\r\n\r\n",
            b"00000000000000005\r\nhello\r\n0\r\n\r\n", b"10000000000000000\r\n", b"FFFFFFFFFFFFFFFFF\r\n",
            b"5\x00\r\nhello\r\n0\r\n\r\n", b"hello",
            b"GET / HTTP/1.1\r\n", b"0\n\r\n", b"0\r\r\n\r\n", b"00 \r\n\r\n", b"-0\r\n\r\n",
            b"5\r\r\nhello\r\n0\r\n\r\n", b"5\n\r\nhello\r\n0\r\n\r\n",
        ]
    ],
    *[
        _chunks(b"5" + extension + b"\r\nhello\r\n0\r\n\r\n", 400, "9112 7.1.1")
        for extension in [
            b";", b";;a", b";=b", b";a=", b";a=b=c", b';a="b', b';a="b"c', b';a="\n"', b";a=\n", b";a\n", b";\na",
            b";a\r", b";a\x00", b";a=\x7f", b" ;a ",
            b";a,b", b",a", b" a", b';a="\\', b";a b", b";a=\xff", b"; ", b";\r;a",
        ]
    ],
    *[
        _chunks(b"5" + extension + b"\r\nhello\r\n0\r\n\r\n", b"hello", "9112 7.1.1")
        for extension in [
            b";a", b";a=b", b';a="b"', b';a="\\";\\\\"', b';a="\xe4\t"', b" ; a", b";a = b", b";a;b=c;d", b'\t;a=""',
            b";a=0x5",
        ]
    ],
    _chunks(b"5;" + b"a" * 4200 + b"\r\nhello\r\n0\r\n\r\n", 400, "9112 7.1.1"),
    _chunks((b"1;" + b"a" * 4000 + b"\r\nx\r\n") * 5, 400, "9112 7.1.1"),
    _chunks(LAST, b""),
    _chunks(b"0000000000000000\r\n\r\n", b""),
    _chunks(b"0;a=b\r\n\r\n", b""),
    _chunks(b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"01234567890123456789"),
    _chunks(b"0000000000000005\r\nhello\r\n0\r\n\r\n", b"hello"),
    _chunks(b"7\r\n0\r\n\r\nGE\r\n0\r\n\r\n", b"0\r\n\r\nGE"),
    _chunks(b"1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", b"hello"),
]  # fmt: skip
TRAILERS: Final = [
    *[
        _chunks(b"0\r\n" + trailer + b"\r\n\r\n", 400, "9112 7.1.2")
        for trailer in [
            b"A : b", b" A: b", b"A", b": b", b"A: b\r\n c", b"A: b\nB: c", b"A: b\rB: c", b"A: \x00", b"A b: c",
            b"\n", b"\r", b"A: b\r", b"(A): b", b"A: b\n",
            b"GET / HTTP/1.1",
        ]
    ],
    _chunks(b"0\r\n\n", 400, "9112 7.1.2"),
    _chunks(b"0\r\n\r\r\n", 400, "9112 7.1.2"),
    _chunks(b"0\r\nA: " + b"b" * 200 + b"\r\n\r\n", 431, "6585 5"),
    _chunks(b"0\r\n" + b"A:b\r\n" * 17 + b"\r\n", 431, "6585 5"),
    _chunks(b"0\r\n" + b"A" * 300, 431, "6585 5"),
    _chunks(b"0\r\nA: b\r\n\r\n", asked("POST", trailers=(("a", "b"),)), "9112 7.1.2"),
    _chunks(b"0\r\nA:\r\nA: \xe9 \r\n\r\n", asked("POST", trailers=(("a", ""), ("a", "\xe9"))), "9112 7.1.2"),
]  # fmt: skip
CASES: Final = [*LENGTHS, *CODINGS, *EXPECTATIONS, *CHUNKS, *TRAILERS]
