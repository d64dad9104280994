"""How often something may happen: token buckets, for all or for each source; is told the time, never what happens.

Times are in seconds. A clock that is set back counts as time gone by, so that nobody is locked out.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import attrs

from balancer.core.sources import Source

SLACK: Final = 1e-6
"""What a bucket may lack of a token: times are rounded, and who keeps to the rate is never refused for that."""

MOST: Final = 1 << 16
"""Sources to keep the buckets of."""


@attrs.frozen
class Rate:
    """So many a second; at once as many as in one second, but always one."""

    per_second: float
    burst: float = attrs.field(init=False, default=attrs.Factory(lambda self: max(1.0, self.per_second), True))


class Bucket:
    """Tokens, which come at a rate up to its burst, and of which each event takes one; full at first."""

    __slots__ = ("_last", "_rate", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate, self._tokens, self._last = rate, rate.burst, now

    def admits(self, now: float) -> bool:
        """Whether there is a token."""
        return self._level(now) >= 1 - SLACK

    def full(self, now: float) -> bool:
        """Whether it is as if nothing had ever happened."""
        return self._level(now) >= self._rate.burst

    def take(self, now: float) -> None:
        """Take a token; there must be one."""
        self._tokens, self._last = self._level(now) - 1, now

    def _level(self, now: float) -> float:
        return min(self._rate.burst, self._tokens + abs(now - self._last) * self._rate.per_second)


class Buckets:
    """A bucket for each source of late, `most` at the most.

    A bucket that is full again is forgotten as others come. Where there are too many that are not, it is the one
    whose last token went longest ago.
    """

    def __init__(self, rate: Rate, most: int = MOST) -> None:
        self._rate, self._most = rate, most
        self._buckets: OrderedDict[Source, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def admits(self, source: Source, now: float) -> bool:
        """Whether there is a token for that source."""
        bucket = self._buckets.get(source)
        return bucket is None or bucket.admits(now)

    def take(self, source: Source, now: float) -> None:
        """Take a token of that source; there must be one."""
        bucket = self._buckets.get(source)
        if bucket is None:
            self._forget(now)
            bucket = self._buckets[source] = Bucket(self._rate, now)
        else:
            self._buckets.move_to_end(source)
        bucket.take(now)

    def _forget(self, now: float) -> None:
        """Two for each that comes, so that those who came once do not stay."""
        for _ in range(2):
            oldest = next(iter(self._buckets.items()), None)
            if oldest is None or not (len(self._buckets) >= self._most or oldest[1].full(now)):
                return
            del self._buckets[oldest[0]]
