"""Heads of answers: what they say, and every way in which one is refused."""

import pytest

from balancer.core.http1 import ResponseDecoder
from balancer.core.http1_heads import has_no_body, tells_of_another
from balancer.core.messages import ResponseHead
from balancer.errors import ResponseInvalid
from tests.core.test_http1_heads import response

MALFORMED_RESPONSES = [
    "HTTP/0.9 200 OK\r\n",
    "HTTP/2.0 200 OK\r\n",
    "HTTP/1.10 200 OK\r\n",
    "HTTP/2 200 OK\r\n",
    "http/1.1 200 OK\r\n",
    "ICY 200 OK\r\n",
    "<html>\r\n",
    "\r\nHTTP/1.1 200 OK\r\n",
    "HTTP/1.1  200 OK\r\n",
    "HTTP/1.1 20 OK\r\n",
    "HTTP/1.1 2000 OK\r\n",
    "HTTP/1.1 099 OK\r\n",
    "HTTP/1.1 +20 OK\r\n",
    "HTTP/1.1 200OK\r\n",
    "HTTP/1.1\r\n",
    "HTTP/1.1 200 O\x00K\r\n",
    "HTTP/1.1 200 O\x1bK\r\n",
    "HTTP/1.1 200 OK\r\nX : y\r\n",
    "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n",
    "HTTP/1.1 200 OK\r\nX: y\rz\r\n",
    "HTTP/1.1 200 OK\r\nX: y\nz\r\n",
    "HTTP/1.1 200 OK\r\nX\r\n",
    "HTTP/1.1 200 OK\r\n: y\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: x\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: x\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
]


@pytest.mark.parametrize("head", MALFORMED_RESPONSES)
def test_a_malformed_response_is_refused(head: str) -> None:
    """What a backend sends is held to the same grammar as what a client sends."""
    with pytest.raises(ResponseInvalid):
        response(head + "\r\n")


@pytest.mark.parametrize(
    ("line", "status", "phrase"),
    [
        ("HTTP/1.1 200 OK", 200, "OK"),
        ("HTTP/1.1 200 ", 200, ""),
        ("HTTP/1.1 200", 200, ""),
        ("HTTP/1.1 404 N\xe3o  foi", 404, "N\xe3o  foi"),
        ("HTTP/1.1 999 x", 999, "x"),
    ],
)
def test_a_status_line_may_have_any_reason_or_none(line: str, status: int, phrase: str) -> None:
    """The reason phrase means nothing, so its absence is no fault (RFC 9112 4)."""
    head, _ = response(f"{line}\r\nContent-Length: 0\r\n\r\n")
    assert (head.status, head.phrase) == (status, phrase)


@pytest.mark.parametrize(
    ("asked", "fields", "length", "kept", "reusable"),
    [
        ("GET 200", "Content-Length: 0\r\n", 0, False, True),
        ("GET 200", "", None, False, False),
        ("GET 204", "", 0, False, True),
        ("GET 204", "Content-Length: 0\r\n", 0, False, True),
        ("GET 204", "Content-Length: 5\r\n", 0, False, False),
        ("GET 204", "Transfer-Encoding: chunked\r\n", 0, False, False),
        ("GET 304", "Content-Length: 5\r\n", 0, True, True),
        ("HEAD 200", "Content-Length: 5\r\n", 0, True, True),
        ("HEAD 200", "Transfer-Encoding: chunked\r\n", 0, False, True),
        ("HEAD 200", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 0, False, False),
        ("HEAD 204", "Content-Length: 5\r\n", 0, False, False),
        ("CONNECT 200", "", 0, False, False),
        ("CONNECT 400", "Content-Length: 0\r\n", 0, False, True),
        ("GET 200", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", None, False, False),
    ],
)
def test_the_length_of_an_answer_depends_on_what_was_asked(
    asked: str, fields: str, length: int | None, kept: bool, reusable: bool
) -> None:
    """Answers frame by RFC 9112 6.3, and one whose framing may mislead is the last on its connection."""
    method, status = asked.split()
    head, again = response(f"HTTP/1.1 {status} x\r\n{fields}\r\n", method)
    assert (head.length, head.get("content-length") == "5", again) == (length, kept, reusable)


def test_an_upgrade_that_was_asked_for_has_no_end() -> None:
    """A 101 is accepted only when asked for, and what follows it lasts as long as the connection."""
    decoder = ResponseDecoder()
    decoder.expect("GET", upgrade=True)
    head, *rest = decoder.receive(b"HTTP/1.1 101 x\r\nUpgrade: w\r\n\r\nfirst")
    assert head == ResponseHead(101, "x", fields=(("upgrade", "w"),), length=None)
    assert rest == [b"first"]


def test_which_answers_have_no_body() -> None:
    """Interim, 204, 304, answers to HEAD and tunnels have none, and Content-Length means that of a GET in two."""
    bodiless = [(100, "GET"), (204, "GET"), (304, "GET"), (200, "HEAD"), (404, "HEAD"), (200, "CONNECT")]
    assert all(has_no_body(status, method) for status, method in bodiless)
    assert not any(has_no_body(status, method) for status, method in [(200, "GET"), (205, "GET"), (502, "CONNECT")])
    assert [pair for pair in bodiless if tells_of_another(*pair)] == [(304, "GET"), (200, "HEAD"), (404, "HEAD")]
