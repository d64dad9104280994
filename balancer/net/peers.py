"""One connection to somebody, with both of its directions held and let go by a call; knows no protocol."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from zope.interface import implementer


@implementer(IPushProducer)
class Peer(Protocol):
    """A Twisted protocol that hears of the pressure on its output, and can hold its input.

    It registers itself as the producer of its own transport, which is how Twisted says so.
    """

    transport: Any
    half_closed = False
    """Whether the peer has sent its last byte."""
    _paused = False

    def connectionMade(self) -> None:
        """The socket is connected. What is relayed was cut by its sender, so small writes go out at once."""
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)

    @property
    def address(self) -> tuple[str, int]:
        """The peer's address and port; ('', 0) when it has none, as over a unix socket."""
        peer = self.transport.getPeer()
        return getattr(peer, "host", ""), getattr(peer, "port", 0)

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

    def close(self) -> None:
        """Close, after what was written."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def abort(self) -> None:
        """Close at once: RST."""
        self.transport.abortConnection()

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

    def readConnectionLost(self) -> None:
        """The peer sent its last byte; heard by those who declare `IHalfCloseableProtocol`."""
        self.half_closed = True

    def writeConnectionLost(self) -> None:
        """Our last byte is out, as we asked."""
