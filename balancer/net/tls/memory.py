"""TLS on any transport, by Twisted's own protocol for it: for other reactors, unix sockets, and bytes already read.

To Twisted's it adds what ours promises: each direction ends by itself, an orderly end is told from a loss, and a close
does not wait for the peer's. Refuses to know certificates and names.
"""

# ruff: noqa: N802  Twisted's names
# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet import main
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import WrappingFactory
from twisted.protocols.tls import BufferingTLSTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.net.peers import held
from balancer.net.tls.alerts import lost
from balancer.net.tls.flooding import orderly

Make = Callable[[Any], SSL.Connection]
"""Makes a connection of OpenSSL's on a socket, or on memory if that is None, for one side of TLS."""

MOST: Final = 1 << 15
"""Bytes to take from OpenSSL at once."""


class Making(WrappingFactory):
    """What Twisted's protocol asks for its connection; Twisted's own factory would decide more than we want."""

    noisy = False

    def __init__(self, make: Make, clock: Any) -> None:
        super().__init__(None)
        self._creatorCallable, self._clock = lambda _protocol: make(None), clock  # Twisted's names


@implementer(IHalfCloseableProtocol)
class MemoryTLS(BufferingTLSTransport):
    """One connection over TLS: to the transport below a protocol, and to the protocol above a transport."""

    transport: Any
    encrypted = True
    _read_over = False

    def __init__(self, protocol: Any, make: Make, clock: Any) -> None:
        making: Any = Making(make, clock)
        super().__init__(making, protocol)

    @property
    def protocol(self) -> Any:
        """Who reads and writes in the clear."""
        return self.wrappedProtocol

    @protocol.setter
    def protocol(self, protocol: Any) -> None:
        self.wrappedProtocol = protocol

    @property
    def tls(self) -> SSL.Connection:
        """OpenSSL's connection."""
        return self._tlsConnection

    @property
    def half_closes(self) -> bool:
        """See `TLSStream.half_closes`."""
        return self.tls.get_protocol_version_name() == "TLSv1.3"

    @property
    def buffered(self) -> int:
        """Bytes that were written and have not been sent, in the clear or not."""
        waiting = getattr(self._aggregator, "_buffer", ())
        return held(self.transport) + sum(map(len, waiting)) + sum(map(len, self._appSendBuffer))

    def loseWriteConnection(self) -> None:
        """Say that this is all (close_notify), after what was written."""
        self._aggregator.flush()
        self._shutdownTLS()
        if IHalfCloseableProtocol.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.writeConnectionLost()

    def abortConnection(self) -> None:
        """Close at once: RST."""
        if self.connected:
            super().abortConnection()

    def readConnectionLost(self) -> None:
        """FIN below: a loss, unless the peer has said that this is all."""
        if not self._read_over and not self._lostTLSConnection:
            self._tlsConnection.bio_shutdown()
            if not self._handshakeDone:
                self._checkHandshakeStatus()
            else:
                self._flushReceiveBIO()

    def writeConnectionLost(self) -> None:
        """Nobody asked for a FIN."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed; what it was closed for stays the reason if it was we who closed."""
        if self.disconnecting or self._read_over:
            self._lostTLSConnection = True
        super().connectionLost(reason)

    def _tlsShutdownFinished(self, reason: Failure | None) -> None:
        """A peer may close in order before the handshake is done, of which OpenSSL has no words: a loss, too."""
        if reason is not None and isinstance(reason.value, SSL.ZeroReturnError):
            self._reason, reason = self._reason or Failure(main.CONNECTION_LOST), None
        super()._tlsShutdownFinished(reason)

    def _shutdownTLS(self) -> None:
        super()._shutdownTLS()
        if self.disconnecting:
            self.transport.loseConnection()

    def _flushReceiveBIO(self) -> None:
        """Hand over what there is to read. Twisted's, but for the end."""
        while not self._lostTLSConnection and not self._read_over:
            try:
                data = self._tlsConnection.recv(MOST)
            except SSL.WantReadError:
                break
            except SSL.Error as error:
                if orderly(self._tlsConnection, error):
                    self._ended()
                else:
                    self._reason = self._reason or Failure(lost(error))
                    self._tlsShutdownFinished(None)
            else:
                if not self._aborted:
                    self.wrappedProtocol.dataReceived(data)
        self._flushSendBIO()

    def _ended(self) -> None:
        """The peer has said that this is all."""
        self._read_over = True
        if IHalfCloseableProtocol.providedBy(self.wrappedProtocol) and not self.disconnecting:
            self.wrappedProtocol.readConnectionLost()
        else:
            self._shutdownTLS()
            self._tlsShutdownFinished(None)
