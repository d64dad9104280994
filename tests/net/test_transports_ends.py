"""How connections end on the lean transports: in the order and with the reasons that Twisted promises."""

from __future__ import annotations

import socket

import pytest
from twisted.logger import LogEvent
from twisted.python.failure import Failure

from tests.net.lean import HOST, HalfNote, Lean, Note, reset

MEBIBYTE = 1 << 20


def test_order_is_kept_while_the_kernel_refuses(lean: Lean) -> None:
    """What is written after a refused write follows it, and what is then closed is closed after all."""
    server = Note()
    with lean.peer(server) as plain:
        server.transport.write(b"a" * 8 * MEBIBYTE)
        lean.turn()
        assert lean.reactor.getWriters() == [server.transport]
        server.transport.write(b"b")
        server.transport.loseConnection()
        server.transport.write(b"c")
        received = bytearray()
        while not received.endswith(b"c"):
            lean.turn()
            received += plain.recv(MEBIBYTE)
        assert received == b"a" * 8 * MEBIBYTE + b"bc"
        lean.until(lambda: server.lost)
        assert (server.events, plain.recv(1)) == (["made", "ConnectionDone"], b"")
    server.transport.write(b"nobody hears this")


def test_a_half_close_follows_the_data(lean: Lean) -> None:
    """After `loseWriteConnection` the peer hears what was written, then the end, and can still answer."""
    server = HalfNote()
    client = lean.pair(server)
    server.transport.write(b"last")
    server.transport.loseWriteConnection()
    lean.until(lambda: client.events[-1] == "eof")
    server.transport.write(b"too late")
    client.transport.write(b"answer")
    client.transport.loseConnection()
    lean.until(lambda: server.events[-1] == "eof")
    assert (client.heard, server.heard) == (b"last", b"answer")
    assert server.events == ["made", "finished", "data", "eof"]
    server.transport.loseConnection()
    assert server.events[-1] == "ConnectionDone"


def test_an_abort_drops_what_was_written(lean: Lean) -> None:
    """`abortConnection` sends nothing any more, resets, and is told in a later turn."""
    server = Note()
    client = lean.pair(server)
    server.transport.write(b"never sent")
    server.transport.abortConnection()
    server.transport.abortConnection()
    assert server.events == ["made"]
    lean.until(lambda: client.lost)
    assert (server.events, client.events) == (["made", "ConnectionAborted"], ["made", "ConnectionLost"])


def test_a_reset_while_paused_is_told_when_reading_goes_on(lean: Lean) -> None:
    """A connection that reads nothing learns of a reset when it reads again, as `ConnectionLost`."""
    server = HalfNote()
    plain = lean.peer(server)
    server.transport.pauseProducing()
    lean.turn()
    reset(plain)
    lean.turn(5)
    assert not server.lost
    server.transport.resumeProducing()
    lean.until(lambda: server.lost)
    assert server.events == ["made", "ConnectionLost"]


def test_the_end_is_told_to_whoever_reads(lean: Lean) -> None:
    """The peer's last byte is told once, and again only to a protocol that reads on after it, as Twisted does."""
    server = HalfNote()
    with lean.peer(server) as plain:
        plain.shutdown(socket.SHUT_WR)
        lean.turn(9)
        assert server.events == ["made", "eof"]
        server.transport.pauseProducing()
        lean.turn(9)
        server.transport.resumeProducing()
        lean.turn(9)
        assert server.events == ["made", "eof", "eof"]


def test_an_error_stays_with_its_connection(lean: Lean, logged_failures: list[LogEvent]) -> None:
    """What a protocol raises on data is logged and ends its connection for that reason, and no other."""

    class Wrong(Note):
        def dataReceived(self, data: bytes) -> None:
            raise ValueError(data)

    wrong, right = Wrong(), Note()
    for plain in (lean.peer(wrong), lean.peer(right)):
        plain.sendall(b"x")
        lean.turn(3)
        plain.close()
    assert (wrong.events, right.heard) == (["made", "ValueError"], b"x")
    assert [event["log_failure"].type for event in logged_failures] == [ValueError]
    logged_failures.clear()


def test_a_broken_connection_is_found_by_writing(lean: Lean) -> None:
    """A send that fails ends the connection as lost, though it reads nothing."""
    server = HalfNote()
    plain = lean.peer(server)
    server.transport.pauseProducing()
    lean.turn()
    reset(plain)
    server.transport.write(b"x")
    lean.until(lambda: server.lost)
    assert server.events == ["made", "ConnectionLost"]


def test_what_was_lost_is_not_settled(lean: Lean) -> None:
    """A connection that is lost after it was written to is left alone at the end of the turn, as Twisted leaves it."""
    server = Note()
    client = lean.pair(server)
    server.transport.write(b"x")
    server.transport.connectionLost(Failure(ConnectionResetError()))
    server.transport.write(b"y")
    server.transport.pauseProducing()
    server.transport.resumeProducing()
    server.transport.loseConnection()
    server.transport.abortConnection()
    with pytest.raises(ValueError, match="descriptor"):
        server.transport.loseWriteConnection()
    lean.until(lambda: client.events[-1] == "eof")
    assert (server.events, client.heard) == (["made", "ConnectionResetError"], b"")


def test_a_refused_connection_is_told(lean: Lean) -> None:
    """Where nobody listens the factory hears of the refusal, over TCP and on a unix path."""
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        refused: list[str] = []
        factory = lean.factory(HalfNote)
        factory.clientConnectionFailed = lambda _, reason: refused.append(type(reason.value).__name__)
        lean.reactor.connectTCP(HOST, holder.getsockname()[1], factory)
        lean.reactor.connectUNIX("/nowhere/at/all", factory)
        lean.until(lambda: len(refused) == 2)
    assert sorted(refused) == ["ConnectError", "ConnectionRefusedError"]
