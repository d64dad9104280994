"""What is alive on one listener, so that it can be counted, drained and ended; knows no protocol."""

from __future__ import annotations

from collections.abc import Iterator
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
from typing import Any, Final, Protocol

import attrs
from twisted.internet.defer import Deferred

from balancer.core.backend import Backend
from balancer.core.secured import Secured
from balancer.core.sources import Source
from balancer.errors import BalancerError
from balancer.net.peers import seen

RESERVED: Final = 64
"""Descriptors left to everything that is no session: listeners, health checks, logs, what companions open."""

UNLIMITED: Final = 1 << 20
"""Sessions at once where the system sets no limit."""


def sessions_possible() -> int:
    """How many sessions of two descriptors each this process can have at once (RLIMIT_NOFILE)."""
    descriptors, _ = getrlimit(RLIMIT_NOFILE)
    return UNLIMITED if descriptors == RLIM_INFINITY else max(1, (descriptors - RESERVED) // 2)


class Room:
    """Room for so many sessions, of all listeners together: beyond that a connection is refused, not half served."""

    def __init__(self, limit: int) -> None:
        self.limit, self.taken, self.refused = limit, 0, 0

    def set_apart(self, descriptors: int) -> None:
        """Leave that many descriptors to something else, but room for one session in any case."""
        self.limit = max(1, self.limit - (descriptors + 1) // 2)

    def full(self) -> bool:
        """Whether there is no room for one more, which is then counted as refused."""
        if self.taken < self.limit:
            return False
        self.refused += 1
        return True


@attrs.frozen
class Sight:
    """How one session is just now: `began` in the reactor's seconds, and the bytes it moved, where they are counted."""

    client: tuple[str, int]
    backend: Backend | None
    began: float
    received: int | None = None
    """From the client."""
    sent: int | None = None
    """To the client."""
    secured: Secured | None = attrs.field(default=None, kw_only=True)
    """The client's TLS, if that ends here."""


class Living(Protocol):
    """One connection."""

    source: Source | None
    """Who it counts for, where that is limited."""

    def drain(self) -> None:
        """Finish what is under way and begin nothing new."""

    def end(self, error: BalancerError) -> None:
        """End now."""

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """Leave that backend, or the way there: for another one where that is safe, else end for that reason."""

    def look(self) -> Sight:
        """How it is."""


class Unplaced:
    """The part of a `Living` that has no backend yet, and nothing to finish.

    `began` is when it connected, in the reactor's seconds.
    """

    transport: Any
    began: float
    secured: Secured | None = None

    @property
    def address(self) -> tuple[str, int]:
        """The client's, as far as it is known."""
        return seen(self.transport)

    def abort(self) -> None:
        """Close at once: RST."""
        self.transport.abortConnection()

    def drain(self) -> None:
        """Nothing has begun."""
        self.abort()

    def end(self, _error: BalancerError) -> None:
        """End now."""
        self.abort()

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """It is on none."""

    def look(self) -> Sight:
        """How it is."""
        return Sight(self.address, None, self.began, secured=self.secured)


class Sessions:
    """The live connections of one listener."""

    def __init__(self, room: Room | None = None) -> None:
        self.room = room or Room(UNLIMITED)
        self.accepted = 0
        self._alive: set[Living] = set()
        self._empty: Deferred[None] | None = None

    def __len__(self) -> int:
        return len(self._alive)

    def __iter__(self) -> Iterator[Living]:
        return iter(self._alive)

    def add(self, one: Living) -> None:
        """A connection has begun."""
        self.accepted += 1
        self.room.taken += 1
        self._alive.add(one)

    def discard(self, one: Living) -> None:
        """A connection has ended, whatever the reason; to be called once."""
        self.room.taken -= 1
        self._alive.discard(one)
        if not self._alive and self._empty is not None:
            empty, self._empty = self._empty, None
            empty.callback(None)

    def withdraw(self, one: Living) -> None:
        """A connection goes on under another protocol, which adds itself at once."""
        self.accepted -= 1
        self.discard(one)

    def drain(self) -> Deferred[None]:
        """Tell all to finish; fires when the last has ended. To be called once."""
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

    def leave(self, backend: Backend, error: BalancerError) -> Iterator[None]:
        """Have all that are alive now leave that backend, one with each step; see `Living.leave`."""
        for one in list(self._alive):
            one.leave(backend, error)
            yield
