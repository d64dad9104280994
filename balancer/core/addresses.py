"""Several addresses of one backend: their order, and a race between them that one wins; knows no sockets and no clock.

This is RFC 8305 ("happy eyeballs"): the next address is tried in parallel as soon as one has failed, or has not
answered for a while, and the first that stands ends the attempts at all the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import chain, zip_longest
from typing import Final, Protocol

from balancer.core.backend import Place

HEAD_START: Final = 0.25
"""Seconds that an address has before the next one is tried as well (RFC 8305 section 5)."""

MOST: Final = 16
"""Addresses of one name that are used; whoever answers for it decides how many there are."""


def in_turns(hosts: Iterable[str]) -> tuple[str, ...]:
    """The addresses with their families in turn, beginning with that of the first (RFC 8305 section 4), each once."""
    known = list(dict.fromkeys(hosts))
    families = [[host for host in known if (":" in host) is of_six] for of_six in (True, False)]
    families.sort(key=lambda family: family[:1] != known[:1])
    mixed = chain.from_iterable(zip_longest(*families))
    return tuple(host for host in mixed if host is not None)[:MOST]


class Track(Protocol):
    """What a race is run on: the edge."""

    def start(self, place: Place) -> None:
        """Begin to connect there. The race may be told what came of it before this returns."""

    def stop(self, place: Place) -> None:
        """Give that attempt up."""

    def wait(self, seconds: float) -> None:
        """Call `Race.late` once, that much later; an earlier wait is forgotten."""

    def rest(self) -> None:
        """Wait no more."""

    def won(self, place: Place) -> None:
        """That one stands, and no other is under way."""

    def lost(self, reasons: list[BaseException]) -> None:
        """All have failed, in this order; there are no reasons if there was no place."""


class Race:
    """One connection to whichever place stands first; each is tried once at most."""

    def __init__(self, places: Iterable[Place], track: Track) -> None:
        self._waiting, self._track = deque(places), track
        self._running: dict[Place, None] = {}
        self._reasons: list[BaseException] = []

    def begin(self) -> None:
        """Try the first."""
        if self._waiting:
            self._next()
        else:
            self._track.lost([])

    def late(self) -> None:
        """What runs takes long; try the next as well."""
        if self._waiting:
            self._next()

    def failed(self, place: Place, reason: BaseException) -> None:
        """That attempt has come to nothing; the next has no longer to wait for it."""
        if place not in self._running:
            return
        del self._running[place]
        self._reasons.append(reason)
        if self._waiting:
            self._next()
        elif not self._running:
            self._track.rest()
            self._track.lost(self._reasons)

    def stands(self, place: Place) -> bool:
        """That one is connected; False if it is too late for that, and it must be closed."""
        if place not in self._running:
            return False
        del self._running[place]
        self.cancel()
        self._track.won(place)
        return True

    def cancel(self) -> None:
        """Give up whatever runs; nobody is told."""
        running, self._running = self._running, {}
        self._waiting.clear()
        self._track.rest()
        for place in running:
            self._track.stop(place)

    def _next(self) -> None:
        place = self._waiting.popleft()
        self._running[place] = None
        if self._waiting:
            self._track.wait(HEAD_START)
        self._track.start(place)
