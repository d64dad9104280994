"""The arithmetic of tiers, by the vectors that Envoy documents and by what must hold for all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.tiers import Tier, shares, tiers_of
from tests.core.policies import backend


def hundreds(*fit: int) -> list[Tier]:
    """Tiers of a hundred backends each, so many of which are fit."""
    return [Tier(number, 100, 100, each) for number, each in enumerate(fit)]


VECTORS = [
    ((100, 100), {0: 1.0}),
    ((72, 100), {0: 1.0}),
    ((71, 100), {0: 0.994, 1: 0.006}),
    ((50, 100), {0: 0.7, 1: 0.3}),
    ((25, 25), {0: 0.5, 1: 0.5}),
    ((20, 30, 100), {0: 0.28, 1: 0.42, 2: 0.3}),
    ((0, 100), {1: 1.0}),
    ((0, 10, 0), {1: 1.0}),
    ((0, 0), {}),
]


@pytest.mark.parametrize(("fit", "expected"), VECTORS)
def test_sessions_spill_by_envoys_arithmetic(fit: tuple[int, ...], expected: dict[int, float]) -> None:
    """With a factor of 1.4 tiers share sessions out as Envoy's priorities do, to the last digit."""
    assert shares(hundreds(*fit), 1.4) == pytest.approx(expected, abs=0)


@pytest.mark.parametrize("total", range(1, 20))
def test_enough_is_exactly_enough(total: int) -> None:
    """A tier whose fit ones just make up for all keeps all sessions: nothing is lost to rounding."""
    tiers = [Tier(0, 7 * total, 7 * total, 5 * total), Tier(1, 1, 1, 1)]
    assert shares(tiers, 1.4) == {0: 1.0}


counts = st.integers(1, 30).flatmap(
    lambda total: st.integers(0, total).flatmap(
        lambda is_open: st.tuples(st.just(total), st.just(is_open), st.integers(0, is_open))
    )
)
fleets = st.lists(counts, min_size=1, max_size=4).map(
    lambda found: [Tier(number, *each) for number, each in enumerate(found)]
)


@given(fleets, st.floats(1, 4))
def test_shares_are_of_one_whole(tiers: list[Tier], spill: float) -> None:
    """Shares add up to one unless nobody is fit; only tiers with somebody fit have one, lower ones the more."""
    found = shares(tiers, spill)
    assert sum(found.values()) == pytest.approx(1.0 if any(tier.fit for tier in tiers) else 0.0)
    assert all(tier.fit for tier in tiers if tier.number in found)
    for tier in tiers:
        if tier.number in found and tier.number + 1 in found:
            assert found[tier.number] >= float(tier.health(spill)) * (1 - 1e-9)


@given(fleets)
def test_without_a_spill_the_lowest_that_is_fit_serves(tiers: list[Tier]) -> None:
    """All sessions are the lowest tier's that has anybody fit; in a panic without any, the lowest's that is open."""
    fit = [tier.number for tier in tiers if tier.fit]
    assert shares(tiers, None) == ({fit[0]: 1.0} if fit else {})
    possible = fit or [tier.number for tier in tiers if tier.open]
    assert shares(tiers, None, {tier.number for tier in tiers}) == ({possible[0]: 1.0} if possible else {})


@given(fleets, st.floats(1, 4))
def test_a_panic_of_all_shares_out_by_numbers(tiers: list[Tier], spill: float) -> None:
    """When all tiers are in a panic each has as many sessions as it has backends that are open."""
    whole = sum(tier.open for tier in tiers)
    found = shares(tiers, spill, {tier.number for tier in tiers})
    assert found == pytest.approx({tier.number: tier.open / whole for tier in tiers if tier.open})


def test_a_panic_of_some_changes_no_share() -> None:
    """As long as one tier is sound the shares are those of the fit."""
    assert shares(hundreds(20, 60), 1.4, {0}) == pytest.approx({0: 0.28, 1: 0.72})


def test_tiers_count_who_could_serve() -> None:
    """Of each tier all are counted, those that are neither draining nor without weight, and of these the fit."""
    backends = [backend(str(place), tier=place // 4) for place in range(8)]
    backends[0].become(up=False)
    backends[1].become(draining=True)
    backends[2].become(own_weight=0)
    backends[7].become(up=False, draining=True)
    assert tiers_of(backends) == [Tier(0, 4, 2, 1), Tier(1, 4, 3, 3)]
    assert tiers_of([]) == []
