"""A reactor whose time is counted, not measured: what is due next is done next, however far off it is.

What is due at one moment is done in the order in which it was asked for, so that a simulation repeats itself. Refuses
to know what is done.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any


class Call:
    """A call to come: what of `IDelayedCall` the balancer asks for."""

    __slots__ = ("_work",)

    def __init__(self, work: Callable[[], object]) -> None:
        self._work: Callable[[], object] | None = work

    def active(self) -> bool:
        """Whether it has yet to come."""
        return self._work is not None

    def cancel(self) -> None:
        """Never call."""
        self._work = None

    def make(self) -> None:
        """Its time has come; once only, and not if it was cancelled."""
        work, self._work = self._work, None
        if work is not None:
            work()


class VirtualClock:
    """What of `IReactorTime` the balancer asks for; begins at 0."""

    def __init__(self) -> None:
        self._now, self._asked = 0.0, 0
        self._calls: list[tuple[float, int, Call]] = []

    def seconds(self) -> float:
        """The time of the call that is made now."""
        return self._now

    def callLater(self, seconds: float, work: Callable[..., object], *arguments: Any, **named: Any) -> Call:
        """Call once, that many seconds from now."""
        call = Call((lambda: work(*arguments, **named)) if arguments or named else work)
        self._asked += 1
        heappush(self._calls, (self._now + seconds, self._asked, call))
        return call

    def run(self, over: Callable[[], bool]) -> None:
        """Make one call after the other, until it is over or none is left."""
        calls = self._calls
        while calls and not over():
            self._now, _, call = heappop(calls)
            call.make()
