"""A peer that says nothing and keeps OpenSSL at work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from OpenSSL import SSL

from balancer.net.tls.flooding import MOST, flooded, guard
from tests.net.tls.forging import DATA, HANDSHAKE, Forger12, Forger13
from tests.net.tls.opened import opened
from tests.net.tls.talking import Manner, Talker

Flood = Iterator[bytes]
HELLO = Talker("a.example", Manner("1.2")).begin()[5:]


def hellos(forger: Forger12) -> Flood:
    """Attempts to renegotiate."""
    while True:
        yield forger.record(HANDSHAKE, HELLO)


def new_keys(forger: Forger13, *, asking: bool) -> Flood:
    """KeyUpdates."""
    while True:
        yield forger.rekeyed(asking=asking)


def guarded(kind: str) -> tuple[SSL.Connection, Flood, Forger12 | Forger13]:
    """A guarded connection, and what is to come in."""
    talker, server = opened("1.2" if kind == "hellos" else "1.3")
    guard(server)
    if kind == "hellos":
        old = Forger12(talker)
        return server, hellos(old), old
    new = Forger13(talker)
    return server, new_keys(new, asking=kind == "asking"), new


@pytest.mark.parametrize("kind", ["hellos", "keys", "asking"])
def test_a_flood(kind: str) -> None:
    """Reading ends before so many messages are read."""
    server, flood, forger = guarded(kind)
    server.bio_write(b"".join(next(flood) for _ in range(MOST)) + forger.record(DATA, b"behind"))
    with pytest.raises(SSL.ZeroReturnError):
        server.recv(100)
    assert flooded(server)


@pytest.mark.parametrize("kind", ["hellos", "keys", "asking"])
def test_a_few(kind: str) -> None:
    """A hundred of them do no harm, with data in between and behind."""
    server, flood, forger = guarded(kind)
    for number in range(100):
        server.bio_write(next(flood) + forger.record(DATA, b"%d" % number))
        assert server.recv(100) == b"%d" % number
    assert not flooded(server)


def test_the_end_of_each_connection_is_its_own() -> None:
    """What one connection does is not held against another."""
    first, flood, _ = guarded("keys")
    other, few, same = guarded("keys")
    first.bio_write(b"".join(next(flood) for _ in range(MOST)))
    with pytest.raises(SSL.ZeroReturnError):
        first.recv(100)
    other.bio_write(next(few) + same.record(DATA, b"well"))
    assert other.recv(100) == b"well"
