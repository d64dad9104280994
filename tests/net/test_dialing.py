"""Attempts to connect: one outcome each, backend after backend, and nothing left behind when nobody waits any more."""

from __future__ import annotations

from random import Random
from typing import Any

import attrs
import pytest
from twisted.internet import error
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from balancer.core.addresses import HEAD_START
from balancer.core.backend import Backend
from balancer.core.deadlines import Deadlines
from balancer.core.pickers import Ports
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.errors import BalancerError, ConnectFailed, ConnectTimeout, NoBackend, PolicyFailed
from balancer.interfaces import Kind
from balancer.net.clock import ReactorAlarm
from balancer.net.dialing import Dialed, Dialer, Dialing, TwistedAttempt, connect
from balancer.plugins.algorithms import RoundRobin
from balancer.testing import MemoryNetwork
from tests.net.house import Far


class Dialling:
    """A dialer over some ports of a network in memory, and who calls it."""

    def __init__(self, *ports: int, attempts: int = 3) -> None:
        self.network = MemoryNetwork()
        seconds = self.network.seconds
        places = [("127.0.0.1", port) for port in ports]
        self.backends = [Backend(str(place[1]), f"at {place[1]}", place, seconds=seconds) for place in places]
        algorithm: Any = RoundRobin()
        self.pool = Pool("pool", self.backends, algorithm, ports=Ports(Random(3), seconds, lambda call: call()))
        self.session = Session(Kind.TCP, ("192.0.2.1", 5), 0.0)
        self.deadlines = Deadlines(ReactorAlarm(self.network))
        self.dialer = Dialer(self.network, self.pool, Dialed, self.deadlines, connect_timeout=5, attempts=attempts)
        self.results: list[Any] = []
        self.waited = 0

    def dial(self, lease: Lease | None = None) -> Dialing[Dialed]:
        """Begin, and let everything happen that needs no time."""
        dialing = self.dialer.dial(self.session, self, lease)
        self.network.pump()
        return dialing

    def dialed(self, protocol: Dialed, lease: Lease) -> None:
        """The connection stands."""
        self.results.append((protocol, lease))

    def waits(self) -> None:
        """Every backend is full."""
        self.waited += 1

    def not_dialed(self, error: BalancerError) -> None:
        """None is to be had."""
        self.results.append(error)

    def outcome(self) -> Any:
        """What the caller was told, once; and no timer is left."""
        (result,) = self.results
        assert len(self.deadlines) == 0
        return result


def joined(protocol: Any, transport: Any) -> Any:
    """The protocol, connected."""
    protocol.makeConnection(transport)
    return protocol


def test_a_connection_comes_with_its_lease() -> None:
    """What stands is given together with the backend it leads to, counted once."""
    dialling = Dialling(9001)
    far = Far(dialling.network, 9001)
    dialling.dial()
    protocol, lease = dialling.outcome()
    assert lease.backend is dialling.backends[0]
    protocol.write(b"hello")
    dialling.network.pump()
    assert far.last.hear() == b"hello"
    assert dialling.backends[0].active == 1


def test_every_backend_is_tried_once() -> None:
    """When all refuse, the failure is that of the last one tried, and each was tried once."""
    dialling = Dialling(9001, 9002, attempts=5)
    dialling.dial()
    assert isinstance(dialling.outcome(), ConnectFailed)
    assert [backend.failed for backend in dialling.backends] == [1, 1]
    assert len(dialling.session.tried) == 2
    assert (dialling.session.attempt, dialling.session.retries) == (2, ("connect-failed",))


def test_nothing_to_try() -> None:
    """Without an eligible backend there is nothing to connect to."""
    dialling = Dialling(9001)
    dialling.backends[0].become(up=False)
    dialling.pool.refresh()
    dialling.dial()
    assert isinstance(dialling.outcome(), NoBackend)


def test_a_policy_that_fails_is_told() -> None:
    """A session that no algorithm can place is not connected anywhere, and its caller hears why."""
    dialling = Dialling(9001)
    algorithm: Any = Broken()
    dialling.dialer = attrs.evolve(
        dialling.dialer, pool=Pool("pool", dialling.backends, algorithm, ports=dialling.pool.ports)
    )
    dialling.dial()
    assert isinstance(dialling.outcome(), PolicyFailed)


class Broken:
    """An algorithm that never works."""

    name = "broken"

    def picker(self, _backends: Any, _random: Any) -> Any:
        """Fail."""
        raise ValueError("broken")


def test_the_lease_given_is_tried_first() -> None:
    """A dial may begin with a backend that was chosen before, which counts as the first attempt."""
    dialling = Dialling(9001, 9002, attempts=1)
    lease = dialling.pool.pick(dialling.session)
    dialling.dial(lease)
    assert str(dialling.outcome()).startswith(lease.backend.address)
    assert lease.backend.failed == 1


def test_a_time_out_has_a_name_and_is_not_the_end() -> None:
    """A backend that does not take the connection in time is a time-out, and the next one is tried."""
    dialling = Dialling(9001, 9002, attempts=2)
    dialling.network.hang(9001)
    dialling.network.hang(9002)
    dialling.dial()
    dialling.network.advance(5.5)
    assert dialling.results == []
    dialling.network.advance(5.5)
    assert isinstance(dialling.outcome(), ConnectTimeout)
    assert [backend.failed for backend in dialling.backends] == [1, 1]
    assert not dialling.network.connecting


