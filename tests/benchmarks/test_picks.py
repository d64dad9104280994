"""The measurements of picks: each works; and what they show holds by how picks are made, not by the clock."""

from __future__ import annotations

from collections.abc import Generator
from random import Random
from typing import Any

import pytest

from balancer.testing.fakes import FakeBackend, FakeSession
from benchmarks import picks
from benchmarks.micro import Case

LOOKED_AT = ("active", "latency", "weight", "state", "tags", "zone")
SESSION = FakeSession(captures={"none": "key"})


class Seen(FakeBackend):
    """A backend that counts how often a policy looks at what changes."""

    looks = 0

    def __getattribute__(self, name: str) -> Any:
        if name in LOOKED_AT:
            Seen.looks += 1
        return super().__getattribute__(name)


def made(algorithm: Any, size: int) -> Any:
    """Its picker for so many."""
    picker = algorithm.picker([Seen(f"b{number}") for number in range(size)], Random(1))
    while isinstance(picker, Generator):
        try:
            next(picker)
        except StopIteration as finished:
            picker = finished.value
    return picker


def looks(algorithm: Any, size: int) -> int:
    """The most looks at backends that one of many picks from so many takes."""
    picker, most = made(algorithm, size), 0
    for _ in range(100):
        Seen.looks = 0
        picker(SESSION)
        most = max(most, Seen.looks)
    return most


@pytest.mark.parametrize("algorithm", picks.CONSTANT, ids=picks.called)
def test_some_look_at_a_few_however_many_there_are(algorithm: Any) -> None:
    """An algorithm whose pick takes always the same time looks at no more backends with 512 than with 8."""
    assert looks(algorithm, 512) <= looks(algorithm, 8) <= 6


def test_the_others_look_at_all() -> None:
    """The count sees those that look at every backend."""
    assert looks(picks.GROWING[0], 64) >= 64


@pytest.mark.parametrize("given", picks.POOLS.values(), ids=picks.POOLS)
def test_pools_can_be_measured(given: dict[str, Any]) -> None:
    """A pool is picked from and given back, again and again, whatever it was told."""
    assert Case("", lambda: picks.in_a_pool(given)).measure(repeats=2, calls=3) > 0


def test_slices_and_the_least_can_be_measured() -> None:
    """Making a picker takes time, in slices or at once, and so does the least that a pick can be."""
    assert all(picks.longest_slice(algorithm, 8) > 0 for algorithm in picks.CONSTANT)
    assert Case("", picks.least).measure(repeats=2, calls=3) > 0


@pytest.mark.parametrize("asked", [False, True])
def test_the_guard_can_be_measured(asked: bool) -> None:
    """A picker is asked again and again, by itself and guarded."""
    assert Case("", lambda: picks.guarded(asked=asked)).measure(repeats=2, calls=3) > 0
