"""When health is not to be believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.panic import ENOUGH, panicking
from balancer.core.tiers import Tier
from tests.core.test_tiers import fleets, hundreds

VECTORS: list[tuple[tuple[int, ...], set[int]]] = [
    ((50,), set()),
    ((49,), {0}),
    ((0,), {0}),
    ((49, 100), set()),
    ((0, 72), set()),
    ((0, 71), {0}),
    ((30, 30), {0, 1}),
    ((20, 50), {0}),
    ((100, 0), set()),
]


@pytest.mark.parametrize(("fit", "expected"), VECTORS)
def test_a_tier_panics_below_the_threshold(fit: tuple[int, ...], expected: set[int]) -> None:
    """A tier panics with less than half of it fit, and only while all tiers together cannot take everything."""
    assert panicking(hundreds(*fit), 0.5) == expected


@given(fleets, st.floats(0, 1), st.none() | st.floats(1, 4))
def test_nobody_panics_without_need(tiers: list[Tier], threshold: float, spill: float | None) -> None:
    """No tier panics while one has all fit, nor one whose open ones are, nor any at a threshold of 0."""
    found = panicking(tiers, threshold, spill)
    sound = {tier.number for tier in tiers if tier.fit == tier.open}
    assert not found & sound
    assert not found or all(tier.fit * (spill or ENOUGH) < tier.total + 1e-9 for tier in tiers)
    assert not panicking(tiers, 0.0, spill)


def test_who_is_drained_is_not_missed() -> None:
    """What an operator takes out of use makes no panic: it would not come back by one."""
    assert panicking([Tier(0, 10, 3, 3)], 0.5) == set()
    assert panicking([Tier(0, 10, 3, 1)], 0.5) == {0}
