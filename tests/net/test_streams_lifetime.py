"""Relayed connections that grow too old: both sides are cut, while connecting as well, and the outcome says why."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface import implementer

from balancer.config import Pool, TCPListener
from balancer.errors import Side
from balancer.interfaces import IAlgorithm, Outcome, Phase
from tests.net.house import FRONT, House


@implementer(IAlgorithm)
class Noting:
    """Chooses the first backend and notes every outcome."""

    name = "noting"

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self._backends: Any = ()

    def picker(self, backends: Any, random: Any) -> Any:
        self._backends = backends
        return self

    def __call__(self, session: Any) -> Any:
        return self._backends[0]

    def released(self, backend: Any, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


@pytest.fixture
def policy() -> Noting:
    """Notes how sessions end."""
    return Noting()


def relay(house: House, policy: Noting, max_lifetime: float | None) -> None:
    """Open a listener over a backend that is slow to answer."""
    pool = Pool("pool", backends=["127.0.0.1:9001"], algorithm=policy, connect_timeout=60)
    house.open(TCPListener(f"tcp:{FRONT}", pool=pool, idle=20, max_lifetime=max_lifetime))


def test_both_sides_are_cut(house: House, policy: Noting) -> None:
    """A connection lives so long, however busy it is; then both sides are reset, which is nobody's failure."""
    far = house.far()
    relay(house, policy, 30)
    client = house.client(b"hello")
    for _ in range(29):
        house.network.advance(1)
        client.say(b"more")
    assert not client.ending
    house.network.advance(1.5)
    assert (client.ending, far.last.ending) == ("ConnectionLost", "ConnectionLost")
    (outcome,) = policy.outcomes
    assert (outcome.phase, outcome.side) == (Phase.DATA, Side.OURS)
    assert str(outcome.error) == "the connection is 30 s old"
    assert len(house.assembly.deadlines) == 0


def test_connecting_counts(house: House, policy: Noting) -> None:
    """A client whose backend does not answer is cut when it is too old, and its outcome is that."""
    house.far()
    house.network.hang(9001)
    relay(house, policy, 5)
    client = house.client(b"hello")
    house.network.advance(5.5)
    assert client.ending == "ConnectionLost"
    (outcome,) = policy.outcomes
    assert (outcome.phase, outcome.side) == (Phase.CONNECT, Side.OURS)
    assert str(outcome.error) == "the connection is 5 s old"
    assert house.active == 0


def test_who_ends_sooner_is_left_alone(house: House, policy: Noting) -> None:
    """A connection that ends by itself leaves no timer, and its outcome is its own."""
    far = house.far()
    relay(house, policy, 30)
    client = house.client(b"hello")
    client.finish()
    far.last.close()
    client.close()
    assert [outcome.error for outcome in policy.outcomes] == [None]
    assert len(house.assembly.deadlines) == 0


def test_a_slow_end_counts(house: House, policy: Noting) -> None:
    """A client that has not taken the last bytes when it is too old does without them."""
    far = house.far()
    relay(house, policy, 5)
    client = house.client(b"question")
    client.hold()
    client.finish()
    far.last.say(b"rest" * 65536)
    far.last.close()
    assert not client.gone
    house.network.advance(5.5)
    assert client.gone


def test_no_timer_unless_asked_for(house: House, policy: Noting) -> None:
    """A listener without a lifetime has one timer for each relay, that of silence."""
    house.far()
    relay(house, policy, None)
    house.client(b"hello")
    assert len(house.assembly.deadlines) == 1
