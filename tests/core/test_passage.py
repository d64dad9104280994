"""Requests on their way through filters that take their time: each ends once, and none outlives its limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from balancer.core.deadlines import Deadlines
from balancer.core.filters import Pause, chain_of
from balancer.core.messages import RequestHead
from balancer.core.passage import Passage
from balancer.core.session import Session
from balancer.errors import FilterFailed, FilterTimeout
from balancer.interfaces import Kind, Reply
from tests.core.virtual_time import VirtualTime

SESSION = Session(Kind.HTTP, ("192.0.2.1", 1), 0.0)
HEAD = RequestHead("GET", "/", "example.com")
CHANGED = HEAD.with_field("x-a", "1")


class Promise:
    """An awaitable that says how often it was cancelled; the rest is done by the test."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.done: Callable[[object, BaseException | None], None] = lambda _answer, _error: None

    def __await__(self) -> Any:
        """Never called: the port sees to it."""
        raise NotImplementedError

    def cancel(self) -> None:
        self.cancelled += 1


class Scene:
    """A passage through filters that return these promises."""

    def __init__(self, *promises: Promise) -> None:
        self.clock = VirtualTime(0.0)
        self.deadlines = Deadlines(self.clock)
        self.ends: list[Any] = []
        self.at_once: dict[Promise, Callable[[], object]] = {}
        chain = chain_of([lambda _head, _session, promise=promise: promise for promise in promises])
        assert chain is not None
        pause = chain.request(HEAD, SESSION)
        assert isinstance(pause, Pause)
        self.passage = Passage(pause, later=self._later, deadlines=self.deadlines, limit=5.0, done=self.ends.append)

    def _later(
        self, awaitable: Awaitable[Any], done: Callable[[object, BaseException | None], None]
    ) -> Callable[[], None]:
        assert isinstance(awaitable, Promise)
        awaitable.done = done
        self.at_once.get(awaitable, lambda: None)()
        return awaitable.cancel

    def at_rest(self) -> bool:
        """Whether no deadline is left."""
        return len(self.deadlines) == 0


def test_ends_with_the_head_of_the_last_filter() -> None:
    """One filter after another is awaited, and the request goes on with what the last made of it."""
    first, second = Promise(), Promise()
    scene = Scene(first, second)
    scene.passage.start()
    first.done(CHANGED, None)
    assert scene.ends == []
    second.done(CHANGED, None)
    assert scene.ends == [CHANGED]
    assert (first.cancelled, second.cancelled) == (0, 0)
    assert scene.at_rest()


def test_ends_at_once_where_nothing_is_waited_for() -> None:
    """Filters that have their answers already hold nobody up, though the port calls back before it returns."""
    first, second = Promise(), Promise()
    scene = Scene(first, second)
    scene.at_once = {first: lambda: first.done(CHANGED, None), second: lambda: second.done(CHANGED, None)}
    scene.passage.start()
    assert scene.ends == [CHANGED]
    assert scene.at_rest()


def test_the_one_awaited_now_is_the_one_cancelled() -> None:
    """When the first filter answers at once and the second does not, a cancel reaches the second."""
    first, second = Promise(), Promise()
    scene = Scene(first, second)
    scene.at_once = {first: lambda: first.done(CHANGED, None)}
    scene.passage.start()
    scene.passage.cancel()
    assert second.cancelled == 1
    assert scene.ends == []
    assert scene.at_rest()


def test_a_reply_ends_it() -> None:
    """A filter that answers itself ends the passage."""
    first, second = Promise(), Promise()
    scene = Scene(first, second)
    scene.passage.start()
    first.done(Reply(401), None)
    assert scene.ends == [Reply(401)]
    assert scene.at_rest()


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [(None, LookupError("x"), "raised LookupError"), ("odd", None, "answered a str"), (None, None, "answered a None")],
)
def test_a_failure_ends_it(answer: object, error: BaseException | None, why: str) -> None:
    """What a filter raises in the end, or answers wrongly, is its failure, named and with its cause."""
    promise = Promise()
    scene = Scene(promise)
    scene.passage.start()
    promise.done(answer, error)
    (failed,) = scene.ends
    assert type(failed) is FilterFailed
    assert why in str(failed)
    assert "Scene" in failed.named
    assert error is None or failed.__cause__ is error
    assert scene.at_rest()


def test_all_filters_have_the_time_together() -> None:
    """After the limit the filter awaited then is cancelled and named, and what it still says counts for nothing."""
    first, second = Promise(), Promise()
    scene = Scene(first, second)
    scene.passage.start()
    scene.clock.advance(4)
    first.done(CHANGED, None)
    scene.clock.advance(2)
    (failed,) = scene.ends
    assert isinstance(failed, FilterTimeout)
    assert (failed.status, failed.reason) == (500, "filter-timeout")
    assert str(failed).endswith("took longer than 5 s")
    assert (first.cancelled, second.cancelled) == (0, 1)
    second.done(CHANGED, None)
    assert len(scene.ends) == 1
    assert scene.at_rest()


def test_nothing_follows_a_cancel() -> None:
    """When nobody waits any more, the filter is cancelled and its answer is for nobody."""
    promise = Promise()
    scene = Scene(promise)
    scene.passage.start()
    scene.passage.cancel()
    promise.done(CHANGED, None)
    scene.clock.advance(10)
    assert (promise.cancelled, scene.ends) == (1, [])
    assert scene.at_rest()


def test_a_cancel_from_within_reaches_it() -> None:
    """A passage that is cancelled while its filter starts has it cancelled as soon as that can be."""
    promise = Promise()
    scene = Scene(promise)
    scene.at_once = {promise: scene.passage.cancel}
    scene.passage.start()
    assert (promise.cancelled, scene.ends) == (1, [])
    assert scene.at_rest()
