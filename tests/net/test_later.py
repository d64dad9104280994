"""Whatever can be awaited is seen through, and told of once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from balancer.net.later import later


class Told:
    """What the port said."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.errors: list[Any] = []

    def __call__(self, answer: object, error: BaseException | None) -> None:
        if error is None:
            self.answers.append(answer)
        else:
            self.errors.append(error)


async def after(what: Any) -> Any:
    """What comes of it."""
    return await what


def wrapped_in(kind: str, deferred: Deferred[Any]) -> Any:
    """The same Deferred, by itself or awaited by a coroutine."""
    return deferred if kind == "deferred" else after(deferred)


@pytest.mark.parametrize("kind", ["deferred", "coroutine"])
def test_a_result_is_told_when_it_is_there(kind: str) -> None:
    """The result of a Deferred, or of a coroutine that awaits one, is told once, when it is there."""
    told, deferred = Told(), Deferred[str]()
    cancel = later(wrapped_in(kind, deferred), told)
    assert told.answers == []
    deferred.callback("head")
    cancel()
    assert (told.answers, told.errors) == (["head"], [])


@pytest.mark.parametrize("kind", ["deferred", "coroutine"])
def test_a_result_that_is_there_is_told_at_once(kind: str) -> None:
    """What waits for nothing is told before the port returns, and what it raises as well."""
    told, error = Told(), LookupError()
    later(wrapped_in(kind, succeed("head")), told)
    later(wrapped_in(kind, fail(error)), told)
    assert (told.answers, told.errors) == (["head"], [error])


@pytest.mark.parametrize("kind", ["deferred", "coroutine"])
def test_a_cancel_reaches_what_is_awaited(kind: str) -> None:
    """Cancelled, a Deferred and whatever a coroutine awaits is cancelled."""
    told, cancelled = Told(), list[Any]()
    cancel = later(wrapped_in(kind, Deferred(cancelled.append)), told)
    cancel()
    assert len(cancelled) == 1
    assert [type(error) for error in told.errors] == [CancelledError]


def test_a_canceller_that_raises_is_contained() -> None:
    """Whatever a stranger's canceller raises gets no further."""

    def canceller(_deferred: Deferred[Any]) -> None:
        raise SystemExit

    later(Deferred(canceller), Told())()


@pytest.mark.parametrize("leave", [sys.exit, lambda: (_ for _ in ()).throw(KeyboardInterrupt())])
def test_what_would_end_a_process_is_told(leave: Callable[[], Any]) -> None:
    """A coroutine that raises `SystemExit` has failed, and that is all."""

    async def leaves() -> None:
        leave()

    told = Told()
    later(leaves(), told)
    assert [isinstance(error, SystemExit | KeyboardInterrupt) for error in told.errors] == [True]


def test_any_awaitable_will_do() -> None:
    """An object of a stranger's that can be awaited is awaited."""

    class Ready:
        def __await__(self) -> Any:
            """Wait for nothing."""
            return iter(())

    told = Told()
    later(Ready(), told)
    assert told.answers == [None]
