"""The shortcut through the kernel: byte for byte what the way through Python does, also at ends, stalls and breaks."""

# ruff: noqa: SLF001  looks inside what it tests

from __future__ import annotations

import fcntl
import os
import resource
import socket
from collections.abc import Iterator
from random import Random

import pytest

from balancer.net.splice import PATIENCE, PIPE_SIZE, SMALL, Pipes
from tests.net.lean import Lean, reset
from tests.net.ways import MEBIBYTE, Way

MANY = 24 * MEBIBYTE
"""More bytes than the kernels' buffers and a pipe hold."""


@pytest.fixture(params=[8, 0], ids=["spliced", "without pipes"])
def way(lean: Lean, request: pytest.FixtureRequest) -> Iterator[Way]:
    """A relay with a shortcut, and one that finds no pipe for it; at the end every pipe is back."""
    yield from ways(lean, request.param)


@pytest.fixture
def spliced(lean: Lean) -> Iterator[Way]:
    """A relay with a shortcut."""
    yield from ways(lean, 8)


def ways(lean: Lean, limit: int) -> Iterator[Way]:
    """A relay; at the end its sockets are closed and every pipe is back."""
    way = Way(lean, Pipes(limit))
    with way.near, way.far:
        yield way
    lean.until(lambda: way.source.lost and way.sink.lost)
    assert way.pipes.lent == 0
    for pipe in way.pipes._kept:
        with pytest.raises(BlockingIOError):
            os.read(pipe[0], 1)
    way.pipes.close()


def test_bytes_arrive_as_they_were_sent(way: Way) -> None:
    """However they are cut and however the reader hesitates, all bytes arrive in order, and all are counted once."""
    random = Random(7)
    data = random.randbytes(MEBIBYTE)
    while way.sent_size < MANY:
        way.send(data[random.randrange(MEBIBYTE) :])
        way.lean.reactor.iterate(0)
        if random.random() < 0.8:
            way.receive()
    way.drain()
    assert sum(way.moves) + len(way.source.heard) == way.sent_size
    assert bool(way.moves) is (way.pipes._limit > 0)


def test_a_half_close_passes_after_the_bytes(way: Way) -> None:
    """The client's end reaches the backend behind all its bytes, and the backend's answer still reaches the client."""
    way.stall()
    way.near.shutdown(socket.SHUT_WR)
    way.drain()
    while not way.ended:
        way.receive()
        way.lean.turn()
    assert (way.shortcut.active, way.pipes.lent) == (False, 0)
    way.far.send(b"answer")
    way.lean.turn(3)
    assert way.near.recv(99) == b"answer"
    assert not way.source.lost


def test_a_reader_that_stops_stops_the_sender(way: Way) -> None:
    """While the backend reads nothing the client can send only what buffers hold; then it goes on, byte for byte."""
    way.sink.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)  # so that it drains in steps
    way.stall()
    stalled = way.sent_size
    assert stalled < MANY
    assert way.source.transport not in way.lean.reactor.getReaders()
    assert way.shortcut.held + way.sink.transport.buffered <= PIPE_SIZE
    assert way.pipes.lent == int(way.shortcut.held > 0)
    way.drain()
    assert way.pipes.lent == 0
    way.send(bytes(MEBIBYTE))
    way.drain()
    assert way.sent_size > stalled


def test_a_pause_of_the_protocols_holds(spliced: Way) -> None:
    """What the protocol wants to be paused stays so when a stall is over, and is read when it is resumed."""
    way = spliced
    way.stall()
    assert way.shortcut.held > 0
    way.source.transport.doRead()
    assert way.pipes.lent == 1
    way.source.transport.pauseProducing()
    held = way.received_size
    while held != way.received_size or way.shortcut.held:
        held = way.received_size
        way.receive()
        way.lean.reactor.iterate(0)
    assert way.source.transport not in way.lean.reactor.getReaders()
    moves = len(way.moves)
    way.source.transport.doRead()
    assert len(way.moves) == moves
    way.source.transport.resumeProducing()
    way.drain()


@pytest.mark.parametrize("state", ["idle", "stalled", "deaf"])
def test_a_reset_of_the_sink_ends_both(way: Way, state: str) -> None:
    """When the backend breaks off, between bytes or in their midst, the client is told."""
    if state == "stalled":
        way.stall()
    if state == "deaf":
        way.sink.transport.pauseProducing()
        way.lean.turn()
    reset(way.far)
    while not way.source.lost:
        way.send(bytes(SMALL))
        way.lean.reactor.iterate(0)
    assert way.sink.events[-1] == "ConnectionLost"
    with pytest.raises(ConnectionResetError):
        way.near.recv(1)


def test_a_reset_of_the_source_ends_both(way: Way) -> None:
    """When the client breaks off, the shortcut stops by itself, and the backend is told."""
    way.source.shortcut = None
    way.send(bytes(MEBIBYTE))
    way.drain()
    reset(way.near)
    way.lean.until(lambda: way.sink.lost)
    assert way.source.events[-1] == "ConnectionLost"
    with pytest.raises(ConnectionResetError):
        way.far.recv(1)
    assert not way.shortcut.active


