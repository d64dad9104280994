"""Twisted's stream transports, made to settle with the kernel once a turn.

Stock Twisted keeps every write for the next turn: it asks epoll to tell when the socket is writable, waits, sends, and
asks epoll to stop telling. Sockets nearly always are writable. So here a transport that has something to do (data, a
close, a half-close, reading to begin or to stop) is put on the reactor's list of the turn, and does it when the event
that caused it has been handled: one system call for however many writes there were, none for a pause that was taken
back, and epoll is asked about writing only when the kernel refuses. The usual read, write, half-close and close have
short paths; everything else is Twisted's, and every promise of `ITCPTransport` is kept.
"""

# ruff: noqa: N802, SLF001  Twisted's names, and what its classes keep to themselves
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import socket
from errno import EAGAIN, ENOBUFS
from typing import Any, Final

from twisted.internet import main, tcp, unix
from twisted.internet.address import IPv6Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python import log
from twisted.python.failure import Failure

from balancer.net.prompt import Prompt

DONE: Final = Failure(main.CONNECTION_DONE)
KNOWN: Final[dict[type, Failure]] = {ConnectionDone: DONE, ConnectionLost: Failure(main.CONNECTION_LOST)}
"""Why connections end, by class; made once, as Twisted does."""

REFUSED: Final = frozenset({EAGAIN, ENOBUFS})
"""What the kernel says when it takes no more for now."""

BULK: Final = 1 << 13
"""Bytes in several pieces that are sent from where they are, sooner than put together first."""

PIECES: Final = 64
"""As many are sent so at once; sendmsg(2) has a limit, which is higher."""

MSG_MORE: Final = getattr(socket, "MSG_MORE", 0)
"""send(2): more follows at once. A system without it has other reactors, though this module is imported there, too."""


class Stream(Prompt, tcp.Connection):
    """What TCP transports add: short paths for the usual read, write, half-close and close."""

    protocol: Any
    encrypted = False
    """Whether the bytes in the socket are not those that the protocol reads and writes."""
    # Read at once, and sent without a pause: 64 KiB, as many clients cut what they upload, and the head before it.
    bufferSize = (1 << 16) + (1 << 13)  # noqa: N815  Twisted's name
    # A close does as much, and nobody else has these descriptors: they end with exec.
    _shouldShutdown = False  # noqa: N815  Twisted's name

    def write(self, data: bytes) -> None:
        """Keep for the end of the turn; what is not plain bytes for a plain connection is Twisted's to judge."""
        if self.TLS or type(data) is not bytes:
            super().write(data)
        elif data and self.connected and not self._writeDisconnected:
            self._tempDataBuffer.append(data)
            self._tempDataLen += len(data)
            self.wants_write = not self.dataBuffer  # else epoll tells when
            if self._tempDataLen > self.bufferSize or not self.wants_write:
                self._maybePauseProducer()
            if not self.listed:
                self.listed = True
                self.reactor.turn.append(self)

    def write_at_once(self, data: bytes) -> None:
        """Send now what is the only write of a turn, as of a relay; behind other bytes or before an end it waits."""
        if self.wants_write or self.dataBuffer or self.reactor.ending or self._writeDisconnected or self.TLS:
            self.write(data)
            return
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except (AttributeError, OSError):  # lost already; or broken, which the end of the turn is the time to say
            self.write(data)
            return
        if sent < len(data):
            self.dataBuffer, self.offset = data, sent
            self._maybePauseProducer()
            self.reactor.addWriter(self)

    def pauseProducing(self) -> None:
        """Read no more, from the end of the turn on."""
        self.wants_read, self.read_asked = False, True
        if not self.listed and self.connected:
            self.listed = True
            self.reactor.turn.append(self)

    def unregisterProducer(self) -> None:
        """See `IConsumer`."""
        if self.TLS:
            super().unregisterProducer()
        else:
            self.producer = None
            if self.connected and self.disconnecting:
                self.startWriting()

    def loseConnection(self) -> None:
        """Close after what was written."""
        if self.TLS:
            super().loseConnection()
        elif self.connected and not self.disconnecting:
            if self._writeDisconnected:
                self.connectionLost(DONE)
                return
            self.wants_read, self.read_asked, self.wants_write, self.disconnecting = False, True, True, 1
            if not self.listed:
                self.listed = True
                self.reactor.turn.append(self)

    def readConnectionLost(self, reason: Any) -> None:
        """The peer's FIN was read."""
        hearing = self._hearing()
        if hearing is None:
            self.connectionLost(reason)
            return
        try:
            hearing.readConnectionLost()
        except BaseException:  # noqa: BLE001  whatever a protocol raises ends its connection, and no other
            log.err()
            self.connectionLost(Failure())

    def _closeWriteConnection(self) -> None:
        """Everything is sent: FIN."""
        try:  # noqa: SIM105  which costs less than to suppress
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        hearing = self._hearing()
        if hearing is None:
            return
        try:
            hearing.writeConnectionLost()
        except BaseException:  # noqa: BLE001  the same
            log.err()
            self.connectionLost(Failure())

    def _hearing(self) -> Any:
        """The protocol, if it wants to hear of each direction; that it does is known sooner than that it could."""
        protocol = self.protocol
        if IHalfCloseableProtocol.providedBy(protocol):
            return protocol
        return IHalfCloseableProtocol(protocol, None)

    def lose(self, why: BaseException, *, reading: bool) -> None:
        """The connection is over for that reason; if `reading` found its end, the other direction may live on."""
        if reading and isinstance(why, ConnectionDone):
            self.wants_read = False
            fd = self.fileno()
            if fd in self.reactor.reads:
                self.reactor.unwatch(self, fd)
            self.readConnectionLost(DONE)
        else:
            self.connectionLost(KNOWN.get(type(why)) or Failure(why))

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

    def settle(self) -> Any:
        """The turn ends. The usual case is that something was written, and nothing else is to be done."""
        if self.read_asked or self.dataBuffer or self.disconnecting or self._writeDisconnecting:
            return super().settle()
        if self.producer is not None and (self.producerPaused or not self.streamingProducer):
            return super().settle()
        self.listed = False
        if self.wants_write and self.connected:
            self.wants_write = False
            return self._send() if self._tempDataLen else None
        return None

    def doWrite(self) -> Any:
        """Send what was written in this turn, then close or half-close; what was refused before is Twisted's to do."""
        if self.dataBuffer or self._asks_for_more():
            return super().doWrite()
        if self._tempDataLen:
            why = self._send()
            if why or self.dataBuffer:
                return why
        if self.disconnecting:
            return self._postLoseConnection()
        self.stopWriting()
        if self._writeDisconnecting and not self._writeDisconnected:
            self._writeDisconnected = True
            self._closeWriteConnection()
        return None

    def _send(self) -> Any:
        """Send what was written in this turn; a last word waits for the FIN that is about to follow (tcp(7))."""
        waiting, size = self._tempDataBuffer, self._tempDataLen
        flags = MSG_MORE if self.disconnecting or self._writeDisconnecting else 0
        try:
            if len(waiting) == 1:
                sent = self.socket.send(waiting[0], flags)
            elif size < BULK or len(waiting) > PIECES:
                waiting[:] = [b"".join(waiting)]
                sent = self.socket.send(waiting[0], flags)
            else:
                sent = self.socket.sendmsg(waiting, (), flags)
        except OSError as error:
            if error.errno not in REFUSED:
                return main.CONNECTION_LOST
            sent = 0
        if sent < size:
            self.dataBuffer, self.offset = b"".join(waiting), sent
            self.reactor.addWriter(self)
        waiting.clear()
        self._tempDataLen = 0
        return None

    def _asks_for_more(self) -> bool:
        """Whether there is a producer that is to hear when everything is sent."""
        return self.producer is not None and (self.producerPaused or not self.streamingProducer)


