"""TLS with OpenSSL on the socket itself: no copy through memory BIOs, one record for what a turn wrote, and full ones.

It is a `net.transports.TCPServer` whose bytes are encrypted on the way, and that keeps every promise of it. An orderly
end of the peer (close_notify) is the end of what it sends; one without it is a loss, since somebody may have cut it
(RFC 8446 6.1). Refuses to know certificates and names: whoever makes it hands over a connection of OpenSSL's.
"""

# ruff: noqa: N802, SLF001  Twisted's names, and what its classes keep to themselves
# mypy: disallow-untyped-calls=False

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, Self

from OpenSSL import SSL
from twisted.internet import main
from twisted.python.failure import Failure

from balancer.net.tls.alerts import lost
from balancer.net.tls.flooding import orderly
from balancer.net.transports import TCPServer

RECORD: Final = 1 << 14
"""Bytes of a full record (RFC 8446 5.1)."""

RECORDS: Final = 4
"""Full records to read in a row before others have their turn; together as much as a plain transport reads."""


class Encrypted(TCPServer):
    """What is written, on its way through OpenSSL."""

    encrypted = True
    tls: SSL.Connection

    def write_at_once(self, data: bytes) -> None:
        """See `Stream.write_at_once`."""
        if self.wants_write or self.dataBuffer or self.reactor.ending or self._writeDisconnected or not self.connected:
            self.write(data)
            return
        sent = self.writeSomeData(data)
        if sent is main.CONNECTION_LOST:  # which the end of the turn is the time to say
            self.write(data)
        elif sent < len(data):
            self._keep(data, sent)

    def writeSomeData(self, data: Any) -> Any:
        """Encrypt and send; tell how many bytes went, or why the connection is lost. What is refused must come again.

        OpenSSL takes one record a call, so that what is long is offered again and again.
        """
        sent, size = 0, len(data)
        try:
            sent = self.tls.send(data)
            while sent < size:
                sent += self.tls.send(memoryview(data)[sent:])
        except SSL.WantWriteError:
            pass
        except SSL.Error:
            return main.CONNECTION_LOST
        return sent

    def _send(self) -> Any:
        """Send what was written in this turn, in as few records as it fits in."""
        waiting = self._tempDataBuffer
        data = waiting[0] if len(waiting) == 1 else b"".join(waiting)
        waiting.clear()
        self._tempDataLen = 0
        sent = self.writeSomeData(data)
        if sent is main.CONNECTION_LOST:
            return sent
        if sent < len(data):
            self._keep(data, sent)
        return None

    def _keep(self, data: bytes, sent: int) -> None:
        self.dataBuffer, self.offset = data, sent
        self._maybePauseProducer()
        self.reactor.addWriter(self)

    def _postLoseConnection(self) -> Any:
        self._say_end()
        return super()._postLoseConnection()

    def _closeWriteConnection(self) -> None:
        """Everything is sent: close_notify, but no FIN, for OpenSSL may still have to answer what it reads."""
        self._say_end()
        hearing = self._hearing()
        if hearing is not None:
            hearing.writeConnectionLost()

    def _say_end(self) -> None:
        with suppress(SSL.Error):  # a peer that takes no more does not hear it
            self.tls.shutdown()


class TLSStream(Encrypted):
    """One connection over TLS, either side of it, in place of the plain one that it was."""

    _stands = _reads_to_write = False

    @classmethod
    def over(cls, plain: TCPServer, protocol: Any, tls: SSL.Connection) -> Self:
        """Go on with the socket of a plain one, which is over. `tls` must be a connection on that socket."""
        reactor, fd = plain.reactor, plain.fileno()
        sock = plain.socket
        plain.connected, plain.disconnected = 0, 1  # for those who still have it: it settles nothing any more
        plain.wants_read = False  # nor is it read once more in this turn
        del plain.protocol, plain.socket, plain.fileno
        stream = cls(sock, protocol, plain.client, plain.server, plain.sessionno, reactor)
        stream.tls = tls
        if fd in reactor.reads:
            reactor._selectables[fd] = stream
        return stream

    def shake(self) -> Any:
        """Go on with the handshake; `handshakeCompleted`, or `connectionLost`, of the protocol tells how it ends."""
        try:
            self.tls.do_handshake()
        except SSL.WantReadError:
            self._rest()
        except SSL.WantWriteError:
            self.reactor.addWriter(self)
        except Exception as error:  # noqa: BLE001  OpenSSL's, or whatever a callback of a context raised
            self.connectionLost(Failure(error))
        else:
            self._rest()
            self._stands = True
            self.protocol.handshakeCompleted()

    @property
    def half_closes(self) -> bool:
        """Whether one direction may end before the other: before TLS 1.3 its end is that of both (RFC 5246 7.2.1)."""
        return self.tls.get_protocol_version_name() == "TLSv1.3"

    def doRead(self) -> Any:
        """Read what is one record, or a few if they are full, and hand it over, unless that was stopped in this turn.

        OpenSSL reads no further than the record it gives, so what is left shows in the socket.
        """
        if not self._stands:
            return self.shake()
        if not self.wants_read:
            return None
        try:
            data = self.tls.recv(RECORD)
        except SSL.Error as error:
            return self._why(error)
        why = None
        if len(data) == RECORD:
            data, why = self._read_on(data)
        self.protocol.dataReceived(data)
        return why if self.connected else None

    def doWrite(self) -> Any:
        """See `Stream.doWrite`; what was read may have had to wait for this."""
        if not self._stands:
            return self.shake()
        if self._reads_to_write:
            self._rest()
            why = self.doRead()
            if why or not self.connected:
                return why
        return super().doWrite()

    def connectionLost(self, reason: Any) -> None:
        """See `TCPServer.connectionLost`. OpenSSL is told that it ends in order, or it would forget its session.

        What it holds is given back at once, however long somebody still has us.
        """
        if self.connected:
            self.tls.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
            super().connectionLost(reason)
            del self.tls

    def _read_on(self, data: bytes) -> tuple[bytes, Any]:
        """More full records, and why there are no more if that is the end of reading."""
        pieces, why = [data], None
        try:
            while len(pieces) < RECORDS and len(pieces[-1]) == RECORD:
                pieces.append(self.tls.recv(RECORD))
        except SSL.Error as error:
            why = self._why(error)
        return b"".join(pieces), why

    def _why(self, error: SSL.Error) -> Any:
        """Why reading ends with that error of OpenSSL's, if it does."""
        if isinstance(error, SSL.WantReadError):
            return None
        if isinstance(error, SSL.WantWriteError):  # an answer of OpenSSL's own, as to a new key, comes first
            self._reads_to_write = True
            self.reactor.addWriter(self)
            return None
        return main.CONNECTION_DONE if orderly(self.tls, error) else lost(error)

    def _rest(self) -> None:
        """Wait for nothing but something to read."""
        self._reads_to_write = False
        if self.connected and self.fileno() in self.reactor.writes:
            self.reactor.removeWriter(self)
