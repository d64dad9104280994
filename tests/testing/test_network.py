"""The network in memory: it listens, connects, refuses, stays silent and keeps time like a reactor."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IAddress, IConnector, IListeningPort, IReactorTCP, IReactorTime
from twisted.internet.protocol import ClientFactory, Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from balancer.testing import MemoryNetwork


class Parrot(Protocol):
    """Answers what it hears in capitals."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data.upper())


class Ear(Protocol):
    """Keeps what it hears."""

    heard = b""
    lost = ""

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = type(reason.value).__name__


class Calls(ClientFactory[Ear]):
    """A client factory that notes what becomes of its attempts; `again` are the attempts it makes beyond the first."""

    noisy = False

    def __init__(self, *, wanted: bool = True, again: int = 0) -> None:
        self.ear, self.wanted, self.again = Ear(), wanted, again
        self.told: list[str] = []

    def buildProtocol(self, addr: IAddress | None) -> Ear | None:
        return self.ear if self.wanted else None

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        self.told.append(f"failed {type(reason.value).__name__}")
        if self.again:
            self.again -= 1
            connector.connect()

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:
        self.told.append(f"lost {type(reason.value).__name__}")

    def stopFactory(self) -> None:
        self.told.append("stop")


class Refusing(Factory[Any]):
    """Wants no connection."""

    def buildProtocol(self, addr: IAddress | None) -> None:
        return None


def parrots(network: MemoryNetwork, port: int = 80) -> IListeningPort:
    """Let parrots listen on that port."""
    return network.listenTCP(port, Factory.forProtocol(Parrot))


def test_is_a_reactor() -> None:
    """The network provides a reactor's TCP and time, its ports and connectors what theirs should."""
    network = MemoryNetwork()
    assert verifyObject(IReactorTCP, network)
    assert verifyObject(IReactorTime, network)
    assert verifyObject(IListeningPort, parrots(network))
    assert verifyObject(IConnector, network.connectTCP("h", 80, Calls()))


def test_a_client_reaches_what_listens() -> None:
    """`dial` connects a test's client to whatever listens on the port, and says where it comes from."""
    network, ear = MemoryNetwork(), Ear()
    port = parrots(network)
    pair = network.dial(80, ear, host="192.0.2.7")
    pair.client.write(b"hello")
    network.pump([1])
    assert ear.heard == b"HELLO"
    assert pair.server.getPeer().host == "192.0.2.7"
    assert pair.server.getHost() == port.getHost()


def test_a_port_is_taken_once() -> None:
    """A second listener on a port is refused until the first has stopped; port 0 is always free."""
    network = MemoryNetwork()
    first = parrots(network)
    with pytest.raises(error.CannotListenError):
        parrots(network)
    first.stopListening()
    first.stopListening()
    parrots(network)
    assert parrots(network, 0).getHost() != parrots(network, 0).getHost()


def test_nothing_listens() -> None:
    """Where nothing listens a dial raises, and an attempt fails as refused with the next pump, not before."""
    network, calls = MemoryNetwork(), Calls()
    with pytest.raises(error.ConnectionRefusedError):
        network.dial(80, Ear())
    network.connectTCP("10.0.0.1", 80, calls)
    assert calls.told == []
    network.pump()
    assert calls.told == ["failed ConnectionRefusedError", "stop"]


def test_an_attempt_becomes_a_connection() -> None:
    """A connection made by `connectTCP` carries bytes, can be disconnected, and its factory learns of the loss."""
    network, calls = MemoryNetwork(), Calls()
    parrots(network)
    connector = network.connectTCP("10.0.0.1", 80, calls)
    network.pump()
    assert calls.ear.transport is not None
    calls.ear.transport.write(b"hi")
    network.pump()
    connector.disconnect()
    network.pump()
    connector.disconnect()
    assert calls.ear.heard == b"HI"
    assert calls.told == ["lost ConnectionDone", "stop"]
    assert network.pairs == []
    assert network.getDelayedCalls() == []
    assert connector.getDestination().host == "10.0.0.1"


