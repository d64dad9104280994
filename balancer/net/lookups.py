"""Keeps the addresses of backends up to date by looking their names up again; refuses to know how names are known.

What was known last stays in use while a name cannot be looked up, and sessions that are alive stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from balancer.core.addresses import in_turns
from balancer.core.backend import Backend
from balancer.net.resolving import Found, Names

RETRY: Final = 5.0
"""Seconds after a lookup that failed until the next, if names are not looked up more often anyway."""

LEAST: Final = 1.0
"""Seconds for which an answer counts at least, whatever it says itself."""

log = Logger("balancer")


@attrs.frozen
class Pace:
    """When names are looked up again: after `every` seconds, or sooner if an answer says so, or is missing."""

    every: float
    random: Random

    def pause(self, found: Found | None) -> float:
        """Seconds to the next lookup, up to a tenth less so that many do not fall into step."""
        wanted = RETRY if found is None else self.every if found.ttl is None else max(LEAST, found.ttl)
        return min(wanted, self.every) * (1 - 0.1 * self.random.random())


class Lookup:
    """The lookups of one backend's name, one after another for as long as it runs.

    `moved` is called when an address is new or gone, `told` with a line for the operator when something has changed.
    """

    def __init__(
        self,
        backend: Backend,
        authority: tuple[str, int],
        names: Names,
        *,
        reactor: Any,
        pace: Pace,
        moved: Callable[[Backend], object],
        told: Callable[[str], object],
    ) -> None:
        self._backend, self._names = backend, names
        self._host, self._port = authority
        self._reactor, self._pace = reactor, pace
        self._moved, self._told = moved, told
        self._found: Found | None = None
        self._failing = False
        self._call: IDelayedCall | None = None
        self._running: Deferred[None] | None = None

    async def look(self) -> None:
        """Look the name up and take the answer over. Raises `LookupError`, and then nothing has changed."""
        self._found = None
        found = await self._names.look_up(self._host)
        hosts = in_turns(host for host in found.hosts if _fits(host, self._backend.source))
        if not hosts:
            raise LookupError(f"host {self._host!r} has no address that the source {self._backend.source} can reach")
        self._found = found
        if self._backend.move((host, self._port) for host in hosts) and self._call is not None:
            self._told(f"{self._host} is at {', '.join(hosts)}")
            self._moved(self._backend)

    def start(self) -> None:
        """Look again after a pause, which depends on what was found before."""
        self._call = self._reactor.callLater(self._pace.pause(self._found), self._run)

    def stop(self) -> None:
        """Look no more; a lookup under way is given up."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
        if self._running is not None:
            self._running.cancel()

    def _run(self) -> None:
        self._running = Deferred.fromCoroutine(self.look())
        self._running.addCallbacks(self._known, self._unknown).addErrback(_broken).addBoth(self._ended)

    def _known(self, _: None) -> None:
        if self._failing:
            self._failing = False
            self._told(f"{self._host} can be looked up again")

    def _unknown(self, failure: Failure) -> None:
        failure.trap(LookupError, CancelledError)
        if self._call is not None and not self._failing:
            self._failing = True
            self._told(f"{failure.getErrorMessage()}; {self._left()}")

    def _left(self) -> str:
        return "what was known before stays in use" if self._backend.places else "it is looked up again and again"

    def _ended(self, _: None) -> None:
        self._running = None
        if self._call is not None:
            self.start()


def _broken(failure: Failure) -> None:
    log.failure("a lookup failed unexpectedly", failure)


def _fits(host: str, source: str) -> bool:
    """Whether that address can be reached from this one, by their families."""
    return not source or (":" in host) is (":" in source)
