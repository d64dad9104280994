"""Checks of a backend with several addresses or none, from an address of ours, and when we are short of something."""

from __future__ import annotations

from collections.abc import Callable
from errno import EADDRNOTAVAIL, EMFILE
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogEvent, formatEvent

from balancer.core.backend import Backend
from balancer.errors import CheckFailed
from balancer.net.check_target import Target
from balancer.plugins.health import TCPCheck
from balancer.testing import MemoryNetwork
from tests.net.house import Far, House
from tests.net.test_checks import checked


class Sources(MemoryNetwork):
    """Notes from where connections are made; `trouble` is what the system is short of."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[Any] = []
        self.trouble: int | None = None

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float | None = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> Any:
        self.sources.append(bindAddress)
        if self.trouble is not None:
            raise OSError(self.trouble, "?")
        return super().connectTCP(host, port, factory, timeout, bindAddress)


def knock(network: MemoryNetwork, *places: Any, source: str = "") -> tuple[Backend, list[Any]]:
    """Connect as a check does, to a backend at these places; and what comes of it."""
    backend, results = Backend("b", "b:80", None, seconds=network.seconds, source=source), list[Any]()
    backend.move(places)
    target = Target(network, backend, 5)
    target.connect(Factory.forProtocol(Protocol)).addErrback(lambda failure: failure.value).addCallback(results.append)
    network.pump()
    return backend, results


def test_any_address_will_do() -> None:
    """A backend is well if it answers at one of its addresses, which is the first to be tried then."""
    network = MemoryNetwork()
    network.hang(9001)
    far = Far(network, 9002)
    backend = Backend("b", "b:80", None, seconds=network.seconds)
    backend.move([("::1", 9001), ("127.0.0.1", 9002)])
    target = Target(network, backend, 5)
    checking = Deferred.fromCoroutine(TCPCheck().check(target))
    network.advance(0.6)
    assert checking.called
    assert (len(far.calls), backend.place, network.connecting) == (1, ("127.0.0.1", 9002), [])


def test_no_address_at_all() -> None:
    """A backend whose name is unknown fails its checks at once, for that reason."""
    _, (error,) = knock(MemoryNetwork())
    assert isinstance(error, CheckFailed)
    assert str(error) == "b:80: its name is unknown"


def test_a_check_that_is_cancelled_leaves_nothing() -> None:
    """No attempt goes on at any address, and no timer is left, when the check is given up."""
    network = MemoryNetwork()
    for port in (9001, 9002):
        network.hang(port)
    backend = Backend("b", "b:80", None, seconds=network.seconds)
    backend.move([("::1", 9001), ("127.0.0.1", 9002)])
    checking = Deferred.fromCoroutine(TCPCheck().check(Target(network, backend, 5)))
    checking.addErrback(lambda _: None)
    network.advance(0.6)
    assert len(network.connecting) == 2
    checking.cancel()
    assert (network.connecting, network.clock.calls) == ([], [])


def test_our_own_address() -> None:
    """Checks come from the source of the pool's connections."""
    network = Sources()
    knock(network, ("127.0.0.1", 9001), source="127.0.0.5")
    knock(network, ("127.0.0.1", 9001))
    assert network.sources == [("127.0.0.5", 0), None]


async def swallows(target: Any) -> None:
    """A check that has words of its own for whatever happens."""
    try:
        await TCPCheck().check(target)
    except CheckFailed:
        raise CheckFailed("sick") from None


async def waits(target: Any) -> None:
    """A check that takes its time after a failure."""
    try:
        await TCPCheck().check(target)
    except CheckFailed:
        await Deferred[None]()


async def opens(_: Any) -> None:
    """A check with files or sockets of its own."""
    raise OSError(EMFILE, "Too many open files")


@pytest.mark.parametrize("check", [TCPCheck(), swallows, waits, opens])
@pytest.mark.parametrize("trouble", [EMFILE, EADDRNOTAVAIL])
def test_what_we_are_short_of_is_no_fault_of_the_backend(
    check: Callable[..., Any], trouble: int, told: list[LogEvent]
) -> None:
    """A check that cannot be made, whatever it says of that, does not count, and it is told now and then."""
    house = House()
    house.network = house.assembly.reactor = network = Sources()
    house.far()
    network.trouble = trouble
    (backend,) = checked(house, check, fall=1, timeout=0.5)
    network.advance(6.4)
    assert backend.state == "up"
    lines = [formatEvent(event) for event in told]
    assert [line.rpartition(", ")[2] for line in lines] == ["1 so far", "2 so far", "4 so far"]
    assert all("'127.0.0.1:9001': the check could not be made: " in line for line in lines)
    house.end()


def test_a_check_that_fails_all_the_same(told: list[LogEvent]) -> None:
    """Once nothing is short any more, checks count as ever."""
    house = House()
    house.network = house.assembly.reactor = network = Sources()
    network.trouble = EMFILE
    (backend,) = checked(house, TCPCheck(), fall=1)
    network.trouble = None
    network.advance(1)
    assert backend.state == "down"
    house.end()
