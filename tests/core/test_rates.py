"""Token buckets: never more than the rate allows, never less for who keeps to it, and no more memory than stated."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.rates import SLACK, Bucket, Buckets, Rate

RATES = st.floats(0.01, 1000)
STARTS = st.sampled_from([0.0, 1e5, 1.8e9])
"""A clock may count from the start of the machine, or from 1970."""


def taken(bucket: Bucket, now: float) -> bool:
    """Whether an event is admitted, which is then counted."""
    admitted = bucket.admits(now)
    if admitted:
        bucket.take(now)
    return admitted


@pytest.mark.parametrize(("per_second", "burst"), [(0.1, 1), (1, 1), (2.5, 2.5), (100, 100)])
def test_burst(per_second: float, burst: float) -> None:
    """At once there may be as many as in one second, and one in any case."""
    assert Rate(per_second).burst == burst
    bucket = Bucket(Rate(per_second), 5.0)
    assert sum(taken(bucket, 5.0) for _ in range(200)) == int(burst)


@given(RATES, STARTS, st.lists(st.floats(0, 2), max_size=60))
def test_never_more(per_second: float, start: float, gaps: list[float]) -> None:
    """In no span of time is more admitted than the burst and what the rate gives meanwhile."""
    rate = Rate(per_second)
    bucket = Bucket(rate, start)
    admitted = [now for now in accumulate(gaps, initial=start) if taken(bucket, now)]
    for first, begin in enumerate(admitted):
        for last, end in enumerate(admitted[first:], first):
            assert last - first + 1 <= rate.burst + per_second * (end - begin) + 2 * SLACK


@given(RATES, STARTS, st.lists(st.floats(1, 5), max_size=60))
def test_who_keeps_to_the_rate(per_second: float, start: float, gaps: list[float]) -> None:
    """Who never comes sooner than the rate says is never refused, however long that goes on."""
    bucket = Bucket(Rate(per_second), start)
    assert all(taken(bucket, now) for now in accumulate((gap / per_second for gap in gaps), initial=start))


def test_to_the_rate_for_a_day() -> None:
    """One event every ten thirds of a second, on a clock whose times are rounded, passes for a day."""
    bucket = Bucket(Rate(0.3), 1.8e9)
    assert all(taken(bucket, 1.8e9 + number / 0.3) for number in range(26_000))


def test_refusals_cost_nothing() -> None:
    """Who is refused is no worse off for having tried."""
    bucket = Bucket(Rate(1), 0.0)
    assert [taken(bucket, now) for now in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)] == [True, *4 * [False], True]


def test_a_clock_set_back() -> None:
    """When the clock is set back nobody is locked out until it has caught up."""
    bucket = Bucket(Rate(1), 1e6)
    assert [taken(bucket, now) for now in (1e6, 1e6, 5.0, 5.0, 6.0)] == [True, False, True, False, True]


def test_full() -> None:
    """A bucket is full at first, and again once as much has come as was taken."""
    bucket = Bucket(Rate(2), 0.0)
    assert bucket.full(0.0)
    bucket.take(0.0)
    assert (bucket.full(0.4), bucket.full(0.5)) == (False, True)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1)), max_size=60))
def test_each_source_has_its_own(steps: list[tuple[str, float]]) -> None:
    """A source is admitted just when a bucket that it had to itself would admit it."""
    rate = Rate(1.5)
    buckets, alone = Buckets(rate), {name: Bucket(rate, 0.0) for name in "abc"}
    times = accumulate(gap for _, gap in steps)
    for (name, _), now in zip(steps, times, strict=True):
        admitted = buckets.admits(name, now)
        assert admitted == taken(alone[name], now)
        if admitted:
            buckets.take(name, now)


def test_those_full_again_are_forgotten() -> None:
    """As others come, those who came long ago are kept no more; those whose bucket is not full are."""
    buckets = Buckets(Rate(1))
    for name in "abcd":
        buckets.take(name, 0.0)
    buckets.take("e", 0.5)
    assert len(buckets) == 5
    sizes = []
    for number, name in enumerate("vwxyz"):
        buckets.take(name, 1.0 + number / 100)
        sizes.append(len(buckets))
    assert sizes == [4, 3, 4, 5, 6]
    assert (buckets.admits("e", 1.4), buckets.admits("e", 1.5)) == (False, True)


def test_the_table_is_bounded() -> None:
    """Where there are too many sources, the one that came longest ago is forgotten, and who came since is not."""
    buckets = Buckets(Rate(2), most=3)
    for name in "aabbcd":
        buckets.take(name, 0.0)
    assert len(buckets) == 3
    buckets = Buckets(Rate(2), most=3)
    for name in "abbcad":
        buckets.take(name, 0.0)
    assert [buckets.admits(name, 0.0) for name in "abcd"] == [False, True, True, True]


@given(st.lists(st.integers(0, 30), max_size=100))
def test_never_more_sources_than_stated(names: list[int]) -> None:
    """However many come, no more than stated are kept, and the latest of them always are."""
    buckets, came = Buckets(Rate(0.001), most=4), []
    for now, name in enumerate(map(str, names)):
        if buckets.admits(name, now):
            buckets.take(name, now)
            came.append(name)
        assert len(buckets) <= 4
    assert not any(buckets.admits(name, len(names)) for name in came[-4:])
