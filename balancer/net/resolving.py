"""Names of backends to addresses, by the system's resolver, off the reactor."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from balancer.core.backend import Place

PATIENCE: Final = 10.0
"""Seconds that the resolver has to answer."""


@implementer(IResolutionReceiver)
class _Addresses:
    """Collects what the resolver finds."""

    def __init__(self) -> None:
        self.found: list[IPv4Address | IPv6Address] = []
        self.complete: Deferred[None] = Deferred()

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """Nothing has been found yet."""

    def addressResolved(self, address: IAddress) -> None:
        """One address."""
        if isinstance(address, IPv4Address | IPv6Address):
            self.found.append(address)

    def resolutionComplete(self) -> None:
        """There are no others."""
        self.complete.callback(None)


async def resolve(reactor: Any, place: Place) -> Place:
    """The place with an address instead of a name, IPv4 where there are both.

    Raises `LookupError` when it is unknown, or not known within `PATIENCE`.
    """
    if isinstance(place, str) or is_address(place[0]):
        return place
    host, port = place
    found = await _look_up(reactor, host) if _can_be_known(host) else []
    if not found:
        raise LookupError(f"unknown host {host!r}")
    return min(found, key=lambda address: isinstance(address, IPv6Address)).host, port


async def _look_up(reactor: Any, host: str) -> list[IPv4Address | IPv6Address]:
    """The addresses of a host. Raises `LookupError` when there is no answer."""
    addresses = _Addresses()
    reactor.nameResolver.resolveHostName(addresses, host)
    try:
        await addresses.complete.addTimeout(PATIENCE, reactor)
    except TimedOut:
        raise LookupError(f"unknown host {host!r}: no answer within {PATIENCE:g} s") from None
    return addresses.found


def _can_be_known(host: str) -> bool:
    """Whether a host can have a name like that (RFC 1035 2.3.4); of one that cannot, Twisted's resolver never tells."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def is_address(host: str) -> bool:
    """Whether a host is an IP address and not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
