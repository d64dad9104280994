"""From what a user wrote to what runs: names found, defaults chosen, mistakes of the surroundings told in a line."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import CannotListenError
from twisted.logger import LogEvent, formatEvent
from zope.interface import implementer

from balancer.assembly import BACKLOG, Assembly, bind
from balancer.config import Backend, Config, Health, HTTPListener, Listener, Pool, Route, TCPListener, UDPListener
from balancer.core.datagrams import Bounds
from balancer.core.session import Session
from balancer.errors import CheckFailed, PolicyFailed, StartError
from balancer.interfaces import IAlgorithm, Kind, Picker, Report
from balancer.net.listeners import FlowListener, StreamListener
from balancer.testing import MemoryNetwork
from tests.net.house import FRONT, House, Speaker, answer, listening, now, request


class Network(MemoryNetwork):
    """Knows one name, and fails to listen as it is told."""

    refusal: Exception | None = None
    backlogs: dict[int, int]

    @property
    def nameResolver(self) -> Network:  # noqa: N802  as a reactor calls it
        """Itself."""
        return self

    def resolveHostName(self, receiver: Any, host: str) -> None:
        if host == "known":
            receiver.addressResolved(IPv4Address("TCP", "192.0.2.7", 0))
        receiver.resolutionComplete()

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        if self.refusal is not None:
            raise self.refusal
        self.backlogs = {port: backlog}
        return super().listenTCP(port, factory, backlog, interface)


def assembled(*listeners: Listener, network: MemoryNetwork | None = None) -> Assembly:
    """The parts of these listeners."""
    assembly = Assembly(network or Network(), Random(2))
    now(assembly.assemble(Config(listeners)))
    return assembly


def relay(*backends: Backend | str, endpoint: str = f"tcp:{FRONT}", **pool: Any) -> TCPListener:
    """A TCP listener over these backends."""
    return TCPListener(endpoint, pool=Pool("pool", backends=backends or ("127.0.0.1:9001",), **pool))


def test_backends_are_as_written() -> None:
    """Name, address, weight, tier, zone, tags and place of a backend come from the config; a name is looked up."""
    settings = Backend("known:80", name="b1", weight=2, tier=3, zone="z", tags=["t"])
    (pool,) = assembled(relay(settings)).pools.values()
    (backend,) = pool.backends
    assert (backend.name, backend.address, backend.place) == ("b1", "known:80", ("192.0.2.7", 80))
    assert (backend.weight, backend.tier, backend.zone, backend.tags) == (2, 3, "z", frozenset({"t"}))
    assert backend.state == "up"


@pytest.mark.parametrize(
    ("address", "authority"),
    [
        ("known:80", "known:80"),
        ("tcp:known:80", "known:80"),
        ("[::1]:80", "[::1]:80"),
        ("tcp:[::1]:80", "[::1]:80"),
        ("unix:/run/api.sock", "/run/api.sock"),
    ],
)
def test_the_authority_of_a_backend(address: str, authority: str) -> None:
    """However an address is written, there is one without its scheme, for checks to show and to ask for."""
    (pool,) = assembled(relay(address)).pools.values()
    assert [(backend.address, backend.authority) for backend in pool.backends] == [(address, authority)]


def test_an_unknown_host_stops_the_start() -> None:
    """A host that nobody knows is told in one line, with pool, backend and remedy."""
    with pytest.raises(StartError) as caught:
        assembled(relay("unknown:80"))
    assert str(caught.value) == (
        "Pool 'pool': Backend 'unknown:80': unknown host 'unknown'; "
        'correct the name, or let it be unknown for now with start="down" and a health check'
    )


async def healthy(_: Any) -> Report | None:
    """A check that never fails."""
    return None


def test_an_unknown_host_may_be_down() -> None:
    """A backend that starts down may be unknown, and is out until a check finds it well."""
    backends = Backend("unknown:80", start="down"), "127.0.0.1:9001"
    (pool,) = assembled(relay(*backends, health=Health(healthy))).pools.values()
    assert [(backend.place, backend.state) for backend in pool.backends] == [
        (("unknown", 80), "down"),
        (("127.0.0.1", 9001), "up"),
    ]


@pytest.mark.parametrize("assume", ["up", "down"])
def test_what_is_assumed_before_the_first_check(assume: Any) -> None:
    """Until its first check a backend is what the pool assumes."""
    assembly = assembled(relay(health=Health(healthy, assume=assume)))
    assert [backend.state for pool in assembly.pools.values() for backend in pool.backends] == [assume]
    assert len(assembly.checks) == 1


@implementer(IAlgorithm)
class Last:
    """Chooses the last backend."""

    name = "last"

    def picker(self, backends: Any, random: Random) -> Picker:
        return lambda _: backends[-1]


@pytest.mark.parametrize(("algorithm", "chosen"), [(Last(), {1}), (None, {0, 1})])
def test_the_algorithm(algorithm: Any, chosen: set[int]) -> None:
    """A pool chooses as the algorithm it names, or else in turn."""
    (pool,) = assembled(relay("127.0.0.1:1", "127.0.0.1:2", algorithm=algorithm)).pools.values()
    leases = [pool.pick(Session(Kind.TCP, ("192.0.2.1", 5), 0.0)) for _ in range(2)]
    assert {pool.backends.index(lease.backend) for lease in leases} == chosen


def test_pools_are_made_once() -> None:
    """A pool that several listeners and routes use is one pool, with one set of connections."""
    pool = Pool("pool", backends=["127.0.0.1:9001"])
    site = HTTPListener("tcp:8080", routes=[Route(lambda _: False, pool), Route(pool=pool)])
    assembly = assembled(site, HTTPListener("tcp:8081", pool=pool))
    assert list(assembly.pools) == list(assembly.upstreams) == [pool]
    assert len(assembly.listeners) == 2


def test_each_kind_has_its_listener() -> None:
    """TCP and HTTP are streams, UDP has flows."""
    datagrams = UDPListener("udp:53", pool=Pool("dns", backends=["127.0.0.1:53"]))
    kinds = [type(listener) for _, listener in assembled(relay(), datagrams).listeners]
    assert kinds == [StreamListener, FlowListener]


def test_flows_have_the_bounds_of_their_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a UDP listener says of its flows is what holds for them."""
    made: list[Bounds] = []
    monkeypatch.setattr("balancer.assembly.DatagramListener", lambda *_, bounds, **_others: made.append(bounds))
    given: dict[str, Any] = {"idle": 7, "max_flows": 5, "max_flows_per_source": 3, "replies": 2, "requests": 4}
    assembled(UDPListener("udp:53", pool=Pool("dns", backends=["127.0.0.1:53"]), **given))
    assert made == [Bounds(**given)]


