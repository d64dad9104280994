"""Whose turn it is to move, and how long that side may be silent; knows nothing of what moves.

A connection always waits for something, and each wait ends after microseconds nearly always. So a wait costs no timer:
whoever waits writes down since when, and one deadline for each connection asks now and then whether that is too long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum

import attrs

from balancer.core.deadlines import Deadline, Deadlines
from balancer.errors import BalancerError, DownstreamTimeout, Side, UpstreamTimeout


class Wait(Enum):
    """What an exchange waits for, and what is said when that does not come."""

    BODY = "the client sent nothing more of its request"
    READING = "the client took nothing more of its answer"
    FIRST = "the backend did not begin its answer"
    STALL = "the backend sent nothing more of its answer"


@attrs.frozen
class Patience:
    """How long each wait of an exchange may last, in seconds; `total`, if given, bounds the whole of it."""

    body: float
    reading: float
    first: float
    stall: float
    total: float | None = None

    def limit(self, wait: Wait) -> float:
        """Seconds allowed to that wait."""
        limits = {Wait.BODY: self.body, Wait.READING: self.reading, Wait.FIRST: self.first, Wait.STALL: self.stall}
        return limits[wait]

    @property
    def least(self) -> float:
        """The shortest of its times."""
        return min(self.body, self.reading, self.first, self.stall, self.total or self.body)


def awaited(slow: Collection[Side], *, complete: bool, begun: bool) -> Wait:
    """Whose turn it is: that of a side that does not read, the client first, else that of the side with more to say.

    `complete` says that the request is, and `begun` that the answer has. A backend that is not read because the client
    is slow is not to blame.
    """
    if Side.DOWNSTREAM in slow:
        return Wait.READING
    if complete or slow:
        return Wait.STALL if begun else Wait.FIRST
    return Wait.BODY


def too_long(wait: Wait, limit: float) -> BalancerError:
    """The error that such a wait ends with."""
    kind = DownstreamTimeout if wait in {Wait.BODY, Wait.READING} else UpstreamTimeout
    return kind(f"{wait.value} within {limit:g} s")


class Watch:
    """Calls `ask` in time, for one who always waits for something, for `least` seconds at the least.

    `ask` does what is due, and answers how many seconds are left of what is waited for now; or None when it is over.
    """

    __slots__ = ("_ask", "_deadline", "_least", "deadlines")

    def __init__(self, deadlines: Deadlines, least: float, ask: Callable[[], float | None]) -> None:
        self.deadlines, self._least, self._ask = deadlines, least, ask
        self._deadline: Deadline | None = deadlines.after(least, self._look)

    def hurry(self, seconds: float) -> None:
        """What is waited for now may last that long only, which is less than the usual least."""
        if self._deadline is not None:
            self._deadline.move(seconds)

    def stop(self) -> None:
        """It is over. Allowed at any time, any number of times."""
        deadline, self._deadline = self._deadline, None  # which leads back here
        if deadline is not None:
            deadline.cancel()

    def left(self, since: float, limit: float) -> float:
        """The seconds left of a wait; 0 when they are over.

        `since`, a time by `deadlines.now`, may be a granule before the truth, so the wait lasts one longer.
        """
        deadlines = self.deadlines
        return max(0.0, since + limit + deadlines.granule - deadlines.now)

    def _look(self) -> None:
        left = self._ask()
        if left is not None:
            self.hurry(min(left, self._least))
