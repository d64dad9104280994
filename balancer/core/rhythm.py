"""When to do something again that many do: each keeps its own place in the interval, so that they never fall into step.

Refuses to know a clock, and what is done.
"""

from __future__ import annotations

from math import floor
from typing import Final

import attrs

_GOLDEN: Final = (5**0.5 - 1) / 2
"""Multiples of it, modulo 1, lie as evenly as can be, however many there are (Weyl; Knuth, TAOCP 3, 6.4)."""


def places(group: int, size: int) -> list[float]:
    """Where in the interval each of a group of that size has its place: evenly, and apart from other groups' places.

    The first of the first group is at 0.
    """
    offset = group * _GOLDEN % 1
    return [(index + offset) / size for index in range(size)]


@attrs.frozen
class Rhythm:
    """The times `origin + (place + n) * every` for whole n from 0 up; `place` is from 0 to 1, all else in seconds."""

    origin: float
    place: float

    def first(self, every: float) -> float:
        """The first of them."""
        return self.origin + self.place * every

    def after(self, moment: float, every: float) -> float:
        """The first of them that is later than the moment."""
        passed = floor((moment - self.origin) / every - self.place) + 1
        return self.origin + (max(0, passed) + self.place) * every

    def next(self, last: float, now: float, every: float) -> float:
        """When it is due again that was `last` due then: between half of `every` later and one and a half.

        One that is late is due since then, and will be done at once; one that is late by all of `every`, because it
        took so long or the clock leapt, waits for its next time.
        """
        due = self.after(last + every / 2, every)
        return due if now < due + every else self.after(now, every)