def test_a_silent_port_times_out() -> None:
    """An attempt on a port told to hang fails by its time-out, at that time exactly."""
    network, calls = MemoryNetwork(), Calls()
    parrots(network)
    network.hang(80)
    network.connectTCP("10.0.0.1", 80, calls, timeout=3)
    network.advance(2.9)
    assert calls.told == []
    network.advance(0.2)
    assert calls.told == ["failed TimeoutError", "stop"]


def test_refuse_and_allow() -> None:
    """A port can be made to refuse, also what hung there before, and to take connections again."""
    network, calls = MemoryNetwork(), Calls()
    parrots(network)
    network.hang(80)
    network.connectTCP("10.0.0.1", 80, calls)
    network.pump()
    network.refuse(80)
    network.pump()
    assert calls.told == ["failed ConnectionRefusedError", "stop"]
    network.allow(80)
    network.dial(80, Ear())


def test_giving_up() -> None:
    """`stopConnecting` ends an attempt at once and only once; a living attempt cannot be doubled."""
    network, calls, second = MemoryNetwork(), Calls(), Calls()
    connector = network.connectTCP("10.0.0.1", 80, calls)
    network.connectTCP("10.0.0.1", 80, second).disconnect()
    with pytest.raises(RuntimeError, match="while connecting"):
        connector.connect()
    connector.stopConnecting()
    with pytest.raises(error.NotConnectingError):
        connector.stopConnecting()
    network.pump()
    assert calls.told == second.told == ["failed UserError", "stop"]


def test_trying_again() -> None:
    """A factory may connect again when it is told of a failure, and stops once, after the last."""
    network, calls = MemoryNetwork(), Calls(again=2)
    network.connectTCP("10.0.0.1", 80, calls)
    network.pump()
    assert calls.told == ["failed ConnectionRefusedError"] * 3 + ["stop"]


def test_one_failure_may_end_another_attempt() -> None:
    """An attempt that is given up while another one fails is not made any more."""
    network, second = MemoryNetwork(), Calls()

    class First(Calls):
        def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
            other.stopConnecting()

    network.connectTCP("10.0.0.1", 80, First())
    other = network.connectTCP("10.0.0.1", 80, second)
    network.pump()
    assert second.told == ["failed UserError", "stop"]


def test_an_unwanted_connection_closes() -> None:
    """A connection that the listener's factory does not want is closed; so is one the client's own does not."""
    network, ear, picky = MemoryNetwork(), Ear(), Calls(wanted=False)
    network.listenTCP(80, Refusing())
    network.dial(80, ear)
    parrots(network, 81)
    network.connectTCP("10.0.0.1", 81, picky)
    network.pump()
    assert ear.lost == "ConnectionDone"
    assert picky.told == ["lost ConnectionDone", "stop"]


def test_endpoints_work() -> None:
    """Twisted's endpoints listen and connect on it as on any reactor."""
    network = MemoryNetwork()
    TCP4ServerEndpoint(network, 80).listen(Factory.forProtocol(Parrot))
    connecting = TCP4ClientEndpoint(network, "10.0.0.1", 80).connect(Factory.forProtocol(Ear))
    network.pump()
    assert isinstance(connecting.result, Ear)


def test_time_passes_from_call_to_call() -> None:
    """Each delayed call runs at its own time, those it makes in turn too, and calls that are due run in a pump."""
    network = MemoryNetwork()
    times: list[float] = []

    def tick() -> None:
        times.append(network.seconds())
        network.callLater(1, tick)

    network.callLater(0, tick)
    network.pump()
    network.advance(2.5)
    assert times == [0, 1, 2]
    assert network.seconds() == 2.5


def test_system_events() -> None:
    """Triggers run by phase when their event is fired, unless removed; what waits for the start runs at once."""
    network = MemoryNetwork()
    told: list[str] = []
    network.callWhenRunning(told.append, "running")
    for phase in ("after", "before", "during"):
        network.addSystemEventTrigger(phase, "shutdown", told.append, phase)
    network.removeSystemEventTrigger(network.addSystemEventTrigger("before", "shutdown", told.append, "removed"))
    network.addSystemEventTrigger("before", "startup", told.append, "startup")
    network.fireSystemEvent("shutdown")
    assert told == ["running", "before", "during", "after"]
