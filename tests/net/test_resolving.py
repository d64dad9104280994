"""Names to addresses: only names are asked for, IPv4 is preferred, and unknown is an error, in good time."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from balancer.core.backend import Place
from balancer.net.resolving import PATIENCE, is_address, resolve
from tests.net.house import now

KNOWN: dict[str, list[Any]] = {
    "both": [IPv6Address("TCP", "2001:db8::1", 0), IPv4Address("TCP", "192.0.2.1", 0)],
    "six": [IPv6Address("TCP", "2001:db8::1", 0)],
    "odd": [UNIXAddress("/x")],
    "none": [],
}


class Names(Clock):
    """A reactor that knows some names, and of all others says nothing; `asked` are those who wait for that."""

    def __init__(self) -> None:
        super().__init__()
        self.nameResolver = self
        self.asked: list[Any] = []

    def resolveHostName(self, receiver: Any, host: str) -> None:
        receiver.resolutionBegan(None)
        if host not in KNOWN:
            self.asked.append(receiver)
            return
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
    """Paths and addresses stand, a name becomes an address, of IPv4 where there are both, and no timer is left."""
    names = Names()
    assert now(resolve(names, place)) == expected
    assert not names.getDelayedCalls()


@pytest.mark.parametrize("host", ["none", "odd"])
def test_unknown_hosts(host: str) -> None:
    """A name without an address is an error that gives it."""
    with pytest.raises(LookupError, match=f"unknown host '{host}'"):
        now(resolve(Names(), (host, 80)))


@pytest.mark.parametrize("host", ["10.0.0..1", ".example.com", "a" * 64 + ".example.com"])
def test_impossible_hosts(host: str) -> None:
    """A name that no host can have is unknown at once, without asking anybody."""
    names = Names()
    with pytest.raises(LookupError, match=f"unknown host '{host}'"):
        now(resolve(names, (host, 80)))
    assert not names.asked


def test_a_resolver_that_does_not_answer() -> None:
    """A host about which there is no answer is unknown after a while, and an answer that comes later is not heard."""
    names, raised = Names(), list[Any]()
    Deferred.fromCoroutine(resolve(names, ("silent", 80))).addErrback(raised.append)
    names.advance(PATIENCE - 0.1)
    assert not raised
    names.advance(0.2)
    assert raised[0].getErrorMessage() == "unknown host 'silent': no answer within 10 s"
    names.asked[0].resolutionComplete()


def test_what_is_an_address() -> None:
    """Addresses of both families are told from names."""
    assert [is_address(host) for host in ("10.0.0.1", "::1", "localhost", "1.2.3")] == [True, True, False, False]


async def test_the_systems_resolver(reactor: Any) -> None:
    """The real resolver finds this machine, and nothing under the name that never exists (RFC 6761 6.4)."""
    assert await resolve(reactor, ("localhost", 80)) in {("127.0.0.1", 80), ("::1", 80)}
    with pytest.raises(LookupError):
        await resolve(reactor, ("nobody.invalid", 80))
