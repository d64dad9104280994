"""Which backends serve, by the shares of their tiers and in a panic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.backend import Backend
from balancer.core.standing import Standing
from tests.core.policies import backend


def settled(
    backends: list[Backend], *, spill: float | None = None, panic: float | None = None
) -> tuple[Standing, list[str]]:
    """The standing of these, and what it told."""
    told: list[str] = []
    standing = Standing(backends, spill=spill, panic=panic, changed=lambda *line: told.append(" | ".join(line)))
    standing.settle()
    return standing, told


def names(standing: Standing) -> str:
    """Who serves."""
    return "".join(one.name for one in standing.eligible())


def test_tiers_share_what_a_spill_says() -> None:
    """With a spill all tiers that have a share serve, and those of one that has none do not."""
    backends = [backend("a"), backend("b", up=False), backend("c", tier=1), backend("d", tier=2)]
    standing, told = settled(backends, spill=1.4)
    assert standing.shares == pytest.approx({0: 0.7, 1: 0.3})
    assert names(standing) == "ac"
    assert told == []


def test_a_panic_uses_all_and_says_so() -> None:
    """Below the threshold all of the tier that are open serve, up or not; that is told as it begins and ends."""
    backends = [backend(name) for name in "abcd"]
    standing, told = settled(backends, panic=0.5)
    backends[0].become(up=False)
    backends[1].become(ejected=True)
    backends[2].become(agent="down")
    standing.settle()
    standing.settle()
    assert names(standing) == "abcd"
    backends[3].become(draining=True)
    standing.settle()
    assert names(standing) == "abc"
    backends[0].become(up=True)
    backends[3].become(draining=True)
    backends[1].become(ejected=False)
    standing.settle()
    assert names(standing) == "ab"
    assert (standing.panicking, standing.panics) == (frozenset(), 1)
    assert told == [
        "tier 0: panic: all backends are used, up or not | panic=0.5 | 1 of 4 are fit",
        "tier 0: the panic is over | panic=0.5 | 2 of 3 are fit",
    ]


def test_only_a_tier_in_use_is_pressed() -> None:
    """A tier that panics and has no share stays out of use: those of the tier that serves are better."""
    backends = [backend("a", up=False), backend("b", tier=1), backend("c", tier=1, up=False), backend("d", tier=2)]
    backends[3].become(up=False)
    standing, _ = settled(backends, panic=0.6)
    assert (standing.panicking, names(standing)) == (frozenset({1}), "bc")
    assert [one.usable for one in backends] == [False, True, True, False]


def test_without_a_panic_nobody_unfit_serves() -> None:
    """By default nothing sets health aside, and the lowest tier that has anybody fit serves alone."""
    backends = [backend("a", up=False), backend("b", tier=1), backend("c", tier=2)]
    standing, _ = settled(backends)
    assert names(standing) == "b"
    backends[1].become(up=False)
    backends[2].become(up=False)
    standing.settle()
    assert names(standing) == ""


states = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans()), min_size=1, max_size=9)


@given(states, st.none() | st.floats(1, 3), st.none() | st.floats(0.01, 1))
def test_whoever_could_serve_is_used_in_need(
    told: list[tuple[int, bool, bool]], spill: float | None, panic: float | None
) -> None:
    """Somebody serves if anybody open is fit, or there is panic; each tier with a share has somebody who serves."""
    backends = [backend(f"b{place}", tier=tier, up=up) for place, (tier, up, _) in enumerate(told)]
    for one, (_, _, draining) in zip(backends, told, strict=True):
        one.become(draining=draining)
    standing, _ = settled(backends, spill=spill, panic=panic)
    possible = [one for one in backends if not one.draining and (one.up or panic is not None)]
    assert bool(standing.eligible()) == bool(possible)
    assert {one.tier for one in standing.eligible()} == standing.shares.keys()
    assert all(one.up or one.tier in standing.panicking for one in standing.eligible())
