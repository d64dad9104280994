"""When a transport reads: from the turn on in which that is asked for, at no price where it is taken back."""

# ruff: noqa: SLF001  looks inside what it tests

from __future__ import annotations

from tests.net.lean import CountedPoll, Lean, Note

MEBIBYTE = 1 << 20


def test_a_pause_taken_back_costs_nothing(lean: Lean) -> None:
    """Pausing and resuming within one turn is no change, for epoll as for the protocol."""
    server = Note()
    client = lean.pair(server)
    lean.reactor._poller = poller = CountedPoll(lean.reactor._poller)
    for _ in range(3):
        server.transport.pauseProducing()
        server.transport.resumeProducing()
    client.transport.write(b"x")
    lean.until(lambda: server.heard)
    assert poller.changes == 0


def test_the_reactor_knows_at_once(lean: Lean) -> None:
    """Whoever asks the reactor who reads, or tells it who shall not, need not wait for the end of the turn."""
    server = Note()
    client = lean.pair(server)
    server.transport.pauseProducing()
    assert server.transport not in lean.reactor.getReaders()
    server.transport.resumeProducing()
    assert server.transport in lean.reactor.getReaders()
    server.transport.resumeProducing()
    lean.reactor.removeReader(server.transport)
    client.transport.write(b"x")
    lean.turn(5)
    assert (server.heard, server.transport in lean.reactor.getReaders()) == (b"", False)
    lean.reactor.addReader(server.transport)
    lean.until(lambda: server.heard)


def test_nothing_is_read_after_a_pause(lean: Lean) -> None:
    """A connection that was paused by another one's data in the same turn hears nothing until it is resumed."""
    quietened, busy = Note(), Note()

    def pause(_data: bytes) -> None:
        for other in (quietened, busy):
            other.transport.pauseProducing()

    vars(busy)["dataReceived"] = vars(quietened)["dataReceived"] = pause  # whichever comes first
    first, second = lean.peer(quietened), lean.peer(busy)
    with first, second:
        for other in (quietened, busy):
            other.transport.write(bytes(8 * MEBIBYTE))  # so that epoll still knows it when it reads no more
        lean.turn()
        first.sendall(b"1")
        second.sendall(b"2")
        lean.turn()
        del vars(busy)["dataReceived"], vars(quietened)["dataReceived"]
        lean.turn(5)
        assert quietened.heard + busy.heard == b""
        for other in (quietened, busy):
            other.transport.resumeProducing()
        lean.until(lambda: len(quietened.heard + busy.heard) == 1)


def test_a_hold_leaves_the_protocols_wish_alone(lean: Lean) -> None:
    """While held nothing is read, whatever is paused or resumed; let go, it is read as the protocol last wanted."""
    server = Note()
    with lean.peer(server) as plain:
        server.transport.hold(held=True)
        server.transport.pauseProducing()
        server.transport.resumeProducing()
        plain.sendall(b"x")
        lean.turn(5)
        assert server.heard == b""
        server.transport.hold(held=False)
        lean.until(lambda: server.heard)
        server.transport.hold(held=True)
        server.transport.pauseProducing()
        server.transport.hold(held=False)
        plain.sendall(b"y")
        lean.turn(5)
        assert server.heard == b"x"
    server.transport.abortConnection()
    lean.turn()
    server.transport.hold(held=True)


def test_a_vain_read_is_nothing(lean: Lean) -> None:
    """Reading when there is nothing, as after a stale event, does not end a connection."""
    server = Note()
    with lean.peer(server):
        assert server.transport.doRead() is None
