"""When a certificate is to be renewed, and when what failed is tried again; refuses to know how one is obtained."""

from __future__ import annotations

from random import Random
from typing import Final

import attrs

SOONER: Final = 0.1
"""Of the time that is left at a renewal: up to so much sooner it happens, so that many do not fall into step."""

LONGEST: Final = 6 * 3600.0
"""Seconds between two tries at most, as long as nobody asks for more."""

MOST_ASKED: Final = 7 * 86400.0
"""Seconds that are waited at most because an authority asks for it."""


def renewal_time(begin: float, end: float, left: float, random: Random) -> float:
    """When to renew a certificate good from `begin` to `end`: as `left` of its life is left, or up to a tenth sooner.

    All times are in seconds since 1970.
    """
    return end - (end - begin) * left * (1 + SOONER * random.random())


@attrs.define
class Pauses:
    """The pauses between tries that fail: `first` seconds, then twice as long each time, up to `LONGEST`.

    Each is up to a tenth shorter, so that many do not fall into step.
    """

    first: float
    random: Random
    failures: int = attrs.field(init=False, default=0)
    """In a row, so far."""

    def failed(self, asked: float = 0.0) -> float:
        """One more; the seconds to the next try, which are no less than `asked`, the authority's wish."""
        pause = min(self.first * 2.0 ** min(self.failures, 64), max(self.first, LONGEST))
        self.failures += 1
        return max(pause * (1 - SOONER * self.random.random()), min(asked, MOST_ASKED))

    def succeeded(self) -> None:
        """It went well; what fails next is tried again soon."""
        self.failures = 0
