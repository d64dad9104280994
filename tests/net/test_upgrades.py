"""Connections that change to another protocol: nothing of before or after is lost, and both end as a relay does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadlines
from balancer.core.proxy_protocol import ProxyHeader
from balancer.core.secured import Secured
from balancer.errors import BackendDown, BalancerError, Draining
from balancer.net.clock import ReactorAlarm
from balancer.net.peers import Peer
from balancer.net.sessions import Sessions, Sight
from balancer.net.upgrades import LINGER, Upgraded, Upgrades
from balancer.testing import MemoryNetwork
from tests.net.house import Speaker

HERE = IPv4Address("TCP", "127.0.0.1", 1)
MARK = 1000
IDLE = 60.0


@implementer(IHalfCloseableProtocol)
class Before(Peer):
    """What spoke on the connection before; `told` is what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def dataReceived(self, data: bytes) -> None:
        self.told.append(f"{data!r}")

    def pressure(self, *, high: bool) -> None:
        self.told.append("high" if high else "low")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self.told.append("lost")


class Changing:
    """A client and a backend, each with a connection to what changes between them."""

    def __init__(self) -> None:
        self.network = MemoryNetwork(mark=MARK)
        self.deadlines = Deadlines(ReactorAlarm(self.network))
        self.near, self.far = Before(), Before()
        self.client, self.backend = Speaker(self.network), Speaker(self.network)
        self.network.join(self.client, self.near, HERE, HERE)
        self.network.join(self.far, self.backend, HERE, HERE)
        self.behind = Backend("b", "b:1", ("b", 1), seconds=self.network.seconds)
        self.sessions = Sessions()
        self.ends: list[BalancerError | None] = []
        self.moved: tuple[int, int] | None = None

    def change(self, early: bytes = b"", *, began: float = 0.0, max_lifetime: float | None = None) -> Upgraded:
        """From now on it is a relay."""
        upgrades = Upgrades(self.deadlines, IDLE, self.sessions, max_lifetime=max_lifetime)
        upgraded = Upgraded(upgrades, self.near, backend=self.behind, began=began, ended=self.ended)
        upgraded.begin(self.far, early)
        self.network.pump()
        return upgraded

    def ended(self, error: BalancerError | None, moved: tuple[int, int]) -> None:
        """It is over."""
        self.ends.append(error)
        self.moved = moved

    @property
    def reasons(self) -> list[str | None]:
        """How it ended."""
        return [None if error is None else error.reason for error in self.ends]


@pytest.fixture
def changing() -> Iterator[Changing]:
    """Two connections; at the end nothing of them is left, and no old protocol was told."""
    changing = Changing()
    yield changing
    changing.client.cut()
    changing.backend.cut()
    changing.network.advance(100)
    assert (len(changing.ends), len(changing.deadlines), len(changing.network.pairs)) == (1, 0, 0)
    assert (len(changing.sessions), changing.sessions.room.taken) == (0, 0)
    assert "lost" not in changing.near.told + changing.far.told


def test_bytes_pass_both_ways(changing: Changing) -> None:
    """After the change bytes pass, those that came early first, and they are counted; who spoke before hears none."""
    changing.client.say(b"before")
    changing.network.advance(3)
    changing.near.secured = Secured("TLSv1.3", "X")
    upgraded = changing.change(b"early ", began=1.5)
    changing.client.say(b"question")
    changing.backend.say(b"answer")
    assert (changing.backend.hear(), changing.client.hear()) == (b"early question", b"answer")
    seen = Sight(("127.0.0.1", 1), changing.behind, 1.5, 14, 6, secured=Secured("TLSv1.3", "X"))
    assert upgraded.look() == seen
    assert (changing.near.told, changing.far.told) == (["b'before'"], [])
    assert list(changing.sessions) == [upgraded]
    changing.backend.transport.loseConnection()
    changing.client.hold()
    changing.client.close()
    assert (upgraded.look(), changing.moved) == (seen, (14, 6))


def test_the_client_stays_who_it_was(changing: Changing) -> None:
    """Who a PROXY header told of, and whom the connection counts for, is so after the change."""
    changing.near.header, changing.near.source = ProxyHeader(2, source=("192.0.2.9", 9)), "192.0.2.9"
    upgraded = changing.change()
    assert (upgraded.look().client, upgraded.source) == (("192.0.2.9", 9), "192.0.2.9")


def test_what_was_written_before_goes_out_first(changing: Changing) -> None:
    """What either protocol wrote before the change is not overtaken, though it has not gone out yet."""
    changing.near.write(b"101 ")
    changing.far.write(b"GET ")
    changing.backend.transport.write(b"answer")
    changing.change(b"early")
    assert (changing.backend.hear(), changing.client.hear()) == (b"GET early", b"101 answer")


def test_a_paused_connection_is_read_again(changing: Changing) -> None:
    """Connections that were held before the change are read after it."""
    changing.near.pause()
    changing.far.pause()
    changing.client.say(b"question")
    changing.backend.say(b"answer")
    assert not changing.near.told
    changing.change()
    assert (changing.backend.hear(), changing.client.hear()) == (b"question", b"answer")


