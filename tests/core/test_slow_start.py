"""What share of its sessions a backend has after it came back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.backend import Backend
from balancer.core.slow_start import Curve, Starts
from tests.core.policies import backend

VECTORS = [(1, [0.10, 0.25, 0.50, 0.75]), (2, [0.32, 0.50, 0.71, 0.87]), (0.5, [0.10, 0.10, 0.25, 0.56])]
LATE = 1000.0
"""Long after the start of the process."""


@pytest.mark.parametrize(("aggression", "expected"), VECTORS)
def test_the_curve_is_envoys(aggression: float, expected: list[float]) -> None:
    """At 6, 15, 30 and 45 of 60 seconds the shares are those of Envoy's formula."""
    curve = Curve(60, aggression)
    assert [curve.share(elapsed) for elapsed in (6, 15, 30, 45)] == pytest.approx(expected, abs=0.005)


@given(st.floats(1, 300), st.floats(0.2, 5), st.floats(0.01, 1), st.lists(st.floats(0, 400), min_size=2))
def test_a_share_grows_to_all(window: float, aggression: float, least: float, times: list[float]) -> None:
    """A share never falls, begins at `least` or above, and is all from the end of the window on."""
    curve = Curve(window, aggression, least)
    found = [curve.share(elapsed) for elapsed in sorted(times)]
    assert all(one <= other for one, other in pairwise(found))
    assert all(least <= one <= 1 for one in found)
    assert curve.share(window) == 1


def begun(*backends: Backend, curve: Curve | None = None) -> Starts:
    """A pool of these that has long been running."""
    starts = Starts(curve or Curve(60), 0.0)
    starts.settle(backends, 0.0)
    return starts


def test_who_comes_back_starts_slowly() -> None:
    """One that was down has a tenth when it is up again, and all of its share a window later."""
    one, other = backends = [backend("a"), backend("b")]
    starts = begun(*backends)
    one.become(up=False)
    starts.settle(backends, LATE)
    assert (one.starting, starts.share(one, LATE)) == (False, 1.0)
    one.become(up=True)
    starts.settle(backends, LATE)
    assert (one.starting, other.starting) == (True, False)
    assert [starts.share(one, LATE + later) for later in (0, 15, 30)] == [0.1, 0.25, 0.5]
    assert starts.share(other, LATE) == 1.0
    assert starts.share(one, LATE + 60) == 1.0
    assert not one.starting


def test_the_window_also_ends_with_a_change() -> None:
    """Whose window is over when something changes is starting no longer; who goes down begins anew when it is up."""
    one, other = backends = [backend("a", up=False), backend("b", up=False)]
    starts = begun(*backends, backend("c"))
    one.become(up=True)
    other.become(up=True)
    starts.settle(backends, LATE)
    other.become(up=False)
    starts.settle(backends, LATE + 30)
    assert (one.starting, other.starting) == (True, False)
    other.become(up=True)
    starts.settle(backends, LATE + 60)
    assert (one.starting, other.starting) == (False, True)
    assert starts.share(other, LATE + 75) == 0.25


def test_ejection_counts_and_a_trial_is_not_its_end() -> None:
    """One that was ejected starts when its trial is over."""
    one, other = backends = [backend("a"), backend("b")]
    starts = begun(*backends)
    one.become(ejected=True)
    starts.settle(backends, LATE)
    one.become(ejected=False, trial=1)
    starts.settle(backends, LATE)
    assert not one.starting
    one.become(trial=None)
    starts.settle(backends, LATE + 30)
    assert starts.share(one, LATE + 45) == 0.25
    assert starts.share(other, LATE + 45) == 1.0


def test_the_start_of_the_process_is_not_slow() -> None:
    """What comes up for the first time within the first window takes its full share at once; what flaps does not."""
    one, other = backends = [backend("a", up=False), backend("b")]
    starts = begun(*backends)
    one.become(up=True)
    starts.settle(backends, 59.0)
    assert not one.starting
    one.become(up=False)
    starts.settle(backends, 59.0)
    one.become(up=True)
    starts.settle(backends, 59.0)
    assert one.starting
    assert not other.starting


def test_what_is_new_later_is_slow() -> None:
    """One that has never been up before, and comes up when the process has long been running, starts slowly."""
    one, other = backends = [backend("a", up=False), backend("b")]
    starts = begun(*backends)
    one.become(up=True)
    starts.settle(backends, 60.0)
    assert starts.share(one, 60.0) == 0.1
    assert starts.share(other, 60.0) == 1.0


def test_nobody_is_held_back_where_all_are_new() -> None:
    """Shares are relative to who started first in the tier: alone, or all together, each has all of its own."""
    one, other, third = backends = [backend(name, up=False) for name in "abc"]
    spare = backend("s", tier=1)
    starts = begun(*backends, spare)
    one.become(up=True)
    other.become(up=True)
    starts.settle([*backends, spare], LATE)
    assert [starts.share(each, LATE + 15) for each in (one, other)] == [1.0, 1.0]
    third.become(up=True)
    starts.settle([*backends, spare], LATE + 15)
    assert starts.share(third, LATE + 30) == 0.5
    one.become(draining=True)
    other.become(draining=True)
    starts.settle([*backends, spare], LATE + 30)
    assert starts.share(third, LATE + 30) == 1.0


def test_a_backend_under_pressure_counts_as_settled() -> None:
    """In a panic the unfit have their full share, and who comes back meanwhile is held back beside them."""
    one, other = backends = [backend("a", up=False), backend("b", up=False)]
    starts = begun(*backends)
    one.become(pressed=True)
    other.become(pressed=True)
    starts.settle(backends, LATE)
    one.become(up=True)
    starts.settle(backends, LATE)
    assert (starts.share(one, LATE), starts.share(other, LATE)) == (0.1, 1.0)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.floats(0, 40)), max_size=30))
def test_shares_are_shares(changes: list[tuple[int, bool, float]]) -> None:
    """Whatever comes and goes, shares are above 0 and at most 1, and somebody in use has all of its own."""
    backends, now = [backend(f"b{number}") for number in range(4)], LATE
    starts = begun(*backends)
    for place, up, later in changes:
        now += later
        backends[place].become(up=up)
        starts.settle(backends, now)
        found = [starts.share(each, now) for each in backends if each.usable]
        assert all(0 < share <= 1 for share in found)
        assert not found or max(found) == pytest.approx(1.0)
    starts.settle(backends, now + 61)
    assert not any(each.starting for each in backends)
