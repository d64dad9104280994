"""Writing at once: one call for what is alone, in order behind anything else, and with the FIN when it is the last."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.net.lean import HalfNote, Lean, Note

MEBIBYTE = 1 << 20


class Calls:
    """A socket that notes the calls that send or shut down."""

    def __init__(self, sock: socket.socket, refusal: Exception | None = None) -> None:
        self.made: list[str] = []
        self._socket, self._refusal = sock, refusal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def send(self, data: bytes, flags: int = 0) -> int:
        """As a socket does."""
        self.made.append("send more" if flags & socket.MSG_MORE else "send")
        if self._refusal is not None:
            raise self._refusal
        return self._socket.send(data, flags)

    def shutdown(self, how: int) -> None:
        """As a socket does."""
        self.made.append("shutdown")
        self._socket.shutdown(how)


def test_what_is_alone_is_sent_before_the_call_returns(lean: Lean) -> None:
    """It does not wait for the end of the turn."""
    server = Note()
    with lean.peer(server) as plain:
        server.transport.write_at_once(b"now")
        assert plain.recv(9) == b"now"


def test_what_stands_behind_something_keeps_its_place(lean: Lean) -> None:
    """Behind a write of the same turn it leaves with it, in one call."""
    server = Note()
    with lean.peer(server) as plain:
        server.transport.socket = sock = Calls(server.transport.socket)
        server.transport.write(b"first, ")
        server.transport.write_at_once(b"second")
        assert sock.made == []
        lean.turn()
        assert (plain.recv(99), sock.made) == (b"first, second", ["send"])


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=300_000)), max_size=12))
@settings(max_examples=30)
def test_every_byte_in_order_however_written(writes: list[tuple[bool, bytes]]) -> None:
    """Any mixture of both ways of writing, of any sizes, with a peer that reads late, arrives whole and in order."""
    with Lean() as lean:
        server = Note()
        client = lean.pair(server)
        client.transport.pauseProducing()
        for at_once, data in writes:
            (server.transport.write_at_once if at_once else server.transport.write)(data)
            lean.turn(int(at_once))
        server.transport.loseConnection()
        client.transport.resumeProducing()
        lean.until(lambda: "eof" in client.events)
        assert bytes(client.heard) == b"".join(data for _, data in writes)


def test_pressure_is_told(lean: Lean) -> None:
    """A producer is paused when the kernel refuses what was to be sent at once, and resumed when all is sent."""
    told: list[str] = []

    class Push:
        def pauseProducing(self) -> None:
            told.append("pause")

        def resumeProducing(self) -> None:
            told.append("resume")

        def stopProducing(self) -> None:
            told.append("stop")

    server = Note()
    client = lean.pair(server)
    server.transport.registerProducer(Push(), True)
    server.transport.write_at_once(bytes(16 * MEBIBYTE))
    assert told == ["pause"]
    lean.until(lambda: len(client.heard) == 16 * MEBIBYTE)
    lean.turn(2)
    assert told == ["pause", "resume"]


@pytest.mark.parametrize("after", ["lost", "finished"])
def test_after_the_end_nothing_is_sent(lean: Lean, after: str) -> None:
    """What is written to a connection that is lost, or was half-closed, goes nowhere and breaks nothing."""
    server = HalfNote()
    with lean.peer(server) as plain:
        transport = server.transport
        (transport.abortConnection if after == "lost" else transport.loseWriteConnection)()
        lean.turn(2)
        transport.write_at_once(b"late")
        lean.turn(2)
        if after == "finished":
            assert plain.recv(9) == b""
        else:
            assert server.lost


def test_a_broken_connection_is_found_at_the_end_of_the_turn(lean: Lean) -> None:
    """An error while sending ends the connection once whoever wrote has returned."""
    server = Note()
    with lean.peer(server):
        server.transport.socket = sock = Calls(server.transport.socket, BrokenPipeError(32, "Broken pipe"))
        server.transport.write_at_once(b"x")
        assert not server.lost
        lean.until(lambda: server.lost)
        assert (server.events[-1], sock.made) == ("ConnectionLost", ["send", "send"])


@pytest.mark.parametrize("end", ["loseConnection", "loseWriteConnection"])
def test_a_last_word_and_the_end_leave_together(lean: Lean, end: str) -> None:
    """The kernel is told that more is to come before the FIN, so that both are in one packet."""
    server = HalfNote()
    with lean.peer(server) as plain:
        server.transport.socket = sock = Calls(server.transport.socket)
        server.transport.write(b"bye")
        getattr(server.transport, end)()
        lean.turn(2)
        assert sock.made[0] == "send more"
        assert (plain.recv(9), plain.recv(9)) == (b"bye", b"")


def test_bytes_and_the_end_behind_them_are_one_turn(lean: Lean) -> None:
    """What came with a FIN is read with it, so that a relay passes on both together; what it writes waits for that."""
    server, other = HalfNote(), Note()
    with lean.peer(other) as far, lean.peer(server) as plain:
        other.transport.socket = sock = Calls(other.transport.socket)

        def received(data: bytes) -> None:
            other.transport.write_at_once(data)

        def finished() -> None:
            other.transport.loseWriteConnection()

        server.dataReceived, server.readConnectionLost = received, finished  # type: ignore[method-assign]  # short
        plain.sendall(b"last")
        plain.shutdown(socket.SHUT_WR)
        turns = lean.reactor.turns
        lean.turn()
        assert (lean.reactor.turns - turns, sock.made) == (1, ["send more", "shutdown"])
        assert (far.recv(9), far.recv(9)) == (b"last", b"")
