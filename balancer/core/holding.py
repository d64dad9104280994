"""Failed sessions that policies see as active for a while, lest what fails at once look idle; judges no failure.

What counts the fewest sessions would otherwise send most of them to a backend that refuses them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from balancer.core.backend import Backend

MOST: Final = 1000
"""Failed sessions of one backend that are held at once; with so many it looks busy enough."""


class Holding:
    """Holds the failed sessions of some backends in their `active`, and counts them as `held`.

    Each is held until `least` seconds after its pick, or for as long as the backends take to answer, on average, if
    that is more. `after` calls back in so many seconds.
    """

    def __init__(
        self, backends: Sequence[Backend], least: float, after: Callable[[float, Callable[[], None]], object]
    ) -> None:
        self._backends, self._least, self._after = backends, least, after
        self._usual, self._until = least, 0.0

    def hold(self, backend: Backend, began: float, now: float) -> None:
        """A session on it that began then has failed now, and is counted no more."""
        left = began + self._seconds(now) - now
        if left > 0 and backend.held < MOST:
            _count(backend, 1)
            self._after(left, partial(_count, backend, -1))

    def _seconds(self, now: float) -> float:
        """For how long; the average is not asked for more often than it could change by much."""
        if now >= self._until:
            times = [time for time in (backend.latency for backend in self._backends) if time is not None]
            self._usual = max(self._least, sum(times) / len(times)) if times else self._least
            self._until = now + self._least
        return self._usual


def _count(backend: Backend, more: int) -> None:
    backend.books.active += more
    backend.books.held += more
