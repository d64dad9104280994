"""A relay as plain as can be, with a shortcut through the kernel, between two sockets that a test drives."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

from balancer.net.splice import Pipes, Shortcut
from tests.net.lean import HalfNote, Lean

MEBIBYTE = 1 << 20


class Relaying(HalfNote):
    """One side of a relay, as plain as can be; `other` is the other side."""

    other: Relaying
    shortcut: Shortcut | None = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.registerProducer(self, streaming=True)

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.other.transport.write(data)

    def readConnectionLost(self) -> None:
        super().readConnectionLost()
        self.other.transport.unregisterProducer()
        self.other.transport.loseWriteConnection()
        if "eof" in self.other.events:
            self.transport.unregisterProducer()
            self.other.transport.loseConnection()
            self.transport.loseConnection()

    def connectionLost(self, reason: Any = None) -> None:
        super().connectionLost(reason)
        for side in (self, self.other):
            if side.shortcut is not None:
                side.shortcut.stop()
        self.other.transport.abortConnection()

    def pauseProducing(self) -> None:
        self.other.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self.other.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` says so."""


class Way:
    """A client's socket `near`, a relay, and a backend's socket `far`, with a shortcut from near to far."""

    def __init__(self, lean: Lean, pipes: Pipes) -> None:
        self.lean, self.pipes = lean, pipes
        self.source, self.sink = Relaying(), Relaying()
        self.source.other, self.sink.other = self.sink, self.source
        self.near, self.far = lean.peer(self.source), lean.peer(self.sink)
        self.near.setblocking(False)
        self.far.setblocking(False)
        self.moves: list[int] = []
        self.sent, self.received = hashlib.sha256(), hashlib.sha256()
        self.sent_size = self.received_size = 0
        self.ended = False
        self.shorten()

    def shorten(self) -> None:
        """Take the shortcut."""
        self.shortcut = Shortcut(self.source.transport, self.sink.transport, self.pipes, self.moves.append)
        self.source.shortcut = self.shortcut

    def send(self, data: bytes) -> int:
        """The client sends what it can."""
        with contextlib.suppress(BlockingIOError):
            size = self.near.send(data)
            self.sent.update(data[:size])
            self.sent_size += size
            return size
        return 0

    def receive(self) -> None:
        """The backend reads what there is."""
        with contextlib.suppress(BlockingIOError):
            data = self.far.recv(MEBIBYTE)
            self.ended = not data
            self.received.update(data)
            self.received_size += len(data)

    def stall(self, data: bytes = bytes(range(256)) * 1024) -> None:
        """The client sends until nothing moves any more; the backend reads nothing."""
        quiet = 0
        while quiet < 20:
            quiet = 0 if self.send(data) else quiet + 1
            self.lean.reactor.iterate(0)

    def drain(self) -> None:
        """The backend reads on until it has all, and it is what was sent."""
        while self.received_size < self.sent_size:
            self.receive()
            self.lean.reactor.iterate(0)
        assert self.received.digest() == self.sent.digest()
