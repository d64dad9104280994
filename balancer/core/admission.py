"""Who may connect to one listener: judged by how many are there and how often they come; closes and counts nobody."""

from __future__ import annotations

import attrs

from balancer.core.rates import Bucket, Buckets, Rate
from balancer.core.sources import Shares, Source, source
from balancer.errors import LimitReached, ListenerBusy, ListenerFull, SourceBusy, SourceFull


@attrs.frozen
class Limits:
    """What a listener allows, as far as it says: connections at once and new ones a second, in all and of a source."""

    connections: int | None = None
    connections_per_source: int | None = None
    rate: float | None = None
    rate_per_source: float | None = None


class Admission:
    """The state of one listener's limits.

    A connection of a source is to be told of by `enter` and, once, by `leave`.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._bucket = None if limits.rate is None else Bucket(Rate(limits.rate), now)
        self._shares = None if limits.connections_per_source is None else Shares(limits.connections_per_source)
        self._buckets = None if limits.rate_per_source is None else Buckets(Rate(limits.rate_per_source))

    def source(self, host: str) -> Source | None:
        """Who is behind an address, if that matters here; nobody in particular is behind none, as over unix sockets."""
        if not host or (self._shares is None and self._buckets is None):
            return None
        return source(host)

    def judge(self, alive: int, source: Source | None, now: float) -> LimitReached | None:
        """Why one more may not connect, with so many alive; None if it may, which the rates then count.

        Without a source it is judged by what holds for all.
        """
        refused = self._of_all(alive, now) or self._of_source(source, now)
        if refused is None:
            if self._bucket is not None:
                self._bucket.take(now)
            self._take(source, now)
        return refused

    def judge_source(self, source: Source | None, now: float) -> LimitReached | None:
        """The same of one that was judged without its source before."""
        refused = self._of_source(source, now)
        if refused is None:
            self._take(source, now)
        return refused

    def enter(self, source: Source) -> None:
        """A connection of that source has begun."""
        if self._shares is not None:
            self._shares.take(source)

    def leave(self, source: Source) -> None:
        """It has ended."""
        if self._shares is not None:
            self._shares.give_back(source)

    def _of_all(self, alive: int, now: float) -> LimitReached | None:
        limits = self._limits
        if limits.connections is not None and alive >= limits.connections:
            return ListenerFull(f"max_connections={limits.connections} is reached")
        if self._bucket is not None and not self._bucket.admits(now):
            return ListenerBusy(f"max_rate={limits.rate:g} is reached")
        return None

    def _of_source(self, source: Source | None, now: float) -> LimitReached | None:
        if source is None:
            return None
        limits = self._limits
        if self._shares is not None and self._shares.full(source):
            return SourceFull(f"max_connections_per_source={limits.connections_per_source} is reached")
        if self._buckets is not None and not self._buckets.admits(source, now):
            return SourceBusy(f"max_rate_per_source={limits.rate_per_source:g} is reached")
        return None

    def _take(self, source: Source | None, now: float) -> None:
        if source is not None and self._buckets is not None:
            self._buckets.take(source, now)
