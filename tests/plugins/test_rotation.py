"""Backends in turn: what their pickers say of themselves. That they keep the turns is shown with `RoundRobin`."""

from __future__ import annotations

from random import Random as Chance

from hypothesis import given
from hypothesis import strategies as st

from balancer.plugins.rotation import InTurn, Rotation
from balancer.testing import FakeBackend, FakeSession

SESSION = FakeSession()


@given(st.integers(1, 9), st.integers())
def test_all_in_turn(count: int, seed: int) -> None:
    """Each comes once a round, and has an equal share; to ask for that costs nobody's turn."""
    backends = [FakeBackend(f"b{place}") for place in range(count)]
    picker = InTurn(backends, Chance(seed))
    told = []
    for _ in backends:
        assert picker.explain(SESSION) == [(backend, 1 / count, "in turn") for backend in backends]
        told.append(picker(SESSION))
    assert sorted(backend.name for backend in told) == [backend.name for backend in backends]


def test_a_rotation_explains() -> None:
    """The share of each is that of its weight; to ask for it costs nobody's turn."""
    backends = [FakeBackend(name) for name in "abc"]
    picker = Rotation(list(zip(backends, (5.0, 1.0, 1.0), strict=True)))
    told = ""
    for _ in range(7):
        assert picker.explain(SESSION) == [
            (backends[0], 5 / 7, "in turn, weight 5"),
            (backends[1], 1 / 7, "in turn, weight 1"),
            (backends[2], 1 / 7, "in turn, weight 1"),
        ]
        told += picker(SESSION).name
    assert told == "aabacaa"
