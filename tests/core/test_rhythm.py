"""Rhythm: everybody keeps a place in the interval, so that many do not fall into step."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.rhythm import Rhythm, places

TIMES = st.floats(0, 1e6)
INTERVALS = st.floats(0.05, 1e4)
PLACES = st.floats(0, 1, exclude_max=True)


def test_one_group_lies_evenly() -> None:
    """The places of a group alone are as far from each other as can be, the first at the very beginning."""
    assert places(0, 4) == [0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_many_groups_lie_evenly_together(size: int) -> None:
    """However small the groups are, in no twentieth of the interval are there twice as many as its share."""
    together = sorted(place for group in range(2000 // size) for place in places(group, size))
    assert 0 <= together[0] <= together[-1] < 1
    shares = [bisect_right(together, (part + 1) / 20) - bisect_right(together, part / 20) for part in range(20)]
    assert max(shares) < 2 * len(together) / 20


def test_the_first_time() -> None:
    """The first time is at one's place in the interval after the beginning."""
    assert Rhythm(100, 0.25).first(2) == 100.5


@given(TIMES, PLACES, TIMES, INTERVALS)
def test_after_a_moment(origin: float, place: float, passed: float, every: float) -> None:
    """What comes after a moment is at one's place, and not farther off than an interval."""
    moment = origin + passed
    due = Rhythm(origin, place).after(moment, every)
    near = 1e-9 * (due + 1)
    assert moment - near <= due <= moment + every + near
    turns = (due - origin) / every - place
    assert turns == pytest.approx(round(turns), abs=1e-4)


@given(PLACES, st.lists(st.tuples(INTERVALS, st.floats(0, 3)), max_size=20))
def test_the_next_time(place: float, steps: list[tuple[float, float]]) -> None:
    """The next time is half an interval to one and a half after the last, unless what was done took all of that."""
    rhythm = Rhythm(0, place)
    last = rhythm.first(1)
    for every, took in steps:
        now = last + took * every
        due = rhythm.next(last, now, every)
        near = 1e-9 * (due + 1)
        assert now - every - near <= due <= max(now + every, last + 1.5 * every) + near
        assert due >= last + every / 2 - near
        last = due


def test_whoever_is_late_keeps_the_place() -> None:
    """A little late it is done at once, late by an interval it waits, and afterwards it goes on as ever."""
    rhythm = Rhythm(0, 0.5)
    assert rhythm.next(1, 3, 2) == 3
    assert rhythm.next(1, 4.5, 2) == 3
    assert rhythm.next(1, 5, 2) == 7
    assert rhythm.next(1, 99.9, 2) == 101


def test_a_change_of_pace_brings_nobody_into_step() -> None:
    """Those that were apart before they went faster for a while are apart meanwhile and afterwards."""
    last = [(Rhythm(0, place), Rhythm(0, place).first(2)) for place in places(0, 40)]
    for every in (0.5, 0.5, 2, 2):
        last = [(rhythm, rhythm.next(due, due, every)) for rhythm, due in last]
        phases = sorted(due % every for _, due in last)
        assert min(later - earlier for earlier, later in pairwise(phases)) == pytest.approx(every / 40)
