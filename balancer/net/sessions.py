"""What is alive on one listener, so that it can be counted, drained and ended; knows no protocol."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred

from balancer.errors import BalancerError


class Living(Protocol):
    """One connection."""

    def drain(self) -> None:
        """Finish what is under way and begin nothing new."""

    def end(self, error: BalancerError) -> None:
        """End now."""


class Sessions:
    """The live connections of one listener."""

    def __init__(self) -> None:
        self.accepted = 0
        self.draining = False
        self._alive: set[Living] = set()
        self._empty: Deferred[None] | None = None

    def __len__(self) -> int:
        return len(self._alive)

    def add(self, one: Living) -> None:
        """A connection has begun."""
        self.accepted += 1
        self._alive.add(one)

    def discard(self, one: Living) -> None:
        """A connection has ended, whatever the reason."""
        self._alive.discard(one)
        if not self._alive and self._empty is not None:
            empty, self._empty = self._empty, None
            empty.callback(None)

    def drain(self) -> Deferred[None]:
        """Tell all to finish; fires when the last has ended. To be called once."""
        self.draining = True
        self._empty = empty = Deferred[None]()
        for one in list(self._alive):
            one.drain()
        if not self._alive and self._empty is not None:
            self._empty = None
            empty.callback(None)
        return empty

    def end_all(self, error: BalancerError) -> None:
        """End all that are still alive."""
        for one in list(self._alive):
            one.end(error)
