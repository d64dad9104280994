"""Names to addresses: all of them in the system's order, one lookup a host, and unknown is an error, in good time."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from balancer.net.resolving import PATIENCE, Found, SystemNames
from tests.net.house import now

KNOWN: dict[str, list[Any]] = {
    "both": [IPv6Address("TCP", "2001:db8::1", 0), IPv4Address("TCP", "192.0.2.1", 0)],
    "odd": [UNIXAddress("/x")],
    "none": [],
}


class System(Clock):
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


def test_all_addresses_in_order() -> None:
    """A name has all the addresses that the system tells, in its order, and no timer is left."""
    system = System()
    assert now(SystemNames(system).look_up("both")) == Found(("2001:db8::1", "192.0.2.1"))
    assert not system.getDelayedCalls()


@pytest.mark.parametrize("host", ["none", "odd"])
def test_unknown_hosts(host: str) -> None:
    """A name without an address is an error that gives it."""
    with pytest.raises(LookupError, match=f"unknown host '{host}'"):
        now(SystemNames(System()).look_up(host))


@pytest.mark.parametrize("host", ["10.0.0..1", ".example.com", "a" * 64 + ".example.com"])
def test_impossible_hosts(host: str) -> None:
    """A name that no host can have is unknown at once, without asking anybody."""
    system = System()
    with pytest.raises(LookupError, match=f"unknown host '{host}'"):
        now(SystemNames(system).look_up(host))
    assert not system.asked


def asked(names: SystemNames, results: list[Any]) -> Deferred[Any]:
    """Look a host up that is slow to be found."""
    return (
        Deferred.fromCoroutine(names.look_up("slow")).addErrback(lambda failure: failure.value).addBoth(results.append)
    )


def test_a_resolver_that_does_not_answer() -> None:
    """A host about which there is no answer is unknown after a while, and an answer that comes later is not heard."""
    system, results = System(), list[Any]()
    asked(SystemNames(system), results)
    system.advance(PATIENCE - 0.1)
    assert not results
    system.advance(0.2)
    system.asked[0].resolutionComplete()
    assert [str(result) for result in results] == ["unknown host 'slow': no answer within 10 s"]


def test_one_lookup_for_each_host() -> None:
    """Whoever asks for a host that is being looked up waits for the same answer, even after others have given up."""
    system, results = System(), list[Any]()
    names = SystemNames(system)
    asked(names, results).cancel()
    asked(names, results)
    asked(names, results)
    (receiver,) = system.asked
    receiver.addressResolved(IPv4Address("TCP", "192.0.2.1", 0))
    receiver.resolutionComplete()
    assert results[1:] == [Found(("192.0.2.1",))] * 2
    asked(names, results)
    assert len(system.asked) == 2


async def test_the_systems_resolver(reactor: Any) -> None:
    """The real resolver finds this machine, and nothing under the name that never exists (RFC 6761 6.4)."""
    names = SystemNames(reactor)
    assert set((await names.look_up("localhost")).hosts) <= {"127.0.0.1", "::1"}
    with pytest.raises(LookupError):
        await names.look_up("nobody.invalid")
