"""Attempts to connect: one outcome each, backend after backend, and nothing left behind when nobody waits any more."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from balancer.core.backend import Backend
from balancer.core.pickers import Ports
from balancer.core.pool import Pool
from balancer.core.session import Session
from balancer.errors import BalancerError, ConnectFailed, ConnectTimeout, NoBackend
from balancer.interfaces import Kind
from balancer.net.dialing import Attempt, Dialed, Dialer, connect, connect_error
from balancer.plugins.algorithms import RoundRobin
from balancer.testing import MemoryNetwork
from tests.net.house import Far, now

ADDRESS = IPv4Address("TCP", "127.0.0.1", 9001)


class Dialing:
    """A dialer over some ports of a network in memory."""

    def __init__(self, *ports: int, attempts: int = 3) -> None:
        self.network = MemoryNetwork()
        seconds = self.network.seconds
        places = [("127.0.0.1", port) for port in ports]
        self.backends = [Backend(str(place[1]), f"at {place[1]}", place, seconds=seconds) for place in places]
        algorithm: Any = RoundRobin()
        pool = Pool("pool", self.backends, algorithm, ports=Ports(Random(3), seconds, lambda call: call()))
        self.session = Session(Kind.TCP, ("192.0.2.1", 5), 0.0)
        self.pool = pool
        self.dialer = Dialer(self.network, pool, Dialed, connect_timeout=5, attempts=attempts)

    def dial(self) -> Deferred[Any]:
        """Begin, and let everything happen that needs no time."""
        dialed = Deferred.fromCoroutine(self.dialer.dial(self.session))
        self.network.pump()
        return dialed


def outcome(dialed: Deferred[Any]) -> Any:
    """The result, or the error, of what must be over."""
    results: list[Any] = []
    dialed.addBoth(results.append)
    return results[0].value if isinstance(results[0], Failure) else results[0]


def joined(protocol: Any, transport: Any) -> Any:
    """The protocol, connected."""
    protocol.makeConnection(transport)
    return protocol


def test_a_connection_comes_with_its_lease() -> None:
    """What stands is given together with the backend it leads to, counted once."""
    dialing = Dialing(9001)
    far = Far(dialing.network, 9001)
    protocol, lease = outcome(dialing.dial())
    assert lease.backend is dialing.backends[0]
    protocol.write(b"hello")
    dialing.network.pump()
    assert far.last.hear() == b"hello"
    assert dialing.backends[0].active == 1


def test_every_backend_is_tried_once() -> None:
    """When all refuse, the failure is that of the last one tried, and each was tried once."""
    dialing = Dialing(9001, 9002, attempts=5)
    failed = outcome(dialing.dial())
    assert isinstance(failed, ConnectFailed)
    assert [backend.failed for backend in dialing.backends] == [1, 1]
    assert len(dialing.session.tried) == 2


def test_nothing_to_try() -> None:
    """Without an eligible backend there is nothing to connect to."""
    dialing = Dialing(9001)
    dialing.backends[0].up = False
    dialing.pool.refresh()
    assert isinstance(outcome(dialing.dial()), NoBackend)


def test_the_lease_given_is_tried_first() -> None:
    """A dial may begin with a backend that was chosen before, which counts as the first attempt."""
    dialing = Dialing(9001, 9002, attempts=1)
    lease = dialing.pool.pick(dialing.session)
    dialed = Deferred.fromCoroutine(dialing.dialer.dial(dialing.session, lease))
    dialing.network.pump()
    assert str(outcome(dialed)).startswith(lease.backend.address)
    assert lease.backend.failed == 1


def test_a_time_out_has_a_name() -> None:
    """A backend that does not take the connection in time is a time-out, not a refusal."""
    dialing = Dialing(9001)
    dialing.network.hang(9001)
    dialed = dialing.dial()
    dialing.network.advance(5)
    assert isinstance(outcome(dialed), ConnectTimeout)


def test_cancelling_gives_everything_back() -> None:
    """Nobody waits any more: no attempt goes on, no backend is charged, and the count returns."""
    dialing = Dialing(9001)
    dialing.network.hang(9001)
    dialed = dialing.dial()
    assert dialing.backends[0].active == 1
    dialed.cancel()
    assert isinstance(outcome(dialed), CancelledError)
    assert not dialing.network.connecting
    assert (dialing.backends[0].active, dialing.backends[0].failed) == (0, 0)


@pytest.mark.parametrize(
    ("reason", "expected", "text"),
    [
        (error.TimeoutError(), ConnectTimeout, "at x: no connection within the connect time-out"),
        (TimeoutError(), ConnectTimeout, "at x: no connection within the connect time-out"),
        (error.ConnectionRefusedError(osError=111), ConnectFailed, "at x: Connection refused"),
        (OSError(2, "?"), ConnectFailed, "at x: No such file or directory"),
        (error.DNSLookupError("no such name"), ConnectFailed, "at x: DNS lookup failed: no such name."),
    ],
)
def test_reasons_in_the_systems_words(reason: Exception, expected: type[BalancerError], text: str) -> None:
    """A failure names the backend's address and says what happened, in the system's words where it has any."""
    found = connect_error(Backend("x", "at x", ("x", 1), seconds=lambda: 0.0), reason)
    assert type(found) is expected
    assert str(found) == text


def test_a_connection_that_comes_too_late_is_closed() -> None:
    """What stands after it was given up is cut at once."""
    attempt = Attempt(Dialed())
    attempt.result.addErrback(lambda failure: failure.trap(CancelledError))
    attempt.result.cancel()
    transport = StringTransport()
    joined(attempt.buildProtocol(ADDRESS), transport)
    assert transport.disconnected
    attempt.clientConnectionFailed(None, Failure(error.UserError()))  # type: ignore[arg-type]  # not looked at


class UnixOnly:
    """A reactor that notes what it was asked to connect."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    def connectUNIX(self, path: str, factory: Attempt, timeout: float) -> None:
        self.asked.append((path, timeout))
        joined(factory.buildProtocol(None), StringTransport())


def test_a_path_is_a_unix_socket() -> None:
    """A place that is a path is connected as one, with the same time-out."""
    reactor, protocol = UnixOnly(), Dialed()
    assert outcome(connect(reactor, "/run/app.sock", protocol, 3)) is protocol
    assert reactor.asked == [("/run/app.sock", 3)]


def test_connections_without_an_attempt() -> None:
    """A protocol that was not dialled connects like any other."""
    protocol = joined(Dialed(), StringTransport())
    protocol.write(b"x")
    assert protocol.transport.value() == b"x"
    with pytest.raises(NoBackend):
        now(failing())


async def failing() -> None:
    """What `now` passes on."""
    raise NoBackend("x")
