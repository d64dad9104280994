"""The built-in algorithms in a real pool: what it adds to them, and what of them comes through it."""

from __future__ import annotations

from collections import Counter
from random import Random as Chance
from typing import Any, Final

import pytest

from balancer.core.backend import Backend
from balancer.core.pickers import Ports
from balancer.core.pool import Pool
from balancer.core.session import Session
from balancer.core.slow_start import Curve, Starts
from balancer.interfaces import Kind
from balancer.plugins.algorithms import LeastConnections, LeastTime, PeakEWMA, PowerOfTwo, Random, RoundRobin
from balancer.plugins.combinators import BoundedLoad, Exact, Fallback, Subset, Zones
from balancer.plugins.hashing import Hash, Ketama, Maglev, Rendezvous, SourceHash, capture
from balancer.plugins.sticky import Sticky

WAYS: list[Any] = [Maglev(), Ketama(), Rendezvous()]
MOVED: Final = 0.02
"""The share of the keys that need not move, and do all the same, when one of ten backends goes: only with Maglev."""


def fleet(*weights: float) -> list[Backend]:
    """Backends of these weights, on a clock that stands."""
    return [
        Backend(f"b{n}", f"b{n}:80", "b", seconds=lambda: 0.0, weight=weight, tags=["web"])
        for n, weight in enumerate(weights)
    ]


def made(backends: list[Backend], algorithm: Any, seed: int = 1, **settings: Any) -> Pool:
    """A pool whose picker is ready."""
    turns: list[Any] = []
    pool = Pool("site", backends, algorithm, ports=Ports(Chance(seed), lambda: 0.0, turns.append), **settings)
    assert not turns
    return pool


def session(key: str = "k") -> Session:
    """A session of that key, and of an address that goes with it."""
    number = int(key) if key.isdigit() else 0
    client = f"192.0.{number // 256}.{number % 256}"
    return Session(Kind.TCP, (client, 1), 0.0, captures={"key": key, "role": "web"})


def called(algorithm: Any) -> str:
    """What to call a test of it."""
    return f"{algorithm.name} {getattr(algorithm, 'by', '')}".strip()


def owners(pool: Pool, count: int) -> list[str]:
    """Who has each of so many sessions, which end at once."""
    leases = []
    for number in range(count):
        lease = pool.pick(session(str(number)))
        lease.end()
        leases.append(lease.backend.name)
    return leases


@pytest.mark.parametrize("by", WAYS, ids=repr)
@pytest.mark.parametrize("count", [6, 70])
def test_a_key_with_full_backends_falls_to_the_next_always_the_same_way(by: Any, count: int) -> None:
    """However many of a key's backends fill up, it goes on along the same order, in every pool of the same backends."""
    orders = []
    for seed in (1, 2):
        pool, order = made(fleet(*[1] * count), Hash(capture("key"), by), seed), list[str]()
        while len(order) < count:
            chosen = {pool.pick(session()).backend for _ in range(2)}
            order += [one.name for one in chosen]
            for one in chosen:
                one.become(max_connections=1, active=1)
        orders.append(order)
    assert len(set(orders[0])) == count
    assert orders[0] == orders[1]


WEIGHTS: Final = (1.0, 2.0, 3.0, 6.0)
UNLIKELY: Final = 30.7
"""Chi-square of three degrees of freedom that chance exceeds once in a million times."""

WEIGHTED: list[Any] = [
    RoundRobin(),
    Random(),
    LeastConnections(),
    LeastTime(),
    PowerOfTwo(),
    PeakEWMA(),
    Hash(capture("key"), Maglev()),
    Hash(capture("key"), Rendezvous()),
    SourceHash(),
    BoundedLoad(Random()),
    Exact(capture("role"), Random()),
    Fallback(Exact(capture("none")), Random()),
    Subset("web", LeastConnections(), otherwise=None),
    Zones("gone", Random()),
]


@pytest.mark.parametrize("algorithm", WEIGHTED, ids=called)
def test_weights_are_honoured(algorithm: Any) -> None:
    """In an idle pool sessions are shared out by weight, as evenly as chance would have it or more so."""
    count, whole = 3000, sum(WEIGHTS)
    found = Counter(owners(made(fleet(*WEIGHTS), algorithm), count))
    expected = {f"b{place}": count * weight / whole for place, weight in enumerate(WEIGHTS)}
    assert sum((found[name] - share) ** 2 / share for name, share in expected.items()) < UNLIKELY


@pytest.mark.parametrize("algorithm", [*(Hash(capture("key"), by) for by in WAYS), SourceHash()], ids=called)
def test_only_what_must_move_moves(algorithm: Any) -> None:
    """When a backend goes its keys go to the others others of Maglev's alone; all come back with it."""
    backends, count = fleet(*[1] * 10), 2000
    pool = made(backends, algorithm)
    before = owners(pool, count)
    backends[3].become(up=False)
    pool.refresh()
    after = owners(pool, count)
    assert "b3" not in after
    moved = sum(one != other for one, other in zip(before, after, strict=True) if one != "b3")
    assert moved <= (MOVED * count if "Maglev" in repr(algorithm) else 0)
    backends[3].become(up=True)
    pool.refresh()
    assert owners(pool, count) == before


@pytest.mark.parametrize("otherwise", [RoundRobin(), Hash(capture("role"))], ids=called)
def test_who_sticks_does_so_across_tiers(otherwise: Any) -> None:
    """With half of a tier down sessions spill, and whoever has come before has the same backend again."""
    backends = fleet(*[1] * 6)
    for place, one in enumerate(backends):
        one.become(tier=int(place > 3), up=place % 2 == 0)
    pool = made(backends, Sticky(capture("key"), otherwise), spill=1.4)
    before = owners(pool, 300)
    assert Counter(int(name[1:]) > 3 for name in before)[True] == pytest.approx(90, abs=30)
    assert owners(pool, 300) == before


def test_who_sticks_is_let_in_at_once() -> None:
    """A backend that starts slowly has those back that belong to it, and a tenth of its share of the others."""
    backends = fleet(1, 1)
    pool = made(backends, Sticky(capture("key"), RoundRobin()))
    before = owners(pool, 200)
    pool.starts = Starts(Curve(60), -1000.0)
    for ejected in (False, True, False):
        backends[0].become(ejected=ejected)
        pool.refresh()
    assert backends[0].starting
    assert owners(pool, 200) == before
