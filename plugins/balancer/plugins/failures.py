"""How slow backends count that failed lately, lest what fails at once look fast; refuses to choose among them."""

from __future__ import annotations

from math import exp, log

from balancer.errors import Side
from balancer.interfaces import IBackend, Outcome


class Failures:
    """When each backend last failed: by an error of its own, a 429 or a 5xx.

    One that failed counts as `penalty` seconds slow, which fades with a half-life of so many seconds.
    """

    __slots__ = ("_at", "_penalty", "_rate")

    def __init__(self, penalty: float, half_life: float) -> None:
        self._penalty, self._rate = penalty, log(2) / half_life
        self._at: dict[IBackend, float] = {}

    def __bool__(self) -> bool:
        """Whether any has failed so far."""
        return bool(self._at)

    def note(self, backend: IBackend, outcome: Outcome) -> None:
        """A session on it has ended so."""
        status = outcome.status or 0
        if outcome.side is Side.UPSTREAM or status == 429 or status >= 500:
            self._at[backend] = outcome.now

    def slow(self, backend: IBackend, now: float) -> float:
        """The seconds that it counts as slow by now, at the least."""
        failed = self._at.get(backend)
        return 0.0 if failed is None else self._penalty * exp(-self._rate * max(0.0, now - failed))
