"""The hint for those who speak HTTP to a port of TLS."""

from __future__ import annotations

import pytest

from balancer.core.dates import Dates
from balancer.core.http1 import ResponseDecoder
from balancer.core.messages import END, ResponseHead
from balancer.core.plain_hint import plain_hint


@pytest.mark.parametrize("dates", [None, Dates(lambda: 0.0)])
def test_a_whole_answer_that_says_what_to_do(dates: Dates | None) -> None:
    """The hint is one whole answer with status 400, and the last; dated where there is a clock."""
    decoder = ResponseDecoder()
    decoder.expect("GET")
    head, body, end = decoder.receive(plain_hint(b"GET / HTTP/1.1\r\n", dates))
    assert isinstance(head, ResponseHead)
    assert (head.status, head.get("connection"), end) == (400, "close", END)
    assert isinstance(body, bytes)
    assert b"use https://" in body
    assert head.get("date") == (None if dates is None else "Thu, 01 Jan 1970 00:00:00 GMT")
    assert not decoder.reusable


@pytest.mark.parametrize(
    ("data", "answered"),
    [
        (b"G", True),
        (b"OPTIONS * HTTP/1.1\r\n", True),
        (b"SSH-2.0-x\r\n", False),
        (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", False),
        (b"get / HTTP/1.1\r\n", False),
        (b" GET", False),
        (b"A" * 33, False),
    ],
)
def test_only_http_is_answered_in_http(data: bytes, answered: bool) -> None:
    """What begins like a request is answered; clients of other protocols hear nothing."""
    assert bool(plain_hint(data)) is answered
