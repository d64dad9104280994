"""One connection to somebody, with both of its directions held and let go by a call; knows no protocol."""

from __future__ import annotations

import struct
import termios
from fcntl import ioctl
from typing import Any, Final

from twisted.internet import tcp
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.core.deadlines import Deadlines
from balancer.core.proxy_protocol import NOTHING_TOLD, ProxyHeader
from balancer.core.secured import Secured
from balancer.core.sources import Source

LITTLE: Final = 1 << 12
"""Bytes that are copied sooner than written on their own."""


@implementer(IPushProducer)
class Pressed(Protocol):
    """A Twisted protocol that hears of the pressure on its output.

    It registers itself as the producer of its own transport, which is how Twisted says so.
    """

    transport: Any

    def connectionMade(self) -> None:
        """The socket is connected. What is relayed was cut by its sender, so small writes go out at once."""
        transport = self.transport
        if not hasattr(transport, "sends_at_once") and hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
        transport.registerProducer(self, True)

    def pressure(self, *, high: bool) -> None:
        """The output is over the transport's mark, since the peer does not read fast enough; or no longer."""

    def pauseProducing(self) -> None:
        """Twisted's word for high pressure."""
        self.pressure(high=True)

    def resumeProducing(self) -> None:
        """Twisted's word for low pressure."""
        self.pressure(high=False)

    def stopProducing(self) -> None:
        """The transport is lost; `connectionLost` says so."""


class Peer(Pressed):
    """The other end of a connection: who it is, what it has taken, and every way to hold it and to part with it."""

    half_closed = False
    """Whether the peer has sent its last byte."""
    header: ProxyHeader = NOTHING_TOLD
    """The PROXY header that opened the connection."""
    secured: Secured | None = None
    """Its TLS, where that ends here."""
    source: Source | None = None
    """Who the peer counts for, where a listener limits that."""
    _paused = False
    _bound: Bound | None = None
    _rest: int | None = None
    """Bytes that the peer had still to take when that was last looked at."""

    @property
    def address(self) -> tuple[str, int]:
        """The peer's address and port, told or seen; ('', 0) when it has none, as over a unix socket."""
        told = self.header.client
        if told is not None:
            return told
        if isinstance(self.transport, tcp.Server):  # a socket itself, and nothing around it: asking it costs less
            known: Any = self.transport.client
            if type(known) is tuple:
                return known[0], known[1]
        return seen(self.transport)

    @property
    def called(self) -> tuple[str, int] | None:
        """The address and port that the peer connected to, told or seen; None when it has none."""
        if self.header.client is not None:
            return self.header.destination
        host = self.transport.getHost()
        return (host.host, host.port) if hasattr(host, "host") else None

    @property
    def held(self) -> int:
        """Bytes written that have not been sent."""
        return held(self.transport)

    @property
    def unsent(self) -> int:
        """Bytes written that the peer's system has not acknowledged: those held, and those in the kernel."""
        return self.held + queued(self.transport)

    def took_some(self) -> bool:
        """Whether the peer has taken some of what was written for it since this was asked last."""
        before, self._rest = self._rest, self.unsent
        return before is not None and self._rest < before

    def write(self, data: bytes) -> None:
        """Send, or keep to send in order."""
        self.transport.write(data)

    def pause(self) -> None:
        """Read no more for now."""
        self._paused = True
        self.transport.pauseProducing()

    def resume(self) -> None:
        """Read on, if there can be anything to read."""
        if self._paused and not self.half_closed:
            self._paused = False
            self.transport.resumeProducing()

    def finish(self) -> None:
        """FIN, after what was written. Without a producer, for which a Twisted transport would wait."""
        self.transport.unregisterProducer()
        self.transport.loseWriteConnection()

    def close_within(self, deadlines: Deadlines, seconds: float) -> None:
        """Close after what was written; a peer that takes nothing of it for so many seconds is cut off."""
        if self.held:
            self.bound(deadlines, seconds)
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def bound(self, deadlines: Deadlines, seconds: float) -> None:
        """Cut the peer off once it takes nothing of what was written for so many seconds."""
        if self._bound is None:
            self._bound = Bound(self, deadlines, seconds)

    def abort(self) -> None:
        """Close at once: RST."""
        self.transport.abortConnection()

    def readConnectionLost(self) -> None:
        """The peer sent its last byte; heard by those who declare `IHalfCloseableProtocol`."""
        self.half_closed = True

    def writeConnectionLost(self) -> None:
        """Our last byte is out, as we asked."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed."""
        if self._bound is not None:
            self._bound.cancel()
            self._bound = None


class Bound:
    """Cuts a peer off when it takes nothing of what was written for it; one that is slow but takes some may go on."""

    def __init__(self, peer: Peer, deadlines: Deadlines, seconds: float) -> None:
        self._peer, self._seconds, self._left = peer, seconds, peer.unsent
        self._deadline = deadlines.after(seconds, self._look)

    def cancel(self) -> None:
        """The connection is closed."""
        self._deadline.cancel()
        del self._deadline  # which leads back here

    def within(self, seconds: float) -> None:
        """Bear with it so long, from now on."""
        self._seconds, self._left = seconds, self._peer.unsent
        self._deadline.move(seconds)

    def _look(self) -> None:
        left, self._left = self._left, self._peer.unsent
        if 0 < self._left < left:
            self._deadline.move(self._seconds)
        else:
            self._peer.abort()


def write_pieces(transport: Any, pieces: list[bytes]) -> int:
    """Write what belongs together: put together if it is little. Tell how many bytes it was."""
    size = sum(map(len, pieces))
    if size < LITTLE:
        pieces = [b"".join(pieces)]
    for piece in pieces:
        transport.write(piece)
    return size


def seen(transport: Any) -> tuple[str, int]:
    """The address and port of the other end; ('', 0) when it has none, as over a unix socket."""
    peer = transport.getPeer()
    return getattr(peer, "host", ""), getattr(peer, "port", 0)


def queued(transport: Any) -> int:
    """Bytes that the kernel has been given for the other end of a transport, and that have not been taken there."""
    try:
        (size,) = struct.unpack("i", ioctl(transport.fileno(), termios.TIOCOUTQ, bytes(4)))
    except (AttributeError, OSError, ValueError):  # no socket that can tell, or one that is closed
        return 0
    return int(size)


def held(transport: Any) -> int:
    """Bytes written to a stream transport that it has not been able to send yet."""
    try:
        return int(transport.buffered)
    except AttributeError:  # Twisted's own
        pass
    return int(len(transport.dataBuffer) - transport.offset + getattr(transport, "_tempDataLen", 0))
