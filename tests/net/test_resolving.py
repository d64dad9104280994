"""Names to addresses: only names are asked for, IPv4 is preferred, and unknown is an error."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from balancer.core.backend import Place
from balancer.net.resolving import is_address, resolve
from tests.net.house import now

KNOWN: dict[str, list[Any]] = {
    "both": [IPv6Address("TCP", "2001:db8::1", 0), IPv4Address("TCP", "192.0.2.1", 0)],
    "six": [IPv6Address("TCP", "2001:db8::1", 0)],
    "odd": [UNIXAddress("/x")],
    "none": [],
}


class Names:
    """A reactor that knows some names."""

    def __init__(self) -> None:
        self.nameResolver = self

    def resolveHostName(self, receiver: Any, host: str) -> None:
        receiver.resolutionBegan(None)
        for address in KNOWN[host]:
            receiver.addressResolved(address)
        receiver.resolutionComplete()


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("/run/app.sock", "/run/app.sock"),
        (("127.0.0.1", 80), ("127.0.0.1", 80)),
        (("::1", 80), ("::1", 80)),
        (("both", 80), ("192.0.2.1", 80)),
        (("six", 80), ("2001:db8::1", 80)),
    ],
)
def test_places(place: Place, expected: Place) -> None:
    """Paths and addresses stand, a name becomes an address, of IPv4 where there are both."""
    assert now(resolve(Names(), place)) == expected


@pytest.mark.parametrize("host", ["none", "odd"])
def test_unknown_hosts(host: str) -> None:
    """A name without an address is an error that gives it."""
    with pytest.raises(LookupError, match=f"unknown host '{host}'"):
        now(resolve(Names(), (host, 80)))


def test_what_is_an_address() -> None:
    """Addresses of both families are told from names."""
    assert [is_address(host) for host in ("10.0.0.1", "::1", "localhost", "1.2.3")] == [True, True, False, False]


async def test_the_systems_resolver(reactor: Any) -> None:
    """The real resolver finds this machine, and nothing under the name that never exists (RFC 6761 6.4)."""
    assert await resolve(reactor, ("localhost", 80)) in {("127.0.0.1", 80), ("::1", 80)}
    with pytest.raises(LookupError):
        await resolve(reactor, ("nobody.invalid", 80))
