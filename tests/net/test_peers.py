"""The common half of both ends: pressure told, reading held and let go, and each way to end."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.address import IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from balancer.core.deadlines import Deadlines
from balancer.net.clock import ReactorAlarm
from balancer.net.peers import Peer, queued
from balancer.testing import Paired
from balancer.testing.network import MemoryNetwork
from tests.net.house import Speaker


class Pressed(Peer):
    """Notes the pressure it is told of."""

    def __init__(self) -> None:
        self.told: list[bool] = []

    def pressure(self, *, high: bool) -> None:
        self.told.append(high)


def talking(peer: Peer) -> tuple[Paired, Speaker]:
    """The peer connected to a speaker."""
    speaker = Speaker(MemoryNetwork())
    return Paired(speaker, peer, mark=100), speaker


def test_small_writes_go_out_at_once() -> None:
    """Nagle's algorithm is off."""
    pair, _ = talking(Peer())
    assert pair.server.getTcpNoDelay()


def test_pressure_is_told() -> None:
    """A peer hears when its output is over the mark, and when it is empty again."""
    peer = Pressed()
    pair, speaker = talking(peer)
    peer.write(bytes(101))
    assert peer.told == [True]
    pair.pump()
    assert peer.told == [True, False]
    assert len(speaker.heard) == 101


def test_reading_is_held_and_let_go() -> None:
    """Nothing is read between pause and resume, and a resume too many does no harm."""
    peer = Peer()
    pair, speaker = talking(peer)
    peer.pause()
    speaker.transport.write(b"x")
    pair.pump()
    assert pair.client.buffered == 1
    peer.resume()
    peer.resume()
    pair.pump()
    assert pair.client.buffered == 0


def test_nothing_is_read_after_the_end() -> None:
    """After the peer's last byte a resume reads no more."""
    peer = Peer()
    pair, _ = talking(peer)
    peer.pause()
    peer.readConnectionLost()
    peer.resume()
    assert not pair.server.reading


def test_the_ways_to_end() -> None:
    """FIN, an orderly close and a reset reach the other end as what they are, after what was written."""
    for act, finished, ending in (
        (Peer.finish, True, ""),
        (lambda peer: peer.close_within(Deadlines(ReactorAlarm(Clock())), 1), True, ""),
        (Peer.abort, False, "ConnectionLost"),
    ):
        peer = Peer()
        pair, speaker = talking(peer)
        peer.write(b"last")
        pair.pump()
        act(peer)
        pair.pump()
        assert (speaker.heard, speaker.finished, speaker.ending) == (b"last", finished, ending)


def test_a_close_waits_for_a_slow_peer_but_not_for_a_dead_one() -> None:
    """A peer that takes some of the rest in every interval gets all the time it needs; one that stops is cut off."""
    clock, peer = Clock(), Peer()
    pair, speaker = talking(peer)
    peer.write(bytes(10))
    peer.close_within(Deadlines(ReactorAlarm(clock)), 5)
    for _ in range(6):
        pair.step(1)
        clock.pump([0.1] * 50)
    assert (len(speaker.heard), speaker.ending) == (6, "")
    clock.pump([0.1] * 110)
    pair.pump()
    assert (len(speaker.heard), speaker.ending) == (6, "ConnectionLost")
    assert not clock.getDelayedCalls()


def test_a_peer_that_takes_some_is_known_from_one_that_does_not() -> None:
    """What a peer has taken is told by what is left: for the first time when it is asked for the second."""
    peer = Peer()
    pair, _ = talking(peer)
    peer.write(bytes(10))
    assert not peer.took_some()
    pair.step(1)
    assert peer.took_some()
    assert not peer.took_some()


def test_nothing_waits_for_who_is_gone() -> None:
    """Of a socket that is closed nothing is unsent."""
    with socket.socket() as closed:
        assert queued(closed) == 0
    assert queued(closed) == 0


class Nameless(StringTransport):
    """A unix socket: no address, no Nagle."""

    def getPeer(self) -> Any:
        return UNIXAddress(None)


def test_addresses() -> None:
    """An address is host and port in any family, and empty over a unix socket."""
    peer: Any = Peer()
    peer.makeConnection(StringTransport(peerAddress=IPv6Address("TCP", "::1", 7)))
    assert peer.address == ("::1", 7)
    other: Any = Peer()
    other.makeConnection(Nameless())  # type: ignore[no-untyped-call]  # as untyped as Twisted's own
    assert other.address == ("", 0)
    other.pressure(high=True)
