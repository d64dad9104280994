"""Sees the coroutines and Deferreds of filters through, for a core that knows neither; refuses to judge the results."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


def later(awaitable: Awaitable[Any], done: Callable[[object, BaseException | None], None]) -> Callable[[], None]:
    """Await it, and call `done` once with its result or error; see `core.passage.SeeThrough`."""
    deferred = Deferred.fromCoroutine(_awaited(awaitable))

    def failed(failure: Failure) -> None:
        done(None, failure.value)

    deferred.addCallbacks(lambda result: done(result, None), failed)
    return lambda: _cancel(deferred)


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    """Whatever can be awaited, as a coroutine."""
    return await awaitable


def _cancel(deferred: Deferred[None]) -> None:
    """Cancel, whatever a stranger's canceller raises: nobody waits for what it was to cancel."""
    with suppress(BaseException):
        deferred.cancel()
