"""One end of a connection in memory: buffers, producers, half-close, close and abort, as Twisted has them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IHalfCloseableProtocol, IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from balancer.testing import Paired


class Listener(Protocol):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def dataReceived(self, data: bytes) -> None:
        self.events.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.events.append(reason.type)


@implementer(IHalfCloseableProtocol)
class HalfCloseable(Listener):
    """Is told of each direction apart."""

    def readConnectionLost(self) -> None:
        self.events.append("read")

    def writeConnectionLost(self) -> None:
        self.events.append("write")


@implementer(IPushProducer)
class Producer:
    """Notes what it is told to do; on `resumeProducing` does what the test wants."""

    def __init__(self, resumed: Callable[[], None] = lambda: None) -> None:
        self.told: list[str] = []
        self.resumed = resumed

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")
        self.resumed()

    def stopProducing(self) -> None:
        self.told.append("stop")


def joined(mark: int = 10, kind: type[Listener] = Listener) -> tuple[Listener, Listener, Paired]:
    """Two protocols on a connection whose ends hold 10 bytes before they call a halt."""
    client, server = kind(), kind()
    return client, server, Paired(client, server, mark=mark)


def test_is_a_transport() -> None:
    """An end is a TCP transport, a consumer and a producer, with every method of each."""
    _, _, pair = joined()
    for interface in (ITCPTransport, IConsumer, IPushProducer):
        assert verifyObject(interface, pair.client)


def test_addresses_and_options() -> None:
    """The ends know each other's address, and remember the options set on them."""
    _, _, pair = joined()
    assert pair.client.getHost() == pair.server.getPeer()
    assert pair.client.getPeer() == pair.server.getHost()
    pair.client.setTcpNoDelay(True)
    pair.server.setTcpKeepAlive(True)
    assert (pair.client.getTcpNoDelay(), pair.client.getTcpKeepAlive()) == (True, False)
    assert (pair.server.getTcpNoDelay(), pair.server.getTcpKeepAlive()) == (False, True)


def test_nothing_moves_unless_told() -> None:
    """What is written waits until it is delivered, in pieces of the size asked for."""
    _, server, pair = joined()
    pair.client.writeSequence([b"he", b"llo"])
    assert server.events == []
    assert pair.client.deliver(2)
    assert (server.events, pair.client.buffered) == ([b"he"], 3)
    assert pair.client.deliver()
    assert server.events == [b"he", b"llo"]
    assert not pair.client.deliver()


def test_wrong_calls() -> None:
    """Text, a size of nothing, a second producer and the half-close of a closed end are refused."""
    _, _, pair = joined()
    with pytest.raises(TypeError, match="str"):
        pair.client.write("text")  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(ValueError, match="not positive"):
        pair.client.deliver(0)
    pair.client.registerProducer(Producer(), streaming=True)
    with pytest.raises(RuntimeError, match="not unregistered"):
        pair.client.registerProducer(Producer(), streaming=True)
    pair.client.abortConnection()
    pair.pump()
    with pytest.raises(ValueError, match="closed end"):
        pair.client.loseWriteConnection()


def test_a_paused_end_gets_nothing() -> None:
    """While an end is paused its bytes stay with the sender; resumed, it gets them."""
    _, server, pair = joined()
    pair.client.write(b"hello")
    pair.server.pauseProducing()
    assert not pair.client.deliver()
    pair.server.resumeProducing()
    pair.pump()
    assert server.events == [b"hello"]


def test_a_push_producer_is_paused_above_the_mark() -> None:
    """A producer is paused when more than the mark waits, and resumed when nothing does; `most_buffered` tells."""
    _, _, pair = joined()
    producer = Producer()
    pair.client.registerProducer(producer, streaming=True)
    pair.client.write(b"0123456789")
    assert producer.told == []
    pair.client.write(b"x")
    assert producer.told == ["pause"]
    pair.client.deliver(10)
    assert producer.told == ["pause"]
    pair.client.deliver(10)
    assert producer.told == ["pause", "resume"]
    assert pair.client.most_buffered == 11


def test_a_pull_producer_is_asked_piece_by_piece() -> None:
    """A producer that does not stream is asked once at first and again whenever all it gave has gone."""
    _, server, pair = joined()
    pieces = [b"b", b"a"]
    producer = Producer(lambda: pair.client.write(pieces.pop()) if pieces else None)
    pair.client.registerProducer(producer, streaming=False)
    pair.pump()
    assert server.events == [b"a", b"b"]
    assert producer.told == ["resume"] * 3


def test_a_lost_connection_stops_its_producer() -> None:
    """The producer of an end is stopped when the connection is lost, and at once on one lost before."""
    _, _, pair = joined()
    producer, late = Producer(), Producer()
    pair.client.registerProducer(producer, streaming=True)
    pair.server.abortConnection()
    pair.pump()
    pair.client.registerProducer(late, streaming=True)
    assert producer.told == late.told == ["stop"]