def test_one_backend_at_two_addresses() -> None:
    """An address that is silent is overtaken by the next, as one attempt, and the one that stood is the first then."""
    dialling = Dialling(9001)
    far = Far(dialling.network, 9002)
    dialling.network.hang(9001)
    (backend,) = dialling.backends
    places = [("::1", 9001), ("127.0.0.1", 9002)]
    backend.move(places)
    dialling.dial()
    dialling.network.advance(HEAD_START - 0.01)
    assert dialling.results == []
    dialling.network.advance(0.01)
    protocol, lease = dialling.outcome()
    assert (lease.backend, protocol.place, backend.place) == (backend, places[1], places[1])
    assert (len(far.calls), dialling.session.attempt, dialling.network.connecting) == (1, 1, [])


@pytest.mark.parametrize("silent", [False, True])
def test_all_addresses_fail(silent: bool) -> None:
    """One backend has failed, once, within its time, however many addresses it has; and nothing goes on."""
    dialling = Dialling(9001, attempts=1)
    (backend,) = dialling.backends
    backend.move([("::1", 9001), ("127.0.0.1", 9002)])
    for port in (9001, 9002) if silent else ():
        dialling.network.hang(port)
    dialling.dial()
    dialling.network.advance(5.5 if silent else 0)
    assert isinstance(dialling.outcome(), ConnectTimeout if silent else ConnectFailed)
    assert (backend.failed, backend.active, dialling.network.connecting) == (1, 0, [])


def test_a_backend_whose_name_is_unknown() -> None:
    """It fails at once, and the next backend is tried."""
    dialling = Dialling(9001, 9002, attempts=2)
    for backend in dialling.backends:
        backend.move([])
    dialling.dial()
    assert str(dialling.outcome()).endswith(": its name is unknown")
    assert [backend.failed for backend in dialling.backends] == [1, 1]


def test_cancelling_gives_everything_back() -> None:
    """Nobody waits any more: no attempt goes on, no backend is charged, and the count returns."""
    dialling = Dialling(9001)
    dialling.network.hang(9001)
    dialing = dialling.dial()
    assert dialling.backends[0].active == 1
    dialing.cancel()
    dialing.cancel()
    assert dialling.results == []
    assert len(dialling.deadlines) == 0
    assert not dialling.network.connecting
    assert (dialling.backends[0].active, dialling.backends[0].failed) == (0, 0)


def test_a_connection_that_comes_too_late_is_closed() -> None:
    """What stands after it was given up is cut at once, and a late failure is nobody's."""
    dialling = Dialling(9001)
    dialling.network.hang(9001)
    dialing = dialling.dial()
    dialing.cancel()
    protocol, transport = Dialed(), StringTransport()
    protocol.dialing = dialing
    joined(protocol, transport)
    assert transport.disconnected
    attempt: Any = TwistedAttempt(protocol, lambda _reason: dialling.results.append("failed"))
    attempt.cancel()
    attempt.clientConnectionFailed(None, Failure(error.UserError()))
    assert dialling.results == []


class OtherWays:
    """A reactor that notes what it was asked to connect, and has a short way to one port."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def connect_directly(self, place: Any, protocol: Dialed, failed: Any, source: str) -> Any:
        """The short way, for those who know it."""
        self.asked.append((*place, source))
        if place[1] == 9003:
            raise OSError(101, "Network is unreachable")
        return self if place[1] == 9001 else None

    def cancel(self) -> None:
        """Give up."""

    def connectUNIX(self, path: str, factory: TwistedAttempt, timeout: float | None) -> None:
        """Connect at once."""
        self.asked.append((path, timeout))
        joined(factory.buildProtocol(None), StringTransport())

    def connectTCP(
        self, host: str, port: int, factory: TwistedAttempt, timeout: float | None, bindAddress: tuple[str, int] | None
    ) -> None:
        """Note it."""
        self.asked.append((host, port, timeout, bindAddress))


def test_a_path_is_a_unix_socket() -> None:
    """A place that is a path is connected as one."""
    reactor, protocol = OtherWays(), Dialed()
    connect(reactor, "/run/app.sock", protocol, lambda _reason: None)
    assert protocol.connected
    assert reactor.asked == [("/run/app.sock", None)]


def test_a_reactor_may_know_a_shorter_way() -> None:
    """A reactor with a way of its own is asked first, and Twisted's way is taken when it has none."""
    reactor = OtherWays()
    assert connect(reactor, ("127.0.0.1", 9001), Dialed(), lambda _reason: None) is reactor
    connect(reactor, ("example.test", 9002), Dialed(), lambda _reason: None)
    assert reactor.asked == [("127.0.0.1", 9001, ""), ("example.test", 9002, ""), ("example.test", 9002, None, None)]


def test_our_own_address() -> None:
    """Whichever way is taken, the connection comes from the source it was given."""
    reactor = OtherWays()
    connect(reactor, ("127.0.0.1", 9002), Dialed(), lambda _reason: None, source="127.0.0.5")
    assert reactor.asked == [("127.0.0.1", 9002, "127.0.0.5"), ("127.0.0.1", 9002, None, ("127.0.0.5", 0))]


def test_a_shorter_way_may_end_at_once() -> None:
    """What that way finds out at once is the failure of the attempt, which is not made twice."""
    reactor, failed = OtherWays(), list[BaseException]()
    assert connect(reactor, ("127.0.0.1", 9003), Dialed(), failed.append) is None
    assert [str(error) for error in failed] == ["[Errno 101] Network is unreachable"]
    assert reactor.asked == [("127.0.0.1", 9003, "")]


def test_connections_without_an_attempt() -> None:
    """A protocol that was not dialled connects like any other."""
    protocol = joined(Dialed(), StringTransport())
    protocol.write(b"x")
    assert protocol.transport.value() == b"x"
