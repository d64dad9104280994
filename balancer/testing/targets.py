"""A backend under examination that is nothing but memory: it answers, stays silent or refuses as the test has it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget, Kind
from balancer.testing.fakes import FakeBackend


@implementer(ICheckTarget)
class MemoryTarget:
    """What a health check is given. Every connection is made at once, unless it is to be `refused` or `held` back.

    `protocols` are the check's own ends of its connections, `asked` counts all that it asked for, datagrams and
    programs too. `say`, `end`, `settle` and `connect_held` are the backend's part, and the network's.
    """

    def __init__(self, *, refused: bool = False, held: bool = False, clock: Clock | None = None) -> None:
        self.backend, self.address = FakeBackend("b0"), "192.0.2.9:80"
        self.clock = clock or Clock()
        self.kinds: Collection[Kind] = frozenset(Kind)
        self.private = True
        self.asked = 0
        self.protocols: list[Any] = []
        self.wall: Callable[[], float] = lambda: 1_700_000_000.0
        self._refused, self._held = refused, held
        self._open: list[Any] = []
        self._waiting: list[tuple[Deferred[Any], Any]] = []

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `ICheckTarget.connect`."""
        self.asked += 1
        if self._refused:
            return self._no()
        if self._held:
            answer: Deferred[Any] = Deferred()
            self._waiting.append((answer, factory))
            return answer
        return succeed(self._made(factory))

    def datagram(self, data: bytes) -> Deferred[bytes]:
        """See `ICheckTarget.datagram`."""
        return self._asked()

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> Deferred[tuple[int, bytes]]:
        """See `ICheckTarget.run`."""
        return self._asked()

    def connect_held(self) -> None:
        """Make the connections that were held back."""
        waiting, self._waiting = self._waiting, []
        for answer, factory in waiting:
            if not answer.called:
                answer.callback(self._made(factory))

    def say(self, data: bytes) -> None:
        """Send this on every connection that is still read."""
        for protocol in self.protocols:
            transport = protocol.transport
            if protocol in self._open and transport.producerState == "producing" and not transport.disconnecting:
                protocol.dataReceived(data)

    def end(self, *, cleanly: bool = True) -> None:
        """Close every connection from the backend's side."""
        open_ones, self._open = self._open, []
        for protocol in open_ones:
            protocol.connectionLost(Failure(ConnectionDone() if cleanly else ConnectionLost()))

    def settle(self) -> None:
        """Let the connections end that the check has closed."""
        for protocol in [one for one in self._open if one.transport.disconnecting]:
            self._open.remove(protocol)
            protocol.connectionLost(Failure(ConnectionDone()))

    def _made(self, factory: Any) -> Any:
        protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.9", 80))
        transport = StringTransport()
        self.protocols.append(protocol)
        self._open.append(protocol)
        protocol.makeConnection(transport)
        return protocol

    def _asked(self) -> Deferred[Any]:
        self.asked += 1
        return self._no() if self._refused else Deferred()

    def _no(self) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        answer.errback(CheckFailed("192.0.2.9:80: connection refused"))
        return answer
