"""What share of its sessions a backend is given that has just come back; draws nothing, and knows no sessions.

The curve is Envoy's. A share is relative to those beside it: where all are new, none is held back.
"""

from __future__ import annotations

from collections.abc import Collection
from math import inf

import attrs

from balancer.core.backend import Backend


@attrs.frozen
class Curve:
    """From `least` up to all in `window` seconds: evenly with an `aggression` of 1, sooner with more."""

    window: float
    aggression: float = 1.0
    least: float = 0.1

    def share(self, elapsed: float) -> float:
        """The share so many seconds after the start."""
        return float(min(1.0, max(self.least, (max(elapsed, 1.0) / self.window) ** (1 / self.aggression))))


class Starts:
    """Which backends have come back lately: were unfit, or on trial, and are no longer.

    The start of the process is none: what comes up for the first time in the first `window` of it takes its full share.
    """

    def __init__(self, curve: Curve, now: float) -> None:
        self._curve, self._began = curve, now
        self._since: dict[Backend, float] = {}
        self._in_service = frozenset[Backend]()
        self._known = frozenset[Backend]()
        self._first: dict[int, float] = {}  # when the longest in service started, by tier

    def settle(self, backends: Collection[Backend], now: float) -> None:
        """What makes these usable has changed: see who has come, and who has gone."""
        serving = frozenset(backend for backend in backends if backend.fit and backend.trial is None)
        for backend in backends:
            if backend not in serving or self._over(backend, now):
                self._end(backend)
            elif backend not in self._in_service and self._is_back(backend, now):
                self._since[backend] = now
                backend.become(starting=True)
        self._in_service = serving
        self._known = self._known.intersection(backends) | serving
        self._first = {}
        for backend in backends:
            if backend.usable:
                since = self._since.get(backend, -inf)
                self._first[backend.tier] = min(since, self._first.get(backend.tier, inf))

    def share(self, backend: Backend, now: float) -> float:
        """Its share now, above 0 and at most 1, relative to that of the longest in service in its tier."""
        if self._over(backend, now):
            self._end(backend)
        since = self._since.get(backend)
        if since is None:
            return 1.0
        longest = self._first.get(backend.tier, since)
        return self._curve.share(now - since) / self._curve.share(now - longest)

    def _is_back(self, backend: Backend, now: float) -> bool:
        """Whether one that serves has done so before, or the start of the process is over."""
        return backend in self._known or now - self._began >= self._curve.window

    def _over(self, backend: Backend, now: float) -> bool:
        return now - self._since.get(backend, now) >= self._curve.window

    def _end(self, backend: Backend) -> None:
        """It is starting no longer, if it was."""
        if self._since.pop(backend, None) is not None:
            backend.become(starting=False)
