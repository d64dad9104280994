"""A reactor whose network is memory: what listens and connects here meets here, on a clock the test moves.

Provides what a balancer asks of a reactor for TCP and time, so a whole proxy runs between a test's clients and its
backends without a socket. Nothing moves until `pump` or `advance`. All of it is one machine: a connection is made by
port alone, whatever the host. Knows nothing of UDP, unix sockets, names or threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IConnector,
    IDelayedCall,
    IListeningPort,
    IProtocol,
    IReactorTCP,
    IReactorTime,
)
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.testing.pairs import Paired, until_quiet
from balancer.testing.transports import MARK

EPHEMERAL = 49152
"""The first port number given to whoever does not care."""


@implementer(IListeningPort)
class MemoryPort:
    """A bound port of a `MemoryNetwork`."""

    def __init__(self, network: MemoryNetwork, address: IPv4Address, factory: Factory) -> None:
        self.factory = factory
        self._network, self._address = network, address

    def startListening(self) -> None:
        """Bind; raises `CannotListenError` when the port is taken."""
        ports = self._network.ports
        if self._address.port in ports:
            raise error.CannotListenError(self._address.host, self._address.port, OSError("address already in use"))
        ports[self._address.port] = self
        self.factory.doStart()

    def stopListening(self) -> Deferred[None]:
        if self._network.ports.get(self._address.port) is self:
            del self._network.ports[self._address.port]
            self.factory.doStop()
        return succeed(None)

    def getHost(self) -> IPv4Address:
        return self._address


@implementer(IConnector)
class MemoryConnector:
    """One attempt after the other to reach an address of a `MemoryNetwork`."""

    def __init__(
        self, network: MemoryNetwork, address: IPv4Address, factory: ClientFactory[Any], timeout: float | None
    ) -> None:
        self.state = "disconnected"
        self._network, self._address, self._factory, self._timeout = network, address, factory, timeout
        self._timer: IDelayedCall | None = None
        self._pair: Paired | None = None

    def connect(self) -> None:
        """Try once more; raises `RuntimeError` while an attempt or a connection is alive."""
        if self.state != "disconnected":
            raise RuntimeError(f"cannot connect while {self.state}")
        self.state = "connecting"
        self._factory.doStart()
        if self._timeout is not None:
            self._timer = self._network.callLater(self._timeout, self._fail, error.TimeoutError())
        self._network.connecting.append(self)
        self._factory.startedConnecting(self)

    def stopConnecting(self) -> None:
        """Give the attempt up; raises `NotConnectingError` when there is none."""
        if self.state != "connecting":
            raise error.NotConnectingError(f"the connector is {self.state}")
        self._fail(error.UserError())

    def disconnect(self) -> None:
        if self.state == "connecting":
            self.stopConnecting()
        elif self._pair is not None:
            self._pair.client.loseConnection()

    def getDestination(self) -> IPv4Address:
        return self._address

    def attempt(self) -> bool:
        """Connect or fail, as the network has it; return False when the address stays silent."""
        port = self._address.port
        if port in self._network.silent - self._network.refused:
            return False
        listening = self._network.listening(port)
        if listening is None:
            self._fail(error.ConnectionRefusedError())
        else:
            self._connected(listening)
        return True

    def _connected(self, listening: MemoryPort) -> None:
        self._settle("connected")
        client = self._network.next_address()
        served = listening.factory.buildProtocol(client)
        self._pair = self._network.join(self._factory.buildProtocol(self._address), served, client, self._address)
        self._pair.client.on_lost = self._lost

    def _fail(self, reason: Exception) -> None:
        self._settle("disconnected")
        self._factory.clientConnectionFailed(self, Failure(reason))
        self._factory.doStop()

    def _lost(self, reason: Failure) -> None:
        self.state, self._pair = "disconnected", None
        self._factory.clientConnectionLost(self, reason)
        self._factory.doStop()

    def _settle(self, state: str) -> None:
        self.state = state
        self._network.connecting.remove(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


@implementer(IReactorTime)
class _Timed:
    """A reactor's time, taken from a clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def seconds(self) -> float:
        return self.clock.seconds()

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object, **kwargs: object) -> IDelayedCall:
        return self.clock.callLater(delay, callable, *args, **kwargs)

    def getDelayedCalls(self) -> list[IDelayedCall]:
        return list(self.clock.getDelayedCalls())