def test_close_waits_for_a_producer_that_was_held_back() -> None:
    """An end told to close resumes the producer it paused, and closes when that one is done."""
    client, server, pair = joined()
    producer = Producer()
    pair.client.registerProducer(producer, streaming=True)
    pair.client.write(b"0123456789x")
    pair.client.stopProducing()
    pair.pump()
    assert producer.told == ["pause", "resume"]
    assert client.events == []
    pair.client.write(b"last")
    pair.client.unregisterProducer()
    pair.pump()
    assert server.events == [b"0123456789x", b"last", ConnectionDone]
    assert client.events == [ConnectionDone]


def test_unregistering_alone_closes_nothing() -> None:
    """An open end stays open when its producer is done."""
    _, _, pair = joined()
    pair.client.registerProducer(Producer(), streaming=True)
    pair.client.unregisterProducer()
    pair.pump()
    assert pair.client.connected


def test_close_delivers_first() -> None:
    """`loseConnection` delivers what was written, reads no more, and both ends learn that the connection is done."""
    client, server, pair = joined()
    pair.client.write(b"bye")
    pair.client.loseConnection()
    pair.client.loseConnection()
    pair.client.resumeProducing()
    assert not pair.client.reading
    pair.pump()
    assert server.events == [b"bye", ConnectionDone]
    assert client.events == [ConnectionDone]
    assert pair.closed


def test_half_close() -> None:
    """After `loseWriteConnection` each end is told of its direction and the other direction goes on."""
    client, server, pair = joined(kind=HalfCloseable)
    pair.client.write(b"question")
    pair.client.loseWriteConnection()
    pair.pump()
    pair.client.write(b"too late")
    pair.server.write(b"answer")
    pair.server.loseConnection()
    pair.pump()
    assert server.events == [b"question", "read", ConnectionDone]
    assert client.events == ["write", b"answer", "read"]


def test_close_after_half_close_is_at_once() -> None:
    """An end that had closed its own direction is lost before `loseConnection` returns, as in Twisted."""
    client, _, pair = joined(kind=HalfCloseable)
    pair.client.loseWriteConnection()
    pair.pump()
    pair.client.loseConnection()
    assert client.events == ["write", ConnectionDone]


def test_half_close_towards_a_protocol_that_knows_none() -> None:
    """A protocol that is not half-closeable loses the whole connection at the other end's half-close."""
    client, server, pair = joined()
    pair.client.loseWriteConnection()
    pair.pump()
    assert server.events == client.events == [ConnectionDone]


def test_reading_on_after_the_end() -> None:
    """An end that resumes after the end of the stream is told of that end once more, as in Twisted."""
    _, server, pair = joined(kind=HalfCloseable)
    pair.client.loseWriteConnection()
    pair.pump()
    pair.server.resumeProducing()
    pair.pump()
    assert server.events == ["read", "read"]
    assert pair.transcript == [">> FIN"]


def test_abort() -> None:
    """`abortConnection` drops what waits in both directions; one end is aborted, the other lost."""
    client, server, pair = joined()
    pair.client.write(b"never")
    pair.server.write(b"nor this")
    pair.client.abortConnection()
    pair.pump()
    pair.client.abortConnection()
    assert client.events == [ConnectionAborted]
    assert server.events == [ConnectionLost]
    assert pair.transcript == [">> RST"]


def test_a_paused_idle_end_does_not_notice() -> None:
    """An end that neither reads nor writes learns of the other one's end only when it does again."""
    _, server, pair = joined()
    pair.server.pauseProducing()
    pair.client.abortConnection()
    pair.pump()
    assert server.events == []
    pair.server.resumeProducing()
    pair.pump()
    assert server.events == [ConnectionLost]


def test_writing_to_a_closed_end() -> None:
    """Bytes sent to an end that has closed come back as a reset, after the end of the stream where that is read."""
    client, server, pair = joined(kind=HalfCloseable)
    pair.client.loseConnection()
    pair.client.deliver()
    pair.server.write(b"anyone there?")
    pair.pump()
    assert client.events == [ConnectionDone]
    assert server.events == ["read", ConnectionLost]
    assert pair.transcript == [">> FIN", ">> RST"]


def test_writing_to_a_closed_end_while_paused() -> None:
    """A paused end that writes to a closed one learns of the reset alone."""
    _, server, pair = joined(kind=HalfCloseable)
    pair.client.loseConnection()
    pair.client.deliver()
    pair.server.pauseProducing()
    pair.server.write(b"anyone there?")
    pair.pump()
    assert server.events == [ConnectionLost]


def test_the_end_of_the_stream_comes_before_the_reset() -> None:
    """An end that writes to a closed one and still reads learns of the end of the stream first, whoever moves first."""
    client, _, pair = joined(kind=HalfCloseable)
    pair.server.loseConnection()
    pair.server.deliver()
    pair.client.write(b"anyone there?")
    assert not pair.client.deliver()
    pair.pump()
    assert client.events == ["read", ConnectionLost]
