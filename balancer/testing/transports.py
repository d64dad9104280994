"""One end of a TCP connection in memory, with the manners of Twisted's own; moves no byte unless told to.

What an end was asked to write waits in it until `deliver` hands it on, so a test decides how the stream is cut and when
anything happens; the network between the ends holds nothing, as if its buffers were always full. The manners are those
of `twisted.internet.tcp.Connection`, the awkward ones too: producers are resumed only when the buffer is empty; a
paused and idle end does not notice that the other one went away; reading on after the end of the stream tells of that
end once more; `loseConnection` after a half-close calls `connectionLost` before it returns; a half-close of what is
closed raises. Knows nothing of sockets, of time or of who the protocols are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IProducer,
    IProtocol,
    IPushProducer,
    ITCPTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

MARK = 65536
"""Bytes in the buffer of an end above which its producer is paused, as in Twisted."""

Trace = Callable[[bytes | str], None]
"""Is told what one end let the other know: bytes, "FIN" or "RST"."""


class _Socket:
    """What a socket is asked about itself."""

    def __init__(self, host: IPv4Address, peer: IPv4Address) -> None:
        self._host, self._peer = host, peer
        self._no_delay = self._keep_alive = False

    def getHost(self) -> IPv4Address:
        return self._host

    def getPeer(self) -> IPv4Address:
        return self._peer

    def getTcpNoDelay(self) -> bool:
        return self._no_delay

    def setTcpNoDelay(self, enabled: bool) -> None:
        self._no_delay = enabled

    def getTcpKeepAlive(self) -> bool:
        return self._keep_alive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self._keep_alive = enabled


@implementer(IConsumer)
class _Outgoing(_Socket):
    """The bytes still to go, and the producer that is held back while they are many."""

    def __init__(self, host: IPv4Address, peer: IPv4Address, mark: int) -> None:
        super().__init__(host, peer)
        self.mark = mark
        self.most_buffered = 0
        """The most bytes that ever waited here at once."""
        self.connected = True
        self.disconnecting = False
        self.producer: IPushProducer | None = None
        self.streaming = self.producer_paused = False
        self.writing = False
        """Whether there is something to do once the buffer can be emptied, or is empty."""
        self._waiting = bytearray()
        self._write_closed = False

    @property
    def buffered(self) -> int:
        """Bytes written and not yet delivered."""
        return len(self._waiting)

    @property
    def disconnected(self) -> bool:
        """Whether this end is closed for good."""
        return not self.connected

    def write(self, data: bytes) -> None:
        """Take the bytes; raises `TypeError` for anything else. Ignored once this end has closed, as in Twisted."""
        if not isinstance(data, bytes):
            raise TypeError(f"write takes bytes, not {type(data).__name__}")
        if not data or not self.connected or self._write_closed:
            return
        self._waiting += data
        self.most_buffered = max(self.most_buffered, self.buffered)
        self.writing = True
        if self.producer is not None and self.streaming and self.buffered > self.mark:
            self.producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Take a producer; raises `RuntimeError` when there is one already. A closed end stops it at once."""
        if self.producer is not None:
            raise RuntimeError(f"{self.producer!r} was not unregistered")
        if not self.connected:
            producer.stopProducing()
            return
        self.producer, self.streaming = cast(IPushProducer, producer), streaming
        if not streaming:
            self.producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None
        if self.connected and self.disconnecting:
            self.writing = True


@implementer(ITCPTransport, IPushProducer)
class MemoryTransport(_Outgoing):
    """One end; `other` is the opposite one. `reading` is False while paused, and from the end of the stream on."""

    other: MemoryTransport

    def __init__(self, protocol: IProtocol, host: IPv4Address, peer: IPv4Address, *, mark: int, trace: Trace) -> None:
        super().__init__(host, peer, mark)
        self.protocol = protocol
        self.on_lost: Callable[[Failure], None] = lambda _: None
        """Called after the protocol's own `connectionLost`."""
        self.reading = True
        self.trace = trace
        self.finished = False
        """Whether the end of this end's stream is on its way or told."""
        self._aborting = self._half_closing = self._finish_told = False

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        if self.connected and not self.disconnecting:
            self.reading = True

    def stopProducing(self) -> None:
        self.loseConnection()

    def loseConnection(self) -> None:
        """Close when all is delivered and no producer is held back; reads no more."""
        if not self.connected or self.disconnecting:
            return
        self.reading, self.disconnecting, self.writing = False, True, True
        if self._write_closed:
            self.lose(ConnectionDone())

    def loseWriteConnection(self) -> None:
        """Half-close when all is delivered; raises `ValueError` on a closed end, as Twisted does."""
        if not self.connected:
            raise ValueError("half-close of a closed end: it has no file descriptor any more")
        self._half_closing = self.writing = True

    def abortConnection(self) -> None:
        """Drop what was not delivered; both ends learn of it with the next `deliver`."""
        if self.connected:
            self.reading = self.writing = False
            self.disconnecting = self._aborting = True

    def deliver(self, size: int | None = None) -> bool:
        """Let one thing happen in this end's direction; return whether anything did.

        The thing is the next `size` bytes (all of them when None), an end of the stream that is due, or a reset.
        Raises `ValueError` for a size below 1.
        """
        if size is not None and size < 1:
            raise ValueError(f"deliver: size: {size} is not positive")
        return self._abort() or self._transfer(size) or self._flush() or self._tell()

    def _abort(self) -> bool:
        if not self._aborting or not self.connected:
            return False
        self.lose(ConnectionAborted())
        return True

    def _transfer(self, size: int | None) -> bool:
        if not self._waiting:
            return False
        if not self.other.connected:
            return self._refused()
        if not self.other.reading:
            return False
        chunk = bytes(self._waiting[:size])
        del self._waiting[:size]
        self.trace(chunk)
        self.other.protocol.dataReceived(chunk)
        if not self._waiting:
            self._flush()
        return True

    def _refused(self) -> bool:
        """What is sent to a closed end is answered by a reset, after the end of the stream that went before it."""
        if self.reading and self.other.finished:
            return False
        self.other.trace("RST")
        self.lose(ConnectionLost())
        return True

    def _flush(self) -> bool:
        """Do what waited for the buffer to be empty."""
        if not self.writing or self._waiting:
            return False
        self.writing = False
        if self.producer is not None and (self.producer_paused or not self.streaming):
            self.producer_paused = False
            self.producer.resumeProducing()
        elif self.disconnecting:
            self.lose(ConnectionDone())
        elif self._half_closing:
            self._write_closed = self.finished = True
            if IHalfCloseableProtocol.providedBy(self.protocol):
                self.protocol.writeConnectionLost()
        return True

    def _tell(self) -> bool:
        """Let the other end learn that this one has closed, if it looks."""
        other = self.other
        if self._aborting and other.connected and (other.reading or other.writing):
            self.trace("RST")
            other.lose(ConnectionLost())
        elif self.finished and other.connected and other.reading:
            other.reading = False
            if not self._finish_told:
                self.trace("FIN")
            self._finish_told = True
            other.end_of_stream()
        else:
            return False
        return True

    def end_of_stream(self) -> None:
        """Take notice, for the other end, that it sends no more."""
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
        else:
            self.lose(ConnectionDone())

    def lose(self, error: Exception) -> None:
        """Close this end at once, for that reason, and tell the protocol."""
        self.connected = self.reading = self.writing = False
        self.finished = not self._aborting
        self._waiting.clear()
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        reason = Failure(error)
        self.protocol.connectionLost(reason)
        self.on_lost(reason)
