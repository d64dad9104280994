"""What a connection over TLS promises on the lean reactor, on its socket or on memory, in every mixture of the two."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from functools import partial
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from balancer.net.tls.memory import MemoryTLS
from balancer.net.tls.stream import RECORD, TLSStream
from tests.net.lean import HOST, HalfNote, Lean, Note, Push
from tests.net.tls.ends import WAYS, Opening, accepting, connecting, secure_pair

MEBIBYTE = 1 << 20
MIXTURES = list(product(WAYS, WAYS))
KINDS = {"socket": TLSStream, "memory": MemoryTLS}

both_ways = pytest.mark.parametrize("ways", MIXTURES, ids="-".join)
one_way = pytest.mark.parametrize("way", WAYS)


def made(lean: Lean, ways: tuple[str, str] = ("socket", "socket"), version: str = "1.3") -> tuple[HalfNote, HalfNote]:
    """A server and a client, connected."""
    server, client = HalfNote(), HalfNote()
    secure_pair(lean, server, client, ways=ways, version=version)
    assert (type(server.transport), type(client.transport)) == tuple(KINDS[way] for way in ways)
    return server, client


@both_ways
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_bytes_arrive_both_ways(lean: Lean, ways: tuple[str, str], version: str) -> None:
    """What either side writes is what the other reads, in order and whole."""
    server, client = made(lean, ways, version)
    data = Random(1).randbytes(3 * MEBIBYTE + 7)
    client.transport.write(data)
    server.transport.write(b"hello")
    server.transport.writeSequence([b", ", b"client"])
    lean.hear(server, len(data))
    lean.hear(client, len(b"hello, client"))
    assert (bytes(server.heard), bytes(client.heard)) == (data, b"hello, client")
    assert client.transport.buffered == 0


@given(sizes=st.lists(st.integers(0, 3 * RECORD), max_size=6), at_once=st.booleans())
def test_writes_of_any_size(sizes: list[int], at_once: bool) -> None:
    """However many writes there are and however long, in one turn or in several, the bytes are theirs in order."""
    pieces = [Random(size).randbytes(size) for size in sizes]
    with Lean() as lean:
        server, client = made(lean)
        for piece in pieces:
            (client.transport.write_at_once if at_once else client.transport.write)(piece)
        lean.hear(server, sum(sizes))
        assert bytes(server.heard) == b"".join(pieces)


def test_a_turn_is_one_record(lean: Lean) -> None:
    """The writes of one turn leave in one record, and arrive in one piece."""
    server, client = made(lean)
    for _ in range(5):
        client.transport.write(b"piece")
    lean.hear(server, 25)
    assert server.events.count("data") == 1


def test_full_records_are_read_together(lean: Lean) -> None:
    """What is much is handed over in pieces as large as those of a plain connection."""
    server, client = made(lean)
    server.transport.pauseProducing()
    client.transport.write(bytes(8 * RECORD))
    lean.turn(20)
    server.transport.resumeProducing()
    lean.hear(server, 8 * RECORD)
    assert server.events.count("data") <= 3


@both_ways
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_close_is_orderly(lean: Lean, ways: tuple[str, str], version: str) -> None:
    """Who closes has what he wrote delivered, and the other hears of an end, not of a loss."""
    server, client = made(lean, ways, version)
    server.transport.write(b"bye")
    server.transport.loseConnection()
    lean.until(lambda: client.events[-1] == "eof")
    lean.until(lambda: server.lost)
    assert (bytes(client.heard), server.events[-1]) == (b"bye", "ConnectionDone")
    client.transport.loseConnection()
    lean.until(lambda: client.lost)
    assert client.events[-1] == "ConnectionDone"


@both_ways
def test_who_hears_of_no_halves_is_closed(lean: Lean, ways: tuple[str, str]) -> None:
    """A protocol that knows no half-close is told that the connection is done when the peer's end comes."""
    server, client = HalfNote(), Note()
    secure_pair(lean, server, client, ways=ways)
    server.transport.loseConnection()
    lean.until(lambda: client.lost)
    assert client.events[-1] == "ConnectionDone"


