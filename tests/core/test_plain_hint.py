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
    head, body, end = decoder.receive(plain_hint(dates))
    assert isinstance(head, ResponseHead)
    assert (head.status, head.get("connection"), end) == (400, "close", END)
    assert isinstance(body, bytes)
    assert b"use https://" in body
    assert head.get("date") == (None if dates is None else "Thu, 01 Jan 1970 00:00:00 GMT")
    assert not decoder.reusable
