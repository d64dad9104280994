"""What the way through memory adds to Twisted's; `test_stream` holds what both ways promise."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

import pytest

from balancer.net.tls.memory import MemoryTLS
from tests.net.lean import HalfNote, Lean, Note
from tests.net.tls.ends import Opening, accepting, connecting, secure_pair

MEMORY = ("memory", "memory")


def test_it_is_handed_on(lean: Lean) -> None:
    """Whoever reads and writes in the clear can be replaced, as on a socket."""
    server, client, after = HalfNote(), HalfNote(), HalfNote()
    secure_pair(lean, server, client, ways=MEMORY)
    assert server.transport.protocol is server
    server.transport.protocol = after
    client.transport.write(b"x")
    lean.hear(after, 1)
    assert not server.heard


def test_a_close_does_not_wait_for_the_peer(lean: Lean) -> None:
    """A peer that never says that it is done cannot keep open what we have closed."""
    server, client = HalfNote(), HalfNote()
    secure_pair(lean, server, client, ways=MEMORY)
    client.transport.pauseProducing()
    lean.turn(2)
    server.transport.loseConnection()
    lean.until(lambda: server.lost)
    assert server.events[-1] == "ConnectionDone"


@pytest.mark.parametrize("gone", ["lost", "done"])
def test_calls_on_one_that_is_over(lean: Lean, gone: str) -> None:
    """Once it is closed there is nothing to write, to close or to abort, and nothing happens."""
    server, client = HalfNote(), Note()
    secure_pair(lean, server, client, ways=MEMORY)
    (server.transport.abortConnection if gone == "lost" else server.transport.loseConnection)()
    lean.until(lambda: server.lost and client.lost)
    transports: list[Any] = [server.transport, client.transport]
    for transport in transports:
        assert isinstance(transport, MemoryTLS)
        transport.write(b"x")
        transport.loseConnection()
        transport.abortConnection()
    lean.turn(3)
    assert (server.events.count("made"), len(server.events)) == (1, 2)


def test_a_fin_within_the_handshake(lean: Lean) -> None:
    """A client that leaves before the handshake is done is a loss, told once."""
    server = HalfNote()
    plain = lean.peer(server)
    opening = Opening(HalfNote(), accepting(), lean.reactor, memory=True, accepts=True)
    opening.makeConnection(server.transport)
    plain.close()
    lean.until(lambda: opening.note.events)
    assert opening.note.events[0] in {"ConnectionLost", "Error"}


def test_a_close_in_order_within_the_handshake(lean: Lean) -> None:
    """A backend that says that it is done before the handshake is done is a loss, told once, and nothing is raised."""
    note = HalfNote()
    plain = lean.peer(note)
    opening = Opening(note, connecting(), lean.reactor, memory=True, accepts=False)
    opening.makeConnection(note.transport)
    plain.sendall(b"\x15\x03\x03\x00\x02\x01\x00")
    lean.until(lambda: note.lost)
    plain.close()
    assert note.events == ["made", "ConnectionLost"]