@both_ways
def test_half_close(lean: Lean, ways: tuple[str, str]) -> None:
    """Under TLS 1.3 one side may say that this is all, and still hear the answer, to its end."""
    server, client = made(lean, ways)
    assert client.transport.half_closes
    data = Random(2).randbytes(MEBIBYTE)
    client.transport.write(b"question")
    client.transport.loseWriteConnection()
    lean.until(lambda: "eof" in server.events)
    server.transport.write(data)
    lean.turn(3)
    server.transport.loseWriteConnection()
    lean.until(lambda: "eof" in client.events)
    assert (bytes(server.heard), bytes(client.heard)) == (b"question", data)
    assert "finished" in client.events
    assert not client.lost
    client.transport.loseConnection()
    server.transport.loseConnection()
    lean.until(lambda: client.lost and server.lost)
    assert (client.events[-1], server.events[-1]) == ("ConnectionDone", "ConnectionDone")


@one_way
def test_no_half_close_before_1_3(lean: Lean, way: str) -> None:
    """Of older versions it is known that the end of one direction is the end of both."""
    server, client = made(lean, (way, way), "1.2")
    assert not server.transport.half_closes
    assert not client.transport.half_closes


@both_ways
def test_a_cut_is_no_end(lean: Lean, ways: tuple[str, str]) -> None:
    """A FIN that nothing announced is a loss: somebody may have cut what came before it."""
    server, client = made(lean, ways)
    server.transport.write(b"half of")
    lean.hear(client, 7)
    client.transport.socket.shutdown(1)
    lean.until(lambda: server.lost)
    assert server.events[-1] == "ConnectionLost"


@both_ways
def test_an_abort_is_a_loss(lean: Lean, ways: tuple[str, str]) -> None:
    """Who aborts sends nothing any more; the other hears of a loss."""
    server, client = made(lean, ways)
    server.transport.write(b"x" * 8 * MEBIBYTE)
    server.transport.abortConnection()
    lean.until(lambda: server.lost and client.lost)
    assert client.events[-1] == "ConnectionLost"
    assert len(client.heard) < 8 * MEBIBYTE


@both_ways
def test_garbage_is_a_loss(lean: Lean, ways: tuple[str, str]) -> None:
    """Bytes that are no record of this connection end it."""
    server, client = made(lean, ways)
    client.transport.socket.send(b"\x17\x03\x03\x00\x05wrong")
    lean.until(lambda: server.lost)
    assert (server.events[-1], server.heard) == ("ConnectionLost", b"")


@both_ways
@pytest.mark.parametrize("at_once", [False, True])
def test_a_peer_that_does_not_read(lean: Lean, ways: tuple[str, str], at_once: bool) -> None:
    """Its slowness is felt by the producer, what is written is not lost, and reading on goes to the last byte."""
    server, client = made(lean, ways)
    client.transport.pauseProducing()
    lean.turn()
    presses: Any = Push()
    server.transport.registerProducer(presses, True)
    data = Random(3).randbytes(12 * MEBIBYTE)
    write = server.transport.write_at_once if at_once and ways[0] == "socket" else server.transport.write
    write(data)
    lean.turn(20)
    assert presses.told == ["pause"]
    assert server.transport.buffered > 0
    client.transport.resumeProducing()
    lean.hear(client, len(data))
    lean.until(lambda: presses.told == ["pause", "resume"])
    assert bytes(client.heard) == data


@one_way
def test_paused_means_nothing_is_read(lean: Lean, way: str) -> None:
    """A paused side is told nothing, and everything once it reads on."""
    server, client = made(lean, (way, way))
    server.transport.pauseProducing()
    lean.turn(3)
    client.transport.write(b"later")
    lean.turn(10)
    assert not server.heard
    server.transport.resumeProducing()
    lean.hear(server, 5)


@pytest.mark.parametrize("ways", MIXTURES, ids="-".join)
def test_a_handshake_that_fails_says_why(lean: Lean, ways: tuple[str, str]) -> None:
    """When the two agree on no version both sides are told of OpenSSL's error."""
    server, client = Note(), Note()
    only_new = accepting()
    only_new.set_min_proto_version(SSL.TLS1_3_VERSION)
    why: list[Any] = []
    client.connectionLost = why.append  # type: ignore[assignment, method-assign]  # to see the error itself
    accepts = Opening(server, only_new, lean.reactor, memory=ways[0] == "memory", accepts=True)
    connects = Opening(client, connecting("1.2"), lean.reactor, memory=ways[1] == "memory", accepts=False)
    lean.reactor.connect_directly((HOST, lean.listen(lambda: accepts)), connects, why.append)
    lean.until(lambda: why and server.events)
    assert server.events == ["Error"]
    assert "protocol version" in str(why[0].value)