def test_a_close_waits_for_what_is_in_the_pipe(spliced: Way) -> None:
    """A sink that is told to close does so when its last byte, which is in the pipe, is out."""
    way = spliced
    way.stall()
    assert way.shortcut.held > 0
    taken = sum(way.moves)
    way.sink.transport.unregisterProducer()
    way.sink.transport.loseConnection()
    while not way.ended:
        way.receive()
        way.lean.turn()
    assert (way.received_size, way.sink.events[-1]) == (taken, "ConnectionDone")


def test_it_may_be_stopped_with_bytes_in_the_pipe(spliced: Way) -> None:
    """Stopped at any moment, it loses nothing: what is in the pipe is sent by the transport, then what follows."""
    way = spliced
    way.stall()
    held = way.shortcut.held
    assert held > 0
    way.shortcut.stop()
    way.shortcut.stop()
    assert (way.sink.transport.buffered, way.shortcut.held, way.shortcut.active) == (held, 0, False)
    assert way.pipes.lent == 0
    way.drain()
    assert len(way.source.heard) + sum(way.moves) == way.sent_size


def test_bytes_on_their_way_go_first(spliced: Way) -> None:
    """Bytes that the sink still has from before are not overtaken; the shortcut is taken when they are out."""
    way = spliced
    way.shortcut.stop()
    way.stall()
    assert way.sink.transport.buffered > 0
    way.shorten()
    way.source.transport.resumeProducing()
    way.lean.reactor.iterate(0)
    assert way.moves == []
    way.drain()
    for _ in range(8):
        way.send(bytes(MEBIBYTE))
        way.drain()
    assert way.moves


def test_a_direction_that_falls_quiet_goes_back(spliced: Way) -> None:
    """After so many small moves in a row the direction goes through Python again, and its pipe is not kept."""
    way = spliced
    way.send(bytes(SMALL))
    way.drain()
    for _ in range(PATIENCE):
        assert way.shortcut.active
        way.send(b"x")
        way.drain()
    assert (way.shortcut.active, way.pipes.lent, way.source.heard) == (False, 0, b"")
    way.send(b"y")
    way.drain()
    assert way.source.heard == b"y"


def test_a_pipe_is_lent_for_as_long_as_it_holds_bytes(lean: Lean) -> None:
    """Two bulky directions share one pipe, as long as neither stalls; while one does, the other goes through Python."""
    pipes = Pipes(1)
    first, second = Way(lean, pipes), Way(lean, pipes)
    with first.near, first.far, second.near, second.far:
        for way in (first, second):
            way.send(bytes(MEBIBYTE))
            way.drain()
            assert way.moves
        first.stall()
        second.moves.clear()
        second.send(bytes(MEBIBYTE))
        second.drain()
        assert (second.moves, pipes.lent) == ([], 1)
        first.drain()
    lean.until(lambda: first.source.lost and second.source.lost)
    assert pipes.lent == 0
    pipes.close()


def test_a_vain_wake_up_costs_nothing(spliced: Way) -> None:
    """When there is nothing to read after all, nothing is told, and the pipe is back."""
    assert spliced.source.transport.doRead() is None
    assert (spliced.moves, spliced.pipes.lent) == ([], 0)


def test_the_count_may_end_it(spliced: Way) -> None:
    """Whoever is told of a move may stop the shortcut from there."""
    spliced.shortcut._moved = lambda _: spliced.shortcut.stop()
    spliced.send(bytes(MEBIBYTE))
    spliced.drain()
    assert not spliced.shortcut.active


def test_an_abort_is_not_undone(spliced: Way) -> None:
    """A transport that was aborted, and so reads and writes nothing, is left so when the shortcut stops."""
    spliced.stall()
    spliced.source.transport.abortConnection()
    spliced.shortcut.stop()
    assert spliced.source.transport.doRead() is None
    assert vars(spliced.source.transport)["doRead"]
    spliced.lean.until(lambda: spliced.sink.lost)


def test_pipes_are_bounded_and_kept() -> None:
    """There are no more than allowed; one given back empty is lent again, and one with bytes in it closed."""
    pipes = Pipes(2)
    first, second = pipes.lend(), pipes.lend()
    assert first is not None
    assert second is not None
    assert pipes.lend() is None
    pipes.take_back(first, empty=True)
    pipes.take_back(second, empty=False)
    assert pipes.lend() == first
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        assert pipes.lend() is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert pipes.lent == 1
    pipes.take_back(first, empty=True)
    pipes.close()


def test_a_smaller_pipe_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system allows no larger pipe than its default, that is what is lent."""

    def refused(*_: int) -> int:
        raise PermissionError

    monkeypatch.setattr(fcntl, "fcntl", refused)
    pipes = Pipes()
    pipe = pipes.lend()
    assert pipe is not None
    pipes.take_back(pipe, empty=False)
