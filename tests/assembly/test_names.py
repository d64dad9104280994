"""Backends by name: who is asked, how often, and what becomes of connections to where a backend is no more."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.logger import formatEvent

from balancer.assembly import Assembly
from balancer.config import Backend, Config, Health, HTTPListener, Pool, TCPListener
from balancer.errors import StartError
from balancer.interfaces import Report
from balancer.net.name_servers import NameServers
from tests.assembly.parts import Network, assembled, relay
from tests.net.house import FRONT, House, answer, listening, request


def test_an_unknown_host_stops_the_start() -> None:
    """A host that nobody knows is told in one line, with pool, backend and remedy."""
    with pytest.raises(StartError) as caught:
        assembled(relay("unknown:80"))
    assert str(caught.value) == (
        "Pool 'pool': Backend 'unknown:80': unknown host 'unknown'; "
        'correct the name, or let it be unknown for now with start="down" and a health check'
    )


class Slow(Network):
    """Knows names only when it is told to; `asked` are those it was asked for, and who asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, Any] = {}

    def resolveHostName(self, receiver: Any, host: str) -> None:
        self.asked[host] = receiver

    def answer(self, host: str, *addresses: str) -> None:
        """Tell what there is of that name."""
        for address in addresses:
            self.asked[host].addressResolved(IPv4Address("TCP", address, 0))
        self.asked[host].resolutionComplete()


def test_names_do_not_wait_for_each_other() -> None:
    """All names are looked up at once, of all pools; what is told in the end is the first mistake of the config."""
    listeners = [
        TCPListener(
            "tcp:1", pool=Pool("one", backends=["a:80", Backend("b:80", start="down")], health=Health(healthy))
        ),
        TCPListener("tcp:2", pool=Pool("two", backends=["c:80", "d:80"])),
    ]
    network, ends = Slow(), list[Any]()
    assembly = Assembly(network, Random(2))
    Deferred.fromCoroutine(assembly.assemble(Config(listeners))).addBoth(ends.append)
    assert list(network.asked) == ["a", "b", "c", "d"]
    network.answer("d")
    network.answer("c")
    network.answer("a", "192.0.2.1")
    assert not ends
    network.answer("b")
    assert [failure.type for failure in ends] == [StartError]
    assert "unknown host 'c'" in ends[0].getErrorMessage()


async def healthy(_: Any) -> Report | None:
    """A check that never fails."""
    return None


def test_an_unknown_host_may_be_down() -> None:
    """A backend that starts down may be unknown; it is nowhere, and out until it is known and a check finds it well."""
    backends = Backend("unknown:80", start="down"), "127.0.0.1:9001"
    assembly = assembled(relay(*backends, health=Health(healthy)))
    (pool,) = assembly.pools.values()
    assert [(backend.place, backend.state) for backend in pool.backends] == [
        (None, "down"),
        (("127.0.0.1", 9001), "up"),
    ]
    assert len(assembly.lookups) == 1


def test_addresses_are_not_looked_up() -> None:
    """Only names are."""
    assert assembled(relay("127.0.0.1:1", "[::1]:1", "unix:/run/x")).lookups == []


def test_the_source() -> None:
    """Backends are connected to from the source of their pool."""
    (pool,) = assembled(relay(source="127.0.0.5")).pools.values()
    assert [backend.source for backend in pool.backends] == ["127.0.0.5"]


def test_dns_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that names DNS servers has its names looked up there, and the system is not asked."""
    asked: list[Any] = []

    async def look_up(names: NameServers, host: str) -> Any:
        asked.append((names._servers, host))  # noqa: SLF001  what it was made with
        raise LookupError("unknown host")

    monkeypatch.setattr(NameServers, "look_up", look_up)
    with pytest.raises(StartError, match=r"^Pool .pool.: Backend .known:80.: unknown host; correct the name"):
        assembled(relay("known:80", dns=["192.0.2.53", "[::1]:5353"]))
    assert asked == [((("192.0.2.53", 53), ("::1", 5353)), "known")]


class Moving(Network):
    """Knows one name, wherever it is now; `asked` are the lookups."""

    host = "192.0.2.1"

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def resolveHostName(self, receiver: Any, host: str) -> None:
        self.asked.append(host)
        receiver.addressResolved(IPv4Address("TCP", self.host, 0))
        receiver.resolutionComplete()


def served(**settings: Any) -> tuple[House, Moving]:
    """A site over one backend that has a name."""
    house = House()
    house.network = network = Moving()
    house.assembly = type(house.assembly)(network, house.assembly.random)
    pool = Pool("pool", backends=["db:9001"], keepalive_timeout=1000, resolve_every=5, **settings)
    house.open(HTTPListener(f"tcp:{FRONT}", pool=pool))
    return house, network


def test_connections_to_where_it_was() -> None:
    """A backend that has moved keeps what it is; what goes on goes on, and no idle connection to its old place is used.

    That holds for one that was idle and for one that becomes so later.
    """
    house, network = served()
    far = house.far()
    first, second = house.client(request()), house.client(request())
    far.calls[0].say(answer(b"1"))
    assert first.hear() == answer(b"1")
    network.host = "192.0.2.2"
    with listening() as events:
        network.advance(5)
    assert [formatEvent(event) for event in events] == ["pool 'pool': backend 'db:9001': db is at 192.0.2.2"]
    assert far.calls[0].finished
    far.calls[1].say(answer(b"2"))
    assert second.hear() == answer(b"2")
    assert far.calls[1].finished
    second.say(request())
    far.calls[2].say(answer(b"3"))
    assert second.hear() == answer(b"3")
    assert not far.calls[2].finished
    (backend,) = house.backends
    assert (backend.served, backend.failed) == (3, 0)
    house.end()


def test_connections_to_where_it_stays() -> None:
    """Idle connections to an address that is still there are used again."""
    house, network = served()
    far = house.far()
    client = house.client(request())
    far.last.say(answer())
    network.advance(20)
    client.say(request())
    assert len(far.calls) == 1
    far.last.say(answer())
    house.end()