def _raises(*_: object) -> bytes:
    raise ZeroDivisionError


def test_a_callback_that_raises_ends_its_connection(lean: Lean) -> None:
    """What a callback of a context raises ends that handshake, and is told as its reason."""
    server, client = Note(), Note()
    wrong = accepting()
    wrong.set_alpn_select_callback(_raises)
    offering = connecting()
    offering.set_alpn_protos([b"x"])
    accepts = Opening(server, wrong, lean.reactor, memory=False, accepts=True)
    connects = Opening(client, offering, lean.reactor, memory=False, accepts=False)
    lean.reactor.connect_directly((HOST, lean.listen(lambda: accepts)), connects, print)
    lean.until(lambda: server.events and client.events)
    assert server.events == ["ZeroDivisionError"]


class Refusing:
    """OpenSSL's connection, which wants to write before it goes on, `times` times, whatever it is asked for."""

    def __init__(self, tls: SSL.Connection, times: int) -> None:
        self._tls, self._times = tls, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tls, name)

    def recv(self, size: int) -> bytes:
        if self._times:
            self._times -= 1
            raise SSL.WantWriteError
        return self._tls.recv(size)

    def do_handshake(self) -> None:
        if self._times:
            self._times -= 1
            raise SSL.WantWriteError
        self._tls.do_handshake()


def test_reading_that_has_to_write_first(lean: Lean) -> None:
    """When OpenSSL cannot read before it has written, it goes on once the socket takes something."""
    server, client = made(lean)
    server.transport.tls = Refusing(server.transport.tls, 2)
    client.transport.write(b"new key")
    lean.hear(server, 7)
    assert lean.reactor.getWriters() == []


def test_a_handshake_that_has_to_wait_to_write(lean: Lean) -> None:
    """A handshake whose bytes the socket refuses goes on once it takes some."""
    server, client = Note(), Note()
    accepts = Opening(server, accepting(), lean.reactor, memory=False, accepts=True)
    patched: Any = accepts
    plain = accepts.make
    patched.make = lambda sock: Refusing(plain(sock), 1)
    connects = Opening(client, connecting(), lean.reactor, memory=False, accepts=False)
    lean.reactor.connect_directly((HOST, lean.listen(lambda: accepts)), connects, print)
    lean.until(lambda: server.events and client.events)
    lean.keep(server, client)
    assert (server.events, client.events) == (["made"], ["made"])


def test_what_was_plain_is_over(lean: Lean) -> None:
    """The transport that a connection had before is as one that is lost: it writes, reads and closes nothing."""
    server = Note()
    with lean.peer(server) as plain:
        before = server.transport
        tls = TLSStream.over(before, server, SSL.Connection(accepting(), before.socket))
        before.write(b"nothing")
        before.loseConnection()
        before.abortConnection()
        lean.turn(3)
        assert tls.connected
        assert plain.send(b"x") == 1
        tls.abortConnection()
        lean.turn(2)


def _lost(note: Note) -> bool:
    return note.lost


def test_writing_to_one_that_is_lost(lean: Lean) -> None:
    """What cannot be sent any more ends the connection, at once or at the end of the turn."""
    for write in ("write", "write_at_once"):
        server, client = made(lean)
        server.transport.pauseProducing()
        lean.turn()
        client.transport.abortConnection()
        lean.until(partial(_lost, client))
        for _ in range(3):
            getattr(server.transport, write)(b"x")
            lean.turn()
        lean.until(partial(_lost, server))
        assert server.events[-1] == "ConnectionLost"


def test_reading_paused_at_the_end(lean: Lean) -> None:
    """An end behind full records is told after them, though nothing more will show in the socket."""
    server, client = made(lean)
    server.transport.pauseProducing()
    lean.turn()
    client.transport.write(bytes(2 * RECORD))
    client.transport.loseWriteConnection()
    lean.turn(10)
    server.transport.resumeProducing()
    lean.until(lambda: server.events[-1] == "eof")
    assert len(server.heard) == 2 * RECORD
