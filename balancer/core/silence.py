"""Whose turn it is to move, and how long that side may be silent; knows nothing of what moves."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

import attrs

from balancer.core.deadlines import Deadline, Deadlines
from balancer.errors import BalancerError, DownstreamTimeout, Side, UpstreamTimeout


@attrs.frozen
class Patience:
    """How long silence is borne, in seconds: the client's (listener), and the backend's (pool)."""

    downstream: float
    upstream: float

    def limit(self, side: Side) -> float:
        """Seconds of silence allowed to that side."""
        return self.downstream if side is Side.DOWNSTREAM else self.upstream


ERRORS: Final = {Side.DOWNSTREAM: DownstreamTimeout, Side.UPSTREAM: UpstreamTimeout}


def awaited(slow: Collection[Side], *, complete: bool) -> Side:
    """Whose turn it is: that of a side that does not read, the client first, else that of the side with more to say.

    `complete` says that the request is. A backend that is not read because the client is slow is not to blame.
    """
    if slow:
        return Side.DOWNSTREAM if Side.DOWNSTREAM in slow else Side.UPSTREAM
    return Side.UPSTREAM if complete else Side.DOWNSTREAM


class Silence:
    """Calls `fail` once when the side that is awaited has been silent for as long as `patience` allows it."""

    __slots__ = ("_deadline", "_deadlines", "_fail", "_last", "_patience", "_side")

    def __init__(self, deadlines: Deadlines, patience: Patience, fail: Callable[[BalancerError], None]) -> None:
        self._deadlines, self._patience, self._fail = deadlines, patience, fail
        self._deadline: Deadline | None = None
        self._side, self._last = Side.DOWNSTREAM, deadlines.now

    def moved(self) -> None:
        """Something came, from either side: the count begins anew."""
        self._last = self._deadlines.now

    def expect(self, side: Side) -> None:
        """It is that side's turn from now on."""
        self._side, self._last = side, self._deadlines.now
        limit = self._patience.limit(side)
        if self._deadline is None:
            self._deadline = self._deadlines.after(limit, self._look)
        else:
            self._deadline.move(limit)

    def stop(self) -> None:
        """It is over; nobody is awaited."""
        if self._deadline is not None:
            self._deadline.cancel()

    def _look(self) -> None:
        """The deadline fired: silent all that time, or something moved and the rest is to be waited.

        `_last` may be a granule behind the truth, which `move` makes up for by adding one.
        """
        limit = self._patience.limit(self._side)
        remaining = limit - (self._deadlines.now - self._last)
        if remaining > -self._deadlines.granule and self._deadline is not None:
            self._deadline.move(remaining)
        else:
            self._fail(ERRORS[self._side](f"the {self._side.value} side was silent for {limit:g} s"))
