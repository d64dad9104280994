"""Filters that fail on a route that passes over such: the head goes on as it was, and the failure is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from balancer.core.filters import Chain, Pause, chain_of
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.session import Session
from balancer.errors import FilterFailed
from balancer.interfaces import Direction, Filter, Kind, Reply

SESSION = Session(Kind.HTTP, ("192.0.2.1", 1), 0.0)
REQUEST = RequestHead("POST", "/a", "example.com", fields=(("x", "1"),), length=5)
RESPONSE = ResponseHead(200, "OK", fields=(("y", "1"),), length=5)


class Faulty(Filter):
    """Fails in every step, in one way or another."""

    def request(self, head: Any, session: Any) -> Any:
        head.target = "/elsewhere"
        raise SystemExit

    def response(self, head: Any, session: Any) -> Any:
        head.status = 500
        return head

    def body(self, head: Any, session: Any, direction: Direction) -> Any:
        return SimpleNamespace(feed=1, finish=1)


class Slow(Filter):
    """Takes its time."""

    def request(self, head: Any, session: Any) -> Any:
        async def later() -> Any:
            return None

        return later()


class Marks(Filter):
    """Works."""

    def request(self, head: RequestHead, session: Any) -> RequestHead:
        return head.with_added("x-mark", "1")

    def response(self, head: ResponseHead, session: Any) -> ResponseHead:
        return head.with_added("x-mark", "1")


def chain(*filters: Any, told: list[FilterFailed] | None = None) -> Chain:
    """Those, of which the failures are passed over, if they may be told."""
    made = chain_of(filters, None if told is None else told.append)
    assert made is not None
    return made


def test_a_request_goes_on_as_it_was() -> None:
    """What failed has changed nothing of the request, not even in place, and those behind it have their say."""
    told: list[FilterFailed] = []
    head = chain(Faulty(), Marks(), told=told).request(attrs.evolve(REQUEST), SESSION)
    assert isinstance(head, RequestHead)
    assert (head.target, head.get("x-mark")) == ("/a", "1")
    assert "raised SystemExit" in str(told[0])


def test_an_answer_goes_on_as_it_was() -> None:
    """The same of an answer; one without a transform has its body left alone."""
    told: list[FilterFailed] = []
    head, body = chain(Marks(), Faulty(), told=told).answer(RESPONSE, SESSION)
    assert isinstance(head, ResponseHead)
    assert (head.status, head.get("x-mark"), body) == (200, "1", None)
    assert [str(one).split(": ")[1] for one in told] == [
        "changed a head in place; return a copy, as of head.with_field(...)",
        "body answered what has no feed and finish to call",
    ]


def test_a_filter_that_takes_its_time_may_fail_too() -> None:
    """Whether it answers nonsense, raises or is late: those behind it go on with the head as it was."""
    told: list[FilterFailed] = []
    paused = chain(Slow(), Marks(), told=told).request(REQUEST, SESSION)
    assert isinstance(paused, Pause)
    paused.awaitable.close()  # type: ignore[attr-defined]  # a coroutine
    for head in (paused.resume("nonsense"), paused.failed(FilterFailed("is late"))):
        assert isinstance(head, RequestHead)
        assert head.get("x-mark") == "1"
    assert len(told) == 2
    assert isinstance(paused.resume(Reply(403)), Reply)


def test_without_leave_nothing_is_passed_over() -> None:
    """Unless the route says otherwise, each of these failures is raised."""
    strict = chain(Faulty())
    head = attrs.evolve(REQUEST)
    with pytest.raises(FilterFailed, match="SystemExit"):
        strict.request(head, SESSION)
    assert head == REQUEST
    with pytest.raises(FilterFailed, match="in place"):
        strict.answer(RESPONSE, SESSION)
    with pytest.raises(FilterFailed, match="no feed"):
        strict.request_body(REQUEST, SESSION)
    paused = chain(Slow()).request(REQUEST, SESSION)
    assert isinstance(paused, Pause)
    paused.awaitable.close()  # type: ignore[attr-defined]  # a coroutine
    with pytest.raises(FilterFailed, match="answered a str"):
        paused.resume("nonsense")
