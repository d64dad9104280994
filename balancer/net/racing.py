"""A race of connections to the addresses of one backend, on any timer; refuses to know how a connection is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs

from balancer.core.addresses import Race
from balancer.core.backend import Backend, Place
from balancer.core.deadlines import Later, Timer
from balancer.net.reasons import most_telling


class Attempt(Protocol):
    """One attempt to connect, under way."""

    def cancel(self) -> None:
        """Give up; nothing stays open, and nobody is called."""


class Awaiting(Protocol):
    """Who waits for one attempt."""

    def stands(self, protocol: Any) -> None:
        """The connection stands."""

    def failed(self, reason: BaseException) -> None:
        """It could not be made."""


Begin = Callable[[Place, Awaiting], Attempt | None]
"""Begins to connect to a place; who waits may be told what came of it before it returns."""


@attrs.frozen
class Runner:
    """Who waits for the attempt at one address."""

    racing: Racing
    place: Place

    def stands(self, protocol: Any) -> None:
        """The connection stands; one that comes too late is cut."""
        self.racing.stands(self.place, protocol)

    def failed(self, reason: BaseException) -> None:
        """It could not be made."""
        self.racing.failed(self.place, reason)


class Racing:
    """One attempt at a backend by all its addresses: `core.addresses.Track`, and an `Attempt` to whoever waits."""

    def __init__(self, backend: Backend, awaiting: Awaiting, *, begin: Begin, later: Later) -> None:
        self._race = Race(backend.places, self)
        self._backend, self._awaiting = backend, awaiting
        self._begin, self._later = begin, later
        self._attempts: dict[Place, Attempt] = {}
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Try the first address. Who waits may be told what came of it before this returns."""
        self._race.begin()

    def cancel(self) -> None:
        """See `Attempt.cancel`."""
        self._race.cancel()

    def stands(self, place: Place, protocol: Any) -> None:
        """One connection stands: it is handed on, if nobody was faster."""
        self._attempts.pop(place, None)
        if self._race.stands(place):
            self._awaiting.stands(protocol)
        else:
            protocol.transport.abortConnection()

    def failed(self, place: Place, reason: BaseException) -> None:
        """One could not be made."""
        self._attempts.pop(place, None)
        self._race.failed(place, reason)

    def start(self, place: Place) -> None:
        """See `Track.start`."""
        attempt = self._begin(place, Runner(self, place))
        if attempt is not None:
            self._attempts[place] = attempt

    def stop(self, place: Place) -> None:
        """See `Track.stop`."""
        self._attempts.pop(place).cancel()

    def wait(self, seconds: float) -> None:
        """See `Track.wait`."""
        self.rest()
        self._timer = self._later(seconds, self._late)

    def rest(self) -> None:
        """See `Track.rest`."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def won(self, place: Place) -> None:
        """See `Track.won`: the winner is tried first from now on."""
        self._backend.stood(place)

    def lost(self, reasons: list[BaseException]) -> None:
        """See `Track.lost`."""
        self._awaiting.failed(most_telling(reasons))

    def _late(self) -> None:
        self._timer = None
        self._race.late()
