"""Twisted's listening stream sockets, with connections of `net.transports` and a short way to accept one.

An error of one connection stays its own. When descriptors or memory run out, the port turns away whom it can, rests
a moment and tries again, rather than spin on connections that it cannot accept.
"""

# ruff: noqa: N802, SLF001  Twisted's names, and what its classes keep to themselves
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import os
import struct
from contextlib import suppress
from errno import EMFILE, ENFILE, ENOBUFS, ENOMEM
from socket import IPPROTO_TCP, SO_LINGER, SOCK_STREAM, SOL_SOCKET, TCP_NODELAY, SocketType
from typing import Any, Final

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from balancer.core.faults import Tally
from balancer.net.transports import TCPServer, UNIXServer

LOG: Final = Logger()

MOST: Final = 64
"""Connections to accept in one turn, or to turn away, so that a burst does not starve those already here."""

SHORTAGES: Final = frozenset({EMFILE, ENFILE, ENOBUFS, ENOMEM})
"""What accepting says when there is nothing left to accept into."""

REST: Final = 0.1
"""Seconds to let go by after a shortage."""

RESET: Final = struct.pack("ii", 1, 0)
"""Has a close send RST (socket(7)): of one turned away the kernel keeps nothing, whereas FIN leaves a socket without an
owner to wait for the other side, and then for a minute; a flood would leave as many."""


class Accepting(tcp.Port):
    """How a port accepts; whom a factory that `resets` turns away is reset, where Twisted closes in order.

    Stands before Twisted's own among the bases of a port.
    """

    factory: Any
    reactor: Any
    socket: Any
    transport: Any
    burst = 1
    """Connections to try for at once: more while there are more, so that one alone is not followed by a vain try."""
    resting: IDelayedCall | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.shortages = Tally(lambda line: LOG.error("{port!r}: {line}", port=self, line=line))

    def doRead(self) -> None:
        """Accept what is there; whatever is unusual, but a shortage, is Twisted's to judge.

        Python's `accept` would first make members of enumerations of what the port knows about its sockets, and its
        class of sockets adds nothing here but calls to the one below.
        """
        taken = 0
        try:
            while taken < self.burst:
                number, address = self.socket._accept()
                taken += 1
                self._take(SocketType(self.addressFamily, SOCK_STREAM, 0, number), address)
        except BlockingIOError:
            self.burst = taken or 1
        except OSError as error:
            if error.errno in SHORTAGES:
                self._run_out(error.errno)
            else:
                super().doRead()
        else:
            self.burst = min(2 * taken, MOST)

    def loseConnection(self, *reason: Any) -> Any:
        """Accept no more; fires when the socket is closed."""
        if self.resting is not None:
            self.resting.cancel()
            self.resting = None
        return super().loseConnection(*reason)

    stopListening = loseConnection

    def _take(self, sock: Any, address: Any) -> None:
        try:
            who = None if getattr(self.factory, "asks_nobody", False) else self._buildAddr(address)
            protocol = self.factory.buildProtocol(who)
        except BaseException:  # noqa: BLE001  whatever a factory raises ends this connection, and no other
            protocol = None
            LOG.failure("no protocol for a connection of {port!r}", port=self)
        if protocol is None:
            if getattr(self.factory, "resets", False):
                sock.setsockopt(SOL_SOCKET, SO_LINGER, RESET)
            sock.close()
            return
        transport = self.transport(sock, protocol, address, self, self.sessionno, self.reactor)
        self.sessionno += 1
        try:
            protocol.makeConnection(transport)
        except BaseException as error:  # noqa: BLE001  the same
            LOG.failure("unhandled error in {culprit!r}", culprit=protocol)
            self.reactor.disconnect(transport, error)

    def _run_out(self, number: int) -> None:
        """Do without: turn away, and rest."""
        away = self._turn_away() if number == EMFILE else 0
        for _ in range(away):
            self.shortages.note("turned away", f"connection turned away: {os.strerror(number)}")
        if not away:
            self.shortages.note("left waiting", f"connections are left waiting: {os.strerror(number)}")
        self.stopReading()
        self.resting = self.reactor.callLater(REST, self._rested)

    def _turn_away(self) -> int:
        """Close who waits, by means of the descriptor that Twisted keeps in reserve; tell how many."""
        away = 0
        if tcp._reservedFD.available():
            with tcp._reservedFD, suppress(OSError):
                while away < MOST:
                    self.socket.accept()[0].close()
                    away += 1
        return away

    def _rested(self) -> None:
        self.resting = None
        self.startReading()


def _asked_to_send_at_once(sock: Any, *rest: Any) -> TCPServer:
    sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, True)
    return TCPServer(sock, *rest)


class TCPPort(Accepting):
    """Accepts TCP connections."""

    transport: Any = TCPServer

    def createInternetSocket(self) -> Any:
        """One whose connections send at once: they inherit that, where to ask for each is a call each."""
        sock = super().createInternetSocket()
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, True)
        return sock

    def startListening(self) -> None:
        """Begin to accept; at a socket that was handed over connections may wait that inherited nothing."""
        if self._preexistingSocket is not None:
            self.transport = _asked_to_send_at_once
        super().startListening()

    def _take(self, sock: Any, address: Any) -> None:
        if len(address) == 4 and address[3]:  # only a link-local address needs the name of its interface (RFC 4007)
            address = tcp._getrealname(address)
        super()._take(sock, address)


class UNIXPort(Accepting, unix.Port):
    """Accepts connections on a unix socket."""

    transport = UNIXServer