@pytest.mark.parametrize("paused", [False, True])
def test_a_client_that_had_finished(changing: Changing, paused: bool) -> None:
    """A client's FIN from before the change reaches the backend behind what came early, and the answer still passes."""
    changing.client.finish()
    if paused:
        changing.near.pause()
    changing.change(b"all")
    assert (changing.backend.hear(), changing.backend.finished) == (b"all", True)
    changing.backend.say(b"answer")
    assert changing.client.hear() == b"answer"
    changing.backend.finish()
    assert changing.client.finished
    assert changing.reasons == [None]


def test_each_direction_ends_on_its_own(changing: Changing) -> None:
    """After one side's FIN, which is passed on, the other side still speaks; then both are closed."""
    changing.change()
    changing.backend.finish()
    assert (changing.client.finished, changing.reasons) == (True, [])
    changing.client.say(b"more")
    changing.client.finish()
    assert (changing.backend.hear(), changing.backend.finished) == (b"more", True)
    assert changing.reasons == [None]


@pytest.mark.parametrize(("half", "limit"), [(False, IDLE), (True, LINGER)])
def test_silence_ends_it(changing: Changing, half: bool, limit: float) -> None:
    """When nothing moves for the idle time, or after a FIN for the linger time, both are closed in order."""
    changing.change()
    changing.network.advance(IDLE - 1)
    changing.backend.say(b"still here")
    if half:
        changing.backend.finish()
    changing.network.advance(limit - 1)
    assert not changing.ends
    changing.network.advance(2)
    assert changing.reasons == ["idle-timeout"]
    assert changing.client.finished
    assert changing.backend.finished


@pytest.mark.parametrize(("who", "reason"), [("client", "downstream-gone"), ("backend", "upstream-gone")])
def test_a_reset_passes(changing: Changing, who: str, reason: str) -> None:
    """When one side breaks off the other is reset."""
    changing.change()
    getattr(changing, who).cut()
    assert changing.reasons == [reason]
    other = changing.backend if who == "client" else changing.client
    assert other.ending == "ConnectionLost"


@pytest.mark.parametrize("relayed", [False, True])
def test_an_end_that_is_asked_for(changing: Changing, relayed: bool) -> None:
    """Both connections are reset, and whoever waits is told why, if it is not over already."""
    upgraded = changing.change()
    if relayed:
        changing.client.hold()
        changing.backend.say(b"more than it takes")
        changing.backend.finish()
        changing.client.finish()
    upgraded.end(Draining("it is over"))
    changing.network.pump()
    assert changing.client.ending == ("" if relayed else "ConnectionLost")
    assert changing.reasons == [None if relayed else "draining"]


def test_leaving_a_backend(changing: Changing) -> None:
    """It ends when its backend is to be left, and only then, and once."""
    upgraded, other = changing.change(), Backend("c", "c:1", ("c", 1), seconds=changing.network.seconds)
    upgraded.leave(other, BackendDown("another"))
    assert changing.reasons == []
    for _ in range(2):
        upgraded.leave(changing.behind, BackendDown("it"))
    changing.network.pump()
    assert changing.reasons == ["backend-down"]
    assert changing.client.ending == changing.backend.ending == "ConnectionLost"


def test_a_drain_waits_for_it(changing: Changing) -> None:
    """It goes on until its peers end it."""
    upgraded = changing.change()
    upgraded.drain()
    changing.network.advance(IDLE - 1)
    changing.client.say(b"still here")
    assert changing.backend.hear() == b"still here"


@pytest.mark.parametrize("began", [0.0, -5.0, -50.0])
def test_one_that_is_too_old(changing: Changing, began: float) -> None:
    """It is cut when it is as old as it may be, counted from when the connection was made, if that was long ago too."""
    changing.change(began=began, max_lifetime=20)
    changing.network.advance(max(0.0, began + 19))
    assert changing.reasons == []
    changing.network.advance(2)
    assert changing.reasons == ["max-lifetime"]
    assert changing.client.ending == changing.backend.ending == "ConnectionLost"


def test_one_that_ends_in_time(changing: Changing) -> None:
    """One that has ended leaves no timer behind."""
    changing.change(max_lifetime=20)
    changing.client.cut()
    assert (changing.reasons, len(changing.deadlines)) == (["downstream-gone"], 0)


def test_a_reader_that_stops_stops_the_sender(changing: Changing) -> None:
    """While the backend reads nothing, little more than a read of the client's is held for it; then all arrives."""
    changing.change()
    changing.backend.hold()
    for _ in range(20):
        changing.client.say(bytes(MARK))
    assert changing.client.transport.buffered == 18 * MARK
    changing.backend.go_on()
    assert len(changing.backend.hear()) == 20 * MARK


@pytest.mark.parametrize("first", [b"", b"more"])
def test_a_reader_that_stopped_before_the_change(changing: Changing, first: bytes) -> None:
    """Pressure from before the change holds nothing up for ever, whether it goes before or after more was written."""
    changing.client.hold()
    changing.near.write(bytes(2 * MARK))
    assert changing.near.told == ["high"]
    changing.far.pause()
    changing.change()
    changing.backend.say(first)
    changing.backend.say(first)
    changing.client.go_on()
    changing.backend.say(b"answer")
    assert changing.client.hear() == bytes(2 * MARK) + first + first + b"answer"
    assert changing.near.told == ["high"]
