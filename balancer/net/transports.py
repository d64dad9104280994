"""Twisted's stream transports, made to settle with the kernel once a turn.

Stock Twisted keeps every write for the next turn: it asks epoll to tell when the socket is writable, waits, sends, and
asks epoll to stop telling. Sockets nearly always are writable. So here a transport that has something to do (data, a
close, a half-close, reading to begin or to stop) is put on the reactor's list of the turn, and does it when the event
that caused it has been handled: one system call for however many writes there were, none for a pause that was taken
back, and epoll is asked about writing only when the kernel refuses. Everything else is Twisted's, and every promise of
`ITCPTransport` is kept.
"""

# ruff: noqa: N802, SLF001  Twisted's names, and what its classes keep to themselves
# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import main, tcp, unix
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv6Address


class Prompt(FileDescriptor):
    """A transport that settles at the end of the turn. Stands before Twisted's own among the bases of a transport."""

    reactor: Any
    listed = False
    """Whether it is on the reactor's list of this turn."""
    held = False
    """Whether it is kept from reading, whatever its protocol wants."""
    read_asked = False
    """Whether something was said about reading that epoll does not know."""
    wants_read = False
    wants_write = False

    def startReading(self) -> None:
        """Read from the end of the turn on; while connecting, at once."""
        self.wants_read = self.read_asked = True
        self._list(self.reactor.addReader)

    def stopReading(self) -> None:
        """Read nothing after this turn; of a connection that is lost, nothing at once."""
        self.wants_read, self.read_asked = False, True
        if hasattr(self, "socket"):  # else it is gone, and the reactor would look for it among all it has
            self._list(self.reactor.removeReader)

    def hold(self, *, held: bool) -> None:
        """Read nothing while held, without a change to what the protocol wants."""
        if self.held is not held:
            self.held, self.read_asked = held, True
            if self.connected:
                self._list(self.reactor.removeReader)

    def startWriting(self) -> None:
        """There is something to do on the writing side."""
        self.wants_write = True
        self._list(self.reactor.addWriter)

    def stopWriting(self) -> None:
        """There is nothing to do on the writing side."""
        self.wants_write = False
        super().stopWriting()

    def settle(self) -> Any:
        """The turn ends: tell epoll what has changed, and write. Returns why the connection is lost, or None."""
        self.listed = False
        if self.read_asked:
            self.watch()
        if self.wants_write:
            self.wants_write = False
            return self.doWrite() if self.connected else None
        return None

    def watch(self) -> None:
        """Tell epoll whether to look for something to read."""
        self.read_asked = False
        reads = self.wants_read and not self.held
        if self.connected and reads is not (self.fileno() in self.reactor.reads):
            (self.reactor.watch if reads else self.reactor.unwatch)(self)

    def doRead(self) -> Any:
        """Read, unless that was stopped in this turn."""
        return super().doRead() if self.wants_read else None

    def doWrite(self) -> Any:
        """One step as Twisted does it; epoll tells when the next is due, if there is one."""
        why = super().doWrite()
        if not why and self.unsent:
            self.reactor.addWriter(self)
        return why

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def _list(self, at_once: Callable[[Any], None]) -> None:
        """Before the connection stands, and while it is being lost, nothing can wait."""
        if not self.connected:
            at_once(self)
        elif not self.listed:
            self.listed = True
            self.reactor.turn.append(self)


class Stream(Prompt, tcp.Connection):
    """What TCP transports add: short paths for the usual read and the usual write."""

    protocol: Any
    # A close does as much, and nobody else has these descriptors: they end with exec.
    _shouldShutdown = False  # noqa: N815  Twisted's name

    def write(self, data: bytes) -> None:
        """Keep for the end of the turn; what is not plain bytes for a plain connection is Twisted's to judge."""
        if self.TLS or type(data) is not bytes:
            super().write(data)
        elif data and self.connected and not self._writeDisconnected:
            self._tempDataBuffer.append(data)
            self._tempDataLen += len(data)
            if self.dataBuffer or self._tempDataLen > self.bufferSize:
                self._maybePauseProducer()
            self.wants_write = not self.dataBuffer  # else epoll tells when
            if not self.listed:
                self.listed = True
                self.reactor.turn.append(self)

    def doRead(self) -> Any:
        """Read once and hand over, unless that was stopped in this turn."""
        if not self.wants_read:
            return None
        try:
            data = self.socket.recv(self.bufferSize)
        except BlockingIOError:
            return None
        except OSError:
            return main.CONNECTION_LOST
        if not data:
            return main.CONNECTION_DONE
        self.protocol.dataReceived(data)
        return None

    def doWrite(self) -> Any:
        """Send what was written in this turn; whatever is not simply that is Twisted's to do."""
        waiting = self._tempDataBuffer
        if not waiting or self.dataBuffer or self.disconnecting or self._writeDisconnecting or self._asks_for_more():
            return super().doWrite()
        data = waiting[0] if len(waiting) == 1 else b"".join(waiting)
        try:
            sent = self.socket.send(data)
        except OSError:  # refused, or broken: Twisted's own attempt finds out which
            return super().doWrite()
        waiting.clear()
        self._tempDataLen = 0
        if sent < len(data):
            self.dataBuffer, self.offset = data, sent
            self.reactor.addWriter(self)
        return None

    def writeSomeData(self, data: Any) -> Any:
        """Nothing to send, as before a close, needs no system call."""
        return super().writeSomeData(data) if data else 0

    def _asks_for_more(self) -> bool:
        """Whether there is a producer that is to hear when everything is sent."""
        return self.producer is not None and (self.producerPaused or not self.streamingProducer)


class TCPServer(Stream, tcp.Server):
    """A connection that was accepted, or handed over; made without the texts that Twisted prepares for its log."""

    def __init__(self, sock: Any, protocol: Any, client: Any, server: Any, *rest: Any) -> None:
        sessionno, reactor = rest  # Twisted's order
        tcp.Connection.__init__(self, sock, protocol, reactor)
        if len(client) != 2:
            self._addressType = IPv6Address
        self.client, self.hostname, self.server, self.sessionno = client, client[0], server, sessionno
        self.connected = 1
        self.startReading()

    @property
    def logstr(self) -> str:  # type: ignore[override]  # made when it is asked for, not for every connection
        """What the log calls it."""
        return f"{self._getLogPrefix(self.protocol)},{self.sessionno},{self.hostname}"

    def __repr__(self) -> str:
        if self.server is None:  # handed over: Twisted's text
            return self.repstr
        protocol = type(self.protocol).__name__ if self.connected else "closed"
        return f"<{protocol} #{self.sessionno} on {self.server._realPortNumber}>"


class TCPClient(Stream, tcp.Client):
    """A connection that was made."""


class UNIXServer(Prompt, unix.Server):
    """A connection that was accepted on a unix socket."""


class UNIXClient(Prompt, unix.Client):
    """A connection that was made to a unix socket."""


class TCPConnector(tcp.Connector):
    """Makes TCP connections."""

    def _makeTransport(self) -> TCPClient:
        return TCPClient(self.host, self.port, self.bindAddress, self, self.reactor)


class UNIXConnector(unix.Connector):
    """Makes connections to a unix socket."""

    def _makeTransport(self) -> Any:
        return UNIXClient(self.address, self, self.reactor, self.checkPID)
