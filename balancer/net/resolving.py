"""Names of backends to addresses, by the system's resolver, off the reactor; refuses to know who wants them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import attrs
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

PATIENCE: Final = 10.0
"""Seconds that a lookup may take."""


@attrs.frozen
class Found:
    """The addresses of a host, in the order they were told; `ttl` is for how many seconds, if known."""

    hosts: tuple[str, ...]
    ttl: float | None = None


class Names(Protocol):
    """Knows the addresses of hosts."""

    async def look_up(self, host: str) -> Found:
        """Find the addresses, at least one. Raises `LookupError` when there is none, or no answer within `PATIENCE`."""


@implementer(IResolutionReceiver)
class _Answer:
    """Collects what the resolver finds; `ended` is called once there is no more to come."""

    def __init__(self, ended: Callable[[], object]) -> None:
        self._ended = ended
        self._found: list[str] = []
        self._waiting: list[Deferred[list[str]]] | None = []

    def wait(self) -> Deferred[list[str]]:
        """Fires with what is found."""
        if self._waiting is None:
            return succeed(self._found)
        waiting = Deferred[list[str]]()
        self._waiting.append(waiting)
        return waiting

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """Nothing has been found yet."""

    def addressResolved(self, address: IAddress) -> None:
        """One address."""
        if isinstance(address, IPv4Address | IPv6Address):
            self._found.append(address.host)

    def resolutionComplete(self) -> None:
        """There are no others."""
        self._ended()
        waiting, self._waiting = self._waiting or [], None
        for one in waiting:
            one.callback(self._found)


class SystemNames:
    """`Names` as the system knows them, its files included.

    A lookup keeps a thread until the system answers, so there is never more than one for a host.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._asked: dict[str, _Answer] = {}

    async def look_up(self, host: str) -> Found:
        """See `Names`; the order is the system's (RFC 6724)."""
        if not _can_be_known(host):
            raise LookupError(f"unknown host {host!r}")
        try:
            found = await self._ask(host).wait().addTimeout(PATIENCE, self._reactor)
        except TimedOut:
            raise LookupError(f"unknown host {host!r}: no answer within {PATIENCE:g} s") from None
        if not found:
            raise LookupError(f"unknown host {host!r}")
        return Found(tuple(found))

    def _ask(self, host: str) -> _Answer:
        answer = self._asked.get(host)
        if answer is None:
            answer = self._asked[host] = _Answer(lambda: self._asked.pop(host))
            self._reactor.nameResolver.resolveHostName(answer, host)
        return answer


def _can_be_known(host: str) -> bool:
    """Whether a host can have a name like that (RFC 1035 2.3.4); of one that cannot, Twisted's resolver never tells."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True