class _Lifecycle:
    """A reactor that runs already and stops when told so."""

    def __init__(self) -> None:
        self._triggers: list[tuple[str, str, Callable[[], object]]] = []

    def callWhenRunning(self, call: Callable[..., object], *args: object, **kwargs: object) -> None:
        call(*args, **kwargs)

    def addSystemEventTrigger(
        self, phase: str, event_type: str, call: Callable[..., object], *args: object, **kwargs: object
    ) -> tuple[str, str, Callable[[], object]]:
        trigger = (event_type, phase, lambda: call(*args, **kwargs))
        self._triggers.append(trigger)
        return trigger

    def removeSystemEventTrigger(self, trigger: tuple[str, str, Callable[[], object]]) -> None:
        self._triggers.remove(trigger)

    def fireSystemEvent(self, event_type: str) -> None:
        """Call the triggers of that event, phase by phase, without waiting for their Deferreds."""
        for phase in ("before", "during", "after"):
            for kind, when, call in list(self._triggers):
                if (kind, when) == (event_type, phase):
                    call()


@implementer(IReactorTCP)
class MemoryNetwork(_Timed, _Lifecycle):
    """The reactor to hand to what is tested; `mark` as for `Paired`.

    `ports` are the listening ports by number, `pairs` the living connections, oldest first.
    """

    def __init__(self, clock: Clock | None = None, *, mark: int = MARK) -> None:
        _Timed.__init__(self, clock or Clock())
        _Lifecycle.__init__(self)
        self.mark = mark
        self.ports: dict[int, MemoryPort] = {}
        self.pairs: list[Paired] = []
        self.connecting: list[MemoryConnector] = []
        self.refused: set[int] = set()
        self.silent: set[int] = set()
        self._next_port = EPHEMERAL

    def listenTCP(self, port: int, factory: Factory, backlog: int = 50, interface: str = "") -> MemoryPort:
        """Listen; raises `CannotListenError` for a port that is taken. Port 0 takes a free one."""
        address = IPv4Address("TCP", interface or "0.0.0.0", port or self.next_address().port)
        bound = MemoryPort(self, address, factory)
        bound.startListening()
        return bound

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: ClientFactory[Any],
        timeout: float | None = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> MemoryConnector:
        """Connect with the next `pump`: refused where nothing listens, timed out where `hang` was asked for."""
        connector = MemoryConnector(self, IPv4Address("TCP", host, port), factory, timeout)
        connector.connect()
        return connector

    def dial(self, port: int, protocol: IProtocol, *, host: str = "127.0.0.1") -> Paired:
        """Connect a test's client from `host` at once; raises `ConnectionRefusedError` when nothing listens."""
        listening = self.listening(port)
        if listening is None:
            raise error.ConnectionRefusedError(f"nothing takes connections to port {port}")
        client = self.next_address(host)
        return self.join(protocol, listening.factory.buildProtocol(client), client, listening.getHost())

    def refuse(self, port: int) -> None:
        """Refuse new connections to that port, whatever listens on it, until `allow`."""
        self.refused.add(port)

    def hang(self, port: int) -> None:
        """Let new connections to that port run into their time-out, until `allow` or `refuse`."""
        self.silent.add(port)

    def allow(self, port: int) -> None:
        """Take `refuse` and `hang` back."""
        self.refused.discard(port)
        self.silent.discard(port)

    def listening(self, port: int) -> MemoryPort | None:
        """Return what takes connections to that port now."""
        return None if port in self.refused else self.ports.get(port)

    def pump(self, sizes: Iterable[int] = ()) -> None:
        """Let everything happen that needs no time, in steps of these sizes as in `Paired.pump`."""
        until_quiet(self._step, sizes)

    def advance(self, seconds: float) -> None:
        """Move the clock, from one delayed call to the next, with a `pump` before, between and after them."""
        end = self.seconds() + seconds
        self.pump()
        while (due := min((call.getTime() for call in self.clock.calls), default=end)) < end:
            self._move_to(due)
        self._move_to(end)

    def join(
        self, client: IProtocol | None, served: IProtocol | None, source: IPv4Address, target: IPv4Address
    ) -> Paired:
        """Connect two protocols; an end whose factory wanted no protocol closes at once."""
        pair = Paired(
            client or Protocol(), served or Protocol(), mark=self.mark, client_address=source, server_address=target
        )
        if client is None:
            pair.client.loseConnection()
        if served is None:
            pair.server.loseConnection()
        self.pairs.append(pair)
        return pair

    def next_address(self, host: str = "127.0.0.1") -> IPv4Address:
        """Return an address nobody has."""
        self._next_port += 1
        return IPv4Address("TCP", host, self._next_port)

    def _move_to(self, time: float) -> None:
        self.clock.rightNow = time
        self.pump()

    def _step(self, size: int | None) -> bool:
        now = self.seconds()
        moved = [call.getTime() <= now for call in self.clock.calls]
        self.clock.advance(0)
        moved += [connector.attempt() for connector in list(self.connecting) if connector in self.connecting]
        moved += [pair.step(size) for pair in list(self.pairs)]
        self.pairs = [pair for pair in self.pairs if not pair.closed]
        return any(moved)
