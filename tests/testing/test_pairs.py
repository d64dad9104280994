"""Two protocols in conversation: order, cuts and the transcript."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from balancer.testing import Paired, pairs


class Gatherer(Protocol):
    """Speaks first when it has something to say, and keeps what it hears."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.greeting, self.heard, self.lost = greeting, b"", False

    def connectionMade(self) -> None:
        self.write(self.greeting)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True

    def write(self, data: bytes) -> None:
        """Send the bytes."""
        assert self.transport is not None
        self.transport.write(data)


class Echo(Gatherer):
    """Sends back what it hears."""

    def dataReceived(self, data: bytes) -> None:
        self.write(data)


@given(st.binary(max_size=60), st.lists(st.integers(1, 7)))
def test_any_cut_carries_the_same(data: bytes, sizes: list[int]) -> None:
    """Whatever the sizes of the steps, every byte arrives once and in order, and comes back so."""
    client = Gatherer(data)
    pair = Paired(client, Echo())
    pair.pump(sizes)
    assert client.heard == data


def test_a_step_moves_both_ways() -> None:
    """One step delivers once in each direction, and says whether anything moved."""
    client, server = Gatherer(b"abc"), Gatherer(b"xyz")
    pair = Paired(client, server)
    assert pair.step(1)
    assert (client.heard, server.heard) == (b"x", b"a")
    pair.pump()
    assert not pair.step()


def test_the_transcript_reads_as_a_conversation() -> None:
    """The transcript is the same for every cut of what one side says in one go."""
    for sizes in ([], [1]):
        client = Gatherer(b"hello\n")
        pair = Paired(client, Gatherer())
        pair.pump(sizes)
        pair.server.write(b"yes")
        pair.pump(sizes)
        pair.client.loseConnection()
        pair.pump(sizes)
        assert pair.transcript == [">> b'hello\\n'", "<< b'yes'", ">> FIN"]
        assert client.lost
        assert pair.closed


def test_endless_talk_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two protocols that answer each other for ever end the test, not the patience."""
    monkeypatch.setattr(pairs, "LIMIT", 100)
    with pytest.raises(RuntimeError, match="still talking"):
        Paired(Echo(b"x"), Echo()).pump()
