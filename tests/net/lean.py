"""A lean reactor of one's own, turned by hand, with connections on loopback; for the tests of the engine itself."""

# ruff: noqa: SLF001  looks inside what it tests

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any, Self

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.net.reactor import BalancerReactor

HOST = "127.0.0.1"
TURNS = 5_000
"""Turns in which whatever is waited for must have come; a turn without an event takes `WAIT`."""
WAIT = 0.001


class Note(Protocol):
    """Notes what it hears; `events` are the calls of Twisted in order."""

    transport: Any

    def __init__(self) -> None:
        self.heard: Any = bytearray()
        self.events: list[str] = []

    def connectionMade(self) -> None:
        self.events.append("made")

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        self.events.append("data")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.events.append(type(reason.value).__name__)

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return self.events[-1] not in {"made", "data", "eof", "finished"}


@implementer(IHalfCloseableProtocol)
class HalfNote(Note):
    """The same, and hears of each direction."""

    def readConnectionLost(self) -> None:
        self.events.append("eof")

    def writeConnectionLost(self) -> None:
        self.events.append("finished")


class Lean:
    """The reactor, or one given in its place, and what was opened on it; all of it is closed at the end."""

    def __init__(self, reactor: Any = None) -> None:
        self.reactor: Any = reactor or BalancerReactor()
        self.ports: list[Any] = []
        self._protocols: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for port in self.ports:
            if port.connected:
                port.stopListening()
        for protocol in self._protocols:
            if protocol.transport is not None:
                protocol.transport.abortConnection()
        self.turn(2)
        self.reactor.waker.connectionLost(None)
        self.reactor._poller.close()

    def turn(self, times: int = 1) -> None:
        """Let the reactor run that often."""
        for _ in range(times):
            self.reactor.iterate(WAIT)

    def until(self, condition: Callable[[], object]) -> None:
        """Let the reactor run until that is so."""
        for _ in range(TURNS):
            if condition():
                return
            self.turn()
        raise AssertionError("it never came")

    def hear(self, note: Note, size: int) -> None:
        """Let the reactor run until so many bytes have been heard."""
        self.until(lambda: len(note.heard) >= size)

    def factory(self, build: Callable[[], Any]) -> Any:
        """A factory, for clients or servers, that says nothing to the log."""
        factory: Any = ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda _address: self._built(build())
        return factory

    def _built(self, protocol: Any) -> Any:
        if protocol is not None:
            self._protocols.append(protocol)
        return protocol

    def keep(self, *protocols: Any) -> None:
        """Close their connections, too, at the end."""
        self._protocols += protocols

    def listen(self, build: Callable[[], Any]) -> int:
        """Listen with such protocols; return the port."""
        port: Any = self.reactor.listenTCP(0, self.factory(build), interface=HOST)
        self.ports.append(port)
        return int(port.getHost().port)

    def pair(self, server: Note, client: Note | None = None) -> Note:
        """Connect a server's protocol to a client's, which is returned."""
        client = client or HalfNote()
        self.reactor.connectTCP(HOST, self.listen(lambda: server), self.factory(lambda: client))
        self.until(lambda: server.events and client.events)
        return client

    def peer(self, server: Note) -> socket.socket:
        """Connect a server's protocol to a plain socket, which is returned; it blocks, and is the caller's to close."""
        plain = socket.create_connection((HOST, self.listen(lambda: server)))
        plain.settimeout(5)
        self.until(lambda: server.events)
        return plain


def reset(plain: socket.socket) -> None:
    """Close with RST."""
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plain.close()


class CountedPoll:
    """An epoll object that counts the changes to what it looks for."""

    def __init__(self, poller: Any) -> None:
        self.changes = 0
        self._poller = poller

    def __getattr__(self, name: str) -> Any:
        self.changes += name != "poll"
        return getattr(self._poller, name)


class Push:
    """A producer that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")
