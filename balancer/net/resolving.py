"""Names of backends to addresses, by the system's resolver, off the reactor."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from balancer.core.backend import Place


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
    """The place with an address instead of a name, IPv4 where there are both. Raises `LookupError` when unknown."""
    if isinstance(place, str) or is_address(place[0]):
        return place
    addresses = _Addresses()
    reactor.nameResolver.resolveHostName(addresses, place[0])
    await addresses.complete
    if not addresses.found:
        raise LookupError(f"unknown host {place[0]!r}")
    found = sorted(addresses.found, key=lambda address: isinstance(address, IPv6Address))
    return found[0].host, place[1]


def is_address(host: str) -> bool:
    """Whether a host is an IP address and not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
