"""The arithmetic of ejection, by Envoy's numbers and our own additions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.outlier_rules import Rules, SuccessRate

rates = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def rule(gap: float) -> SuccessRate:
    """The rule with Envoy's numbers, and that gap."""
    return SuccessRate(deviations=1.9, gap=gap, requests=100, backends=5)


@pytest.mark.parametrize(("last", "least"), [((1.0, 0.6), 0.616), ((0.98, 0.9), 0.9023)])
def test_the_published_vectors_without_a_gap(last: tuple[float, float], least: float) -> None:
    """Three backends without a failure and two others give these thresholds: the second is too eager."""
    assert rule(0).least([1.0, 1.0, 1.0, *last]) == pytest.approx(least, abs=0.0001)


@pytest.mark.parametrize(("last", "stands_out"), [((1.0, 0.6), True), ((0.98, 0.9), False)])
def test_a_least_gap_spares_a_steady_group(last: tuple[float, float], stands_out: bool) -> None:
    """With a gap of a tenth the backend at 60 % still stands out, and the one at 90 % does not."""
    assert (last[-1] < rule(0.1).least([1.0, 1.0, 1.0, *last])) is stands_out


@given(rates, st.floats(0, 0.5))
def test_nobody_stands_out_by_less_than_the_gap(group: list[float], gap: float) -> None:
    """The threshold is at least the gap below the mean, whatever the group."""
    assert rule(gap).least(group) <= sum(group) / len(group) - gap + 1e-9


@pytest.mark.parametrize(("share", "backends", "expected"), [(0.1, 1, 1), (0.1, 9, 1), (0.1, 19, 1), (0.1, 20, 2),
                                                             (0.29, 100, 29), (1.0, 3, 3)])  # fmt: skip
def test_the_cap_is_rounded_down_and_never_none(share: float, backends: int, expected: int) -> None:
    """A tenth of nine backends is one, for a small pool must be able to eject any; else it is rounded down."""
    assert Rules({}, most=share).cap(backends) == expected


@given(st.integers(1, 100), st.floats(0.1, 1000), st.floats(0, 1), st.floats(0, 1))
def test_ejections_grow_up_to_the_longest(times: int, time: float, jitter: float, chance: float) -> None:
    """Each ejection in a row is one `time` longer up to `longest`, and by no more than the jitter above that."""
    rules = Rules({}, time=time, longest=10 * time, jitter=jitter)
    assert rules.most_times in {10, 11}  # a product of floats may be a little more
    seconds = rules.seconds_out(times, chance)
    assert min(times, 10) * time * 0.999 <= seconds <= min(times, 10) * time * (1 + jitter) * 1.001
    assert rules.seconds_out(rules.most_times, 0) == rules.longest