@pytest.mark.parametrize(("endpoint", "backlog"), [("tcp:8080", BACKLOG), ("tcp:8080:backlog=7", 7)])
def test_the_backlog(endpoint: str, backlog: int) -> None:
    """A listener has a long queue unless its endpoint names one."""
    network = Network()
    ((settings, listener),) = assembled(relay(endpoint=endpoint), network=network).listeners
    now(bind(settings, listener))
    assert network.backlogs == {8080: backlog}


@pytest.mark.parametrize(
    ("refusal", "line"),
    [
        (
            CannotListenError("", 80, PermissionError(13, "Permission denied")),
            "Permission denied; ports below 1024 and some paths need a privilege; choose another or run with it",
        ),
        (
            CannotListenError("", 80, OSError(98, "Address already in use")),
            "Address already in use; stop what has it, or choose another",
        ),
        (CannotListenError("", 80, OSError(99, "Cannot assign it")), "Cannot assign it; correct the endpoint"),
        (CannotListenError("", 80, "unknown host"), "unknown host; correct the endpoint"),
        (
            CannotListenError("", "/x", "Cannot acquire lock"),
            "Address already in use; stop what has it, or choose another",
        ),
        (FileNotFoundError(2, "No such file or directory"), "the folder does not exist; make it, or choose another"),
        (OverflowError("signed integer is greater"), "a number in it is too large; correct the endpoint"),
        (ValueError("no\nendpoint"), "no endpoint; correct the endpoint"),
        (LookupError("no endpoint"), "no endpoint; correct the endpoint"),
        (OSError("no descriptors"), "no descriptors; correct the endpoint"),
        (ValueError("no endpoint"), "no endpoint; correct the endpoint"),
    ],
)
def test_what_cannot_be_bound(refusal: Exception, line: str) -> None:
    """An endpoint that cannot be bound is told in one line: which, why, and what to do."""
    network = Network()
    network.refusal = refusal
    ((settings, listener),) = assembled(relay(), network=network).listeners
    with pytest.raises(StartError) as caught:
        now(bind(settings, listener))
    assert str(caught.value) == f"TCPListener 'tcp:{FRONT}': cannot listen: {line}"


