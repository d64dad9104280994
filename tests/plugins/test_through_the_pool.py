"""The built-in algorithms in a real pool: what it adds to them, and what of them comes through it."""

from __future__ import annotations

from random import Random as Chance
from typing import Any

import pytest

from balancer.core.backend import Backend
from balancer.core.pickers import Ports
from balancer.core.pool import Pool
from balancer.core.session import Session
from balancer.interfaces import Kind
from balancer.plugins.hashing import Hash, Ketama, Maglev, Rendezvous, capture

WAYS = [Maglev(), Ketama(), Rendezvous()]


def fleet(*weights: float) -> list[Backend]:
    """Backends of these weights, on a clock that stands."""
    return [Backend(f"b{n}", f"b{n}:80", "b", seconds=lambda: 0.0, weight=weight) for n, weight in enumerate(weights)]


def made(backends: list[Backend], algorithm: Any, seed: int = 1) -> Pool:
    """A pool whose picker is ready."""
    turns: list[Any] = []
    pool = Pool("site", backends, algorithm, ports=Ports(Chance(seed), lambda: 0.0, turns.append))
    assert not turns
    return pool


def session(key: str = "k") -> Session:
    """A session of that key."""
    return Session(Kind.TCP, ("192.0.2.1", 1), 0.0, captures={"key": key})


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
                one.max_connections = one.active = 1
        orders.append(order)
    assert len(set(orders[0])) == count
    assert orders[0] == orders[1]
