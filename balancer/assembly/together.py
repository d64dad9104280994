"""Steps of a start that wait for others, done side by side; refuses to know what they do."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList

_Result = TypeVar("_Result")


async def together(steps: Iterable[Coroutine[Any, Any, _Result]]) -> list[_Result]:
    """Their results, in order, once all have ended. Raises what the first that failed in that order has raised."""
    running = [Deferred.fromCoroutine(step) for step in steps]
    ends: list[Any] = await DeferredList(running, consumeErrors=True)
    for fine, result in ends:
        if not fine:
            result.raiseException()
    return [result for _, result in ends]