class TCPServer(Stream, tcp.Server):
    """A connection that was accepted, or handed over; made without the texts that Twisted prepares for its log.

    Its socket sends at once (TCP_NODELAY): whoever makes one sees to that.
    """

    sends_at_once = True

    def __init__(self, sock: Any, protocol: Any, client: Any, server: Any, *rest: Any) -> None:
        self.sessionno, self.reactor = rest  # Twisted's order
        self.socket, self.protocol, self.fileno = sock, protocol, sock.fileno
        self._tempDataBuffer, self._tempDataLen = [], 0
        # Looked at with every read or write: found here sooner than among the classes.
        self.dataBuffer, self.disconnecting, self.producerPaused = b"", 0, False
        self._writeDisconnecting = self._writeDisconnected = self.TLS = False
        self.bufferSize = Stream.bufferSize
        if sock.gettimeout() != 0:
            sock.setblocking(False)
        if len(client) != 2:
            self._addressType = IPv6Address
        self.client, self.hostname, self.server = client, client[0], server
        self.connected = 1
        self.wants_read = self.read_asked = self.listed = True
        self.reactor.turn.append(self)

    def connectionLost(self, reason: Any) -> None:
        """The connection is over: close the socket, and tell the protocol. Twisted's, in one piece."""
        if not self.connected:
            return
        self.disconnected, self.connected = 1, 0
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        self.wants_read = self.wants_write = self.read_asked = False
        self.reactor.forget(self.fileno())
        if isinstance(reason.value, ConnectionAborted):
            self._closeSocket(False)
        else:
            self.socket.close()
        protocol = self.protocol
        del self.protocol, self.socket, self.fileno
        protocol.connectionLost(reason)

    @property
    def logstr(self) -> str:  # type: ignore[override]  # made when it is asked for, not for every connection
        """What the log calls it."""
        return f"{self._getLogPrefix(self.protocol)},{self.sessionno},{self.hostname}"

    def __repr__(self) -> str:
        if self.server is None:  # made; or handed over, of which Twisted has a text
            return getattr(self, "repstr", f"<{type(self).__name__} with {self.client}>")
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