@pytest.mark.parametrize("which", ["index=7", "name=http"])
def test_what_systemd_did_not_pass(which: str) -> None:
    """A socket that systemd should have passed and did not is told as that."""
    ((settings, listener),) = assembled(relay(endpoint=f"systemd:domain=INET:{which}")).listeners
    with pytest.raises(StartError) as caught:
        now(bind(settings, listener))
    assert str(caught.value) == (
        f"TCPListener 'systemd:domain=INET:{which}': cannot listen: systemd has passed no such socket; "
        "start the balancer by a socket unit that has it, or bind tcp:"
    )


@implementer(IAlgorithm)
class Failing:
    """Makes what it is told to make, or fails to."""

    name = "failing"

    def __init__(self, made: Any) -> None:
        self._made = made

    def picker(self, backends: Any, random: Random) -> Picker:
        if isinstance(self._made, Exception):
            raise self._made
        picker: Picker = self._made
        return picker


@pytest.mark.parametrize("stands_in", [False, True])
@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (ZeroDivisionError("oops\nagain"), "ZeroDivisionError: oops again"),
        (None, "TypeError: None is not a picker: it cannot be called"),
    ],
)
def test_an_algorithm_without_a_picker_stops_the_start(
    logged_failures: list[LogEvent], made: Any, cause: str, stands_in: bool
) -> None:
    """An algorithm that makes no picker, also one that stands in, is told in a line, and its traceback is logged."""
    algorithms = [Last(), Failing(made)] if stands_in else [Failing(made), Last()]
    with pytest.raises(StartError) as caught:
        assembled(relay(algorithm=algorithms[0], on_policy_error=algorithms[1]))
    assert str(caught.value) == f"Pool 'pool': algorithm 'failing': picker() failed: {cause}; correct it"
    assert "failing" in logged_failures.pop()["what"]


class Turncoat(Last):
    """Fails once the start is over."""

    name = "turncoat"

    def picker(self, backends: Any, random: Random) -> Picker:
        return lambda _: 1 / 0


def test_an_algorithm_that_fails_later_is_told(logged_failures: list[LogEvent]) -> None:
    """The failure of a stranger's code is in the log, by the name of the algorithm and the pool."""
    (pool,) = assembled(relay(algorithm=Turncoat())).pools.values()
    with pytest.raises(PolicyFailed):
        pool.pick(Session(Kind.TCP, ("192.0.2.1", 5), 0.0))
    event = logged_failures.pop()
    assert "pool 'pool': algorithm 'turncoat'" in event["what"]
    assert event["log_failure"].check(ZeroDivisionError)


@pytest.mark.parametrize(
    ("bad", "evidence", "state"),
    [
        (CheckFailed("sick"), "sick", "down"),
        (Report(weight=0, detail="asked to go"), "asked to go", "up, with weight 0"),
    ],
)
def test_a_backend_goes_out_of_use_and_returns(bad: Report | Exception, evidence: str, state: str) -> None:
    """A backend that a check takes down, or all weight from, loses its idle connections; that and its return are told.

    So no request meets a dead one.
    """

    async def check(_: Any) -> Report | None:
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0]

    result: list[Report | Exception] = [Report(weight=1, detail="fine")]
    house = House()
    far = house.far()
    house.site(9001, health=Health(check, every=1, fall=1, rise=1), keepalive_timeout=60)
    client: Speaker = house.client(request())
    far.last.say(answer())
    assert client.hear() == answer()
    with listening() as events:
        for result[0] in (bad, bad, Report(weight=1, detail="fine")):
            house.network.advance(1.5)
            assert far.last.finished
    told = [formatEvent(event) for event in events]
    assert told == [
        f"pool 'pool': backend '127.0.0.1:9001' is {state}: {evidence}",
        "pool 'pool': backend '127.0.0.1:9001' is up: fine",
    ]
    house.end()
