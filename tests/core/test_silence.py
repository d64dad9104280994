"""Who may be silent for how long, on a virtual clock."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.deadlines import Deadlines
from balancer.core.silence import Patience, Silence, awaited
from balancer.errors import BalancerError, DownstreamTimeout, Side, UpstreamTimeout
from tests.core.virtual_time import VirtualTime

DOWN, UP = Side.DOWNSTREAM, Side.UPSTREAM
ERRORS = {DOWN: DownstreamTimeout, UP: UpstreamTimeout}
PATIENCE = Patience(downstream=1.0, upstream=3.0)
LATE = 0.5  # a few granules
EARLY = 1e-6

events = st.lists(st.tuples(st.sampled_from(["moved", DOWN, UP]), st.floats(0, 1.5)), max_size=20)


def made() -> tuple[VirtualTime, Silence, list[tuple[float, BalancerError]]]:
    """A clock, the silence on it and what it failed with, when."""
    clock, failed = VirtualTime(), list[tuple[float, BalancerError]]()
    return clock, Silence(Deadlines(clock), PATIENCE, lambda error: failed.append((clock.time, error))), failed


@given(events, st.sampled_from([DOWN, UP]))
def test_the_awaited_side_is_blamed_in_time(told: list[tuple[Any, float]], first: Side) -> None:
    """Silence fails once, never before the awaited side's time is up since the last event, and soon after it."""
    clock, silence, failed = made()
    silence.expect(first)
    side, last = first, clock.time
    for event, pause in told:
        clock.advance(pause)
        if failed:
            break
        side, last = (side, clock.time) if event == "moved" else (event, clock.time)
        silence.moved() if event == "moved" else silence.expect(event)
    clock.advance(10)
    ((when, error),) = failed
    limit = PATIENCE.limit(side)
    assert last + limit - EARLY <= when <= last + limit + LATE
    assert type(error) is ERRORS[side]
    assert f"the {side.value} side was silent for {limit:g} s" in str(error)


@given(st.floats(0, 0.99), st.booleans())
def test_nobody_is_blamed_after_the_end(pause: float, moved: bool) -> None:
    """Once stopped it never fails, and leaves no timer; stopping before the beginning, or twice, is allowed."""
    clock, silence, failed = made()
    silence.stop()
    silence.expect(DOWN)
    clock.advance(pause)
    if moved:
        silence.moved()
    silence.stop()
    silence.stop()
    clock.advance(10)
    assert failed == []
    assert clock.calls == []


def test_silence_is_not_measured_before_anybody_is_awaited() -> None:
    """However long ago it was made, the time runs from the first call to `expect`."""
    clock, silence, failed = made()
    clock.advance(100)
    silence.expect(UP)
    clock.advance(2.9)
    assert failed == []
    clock.advance(1)
    assert [type(error) for _, error in failed] == [UpstreamTimeout]


@pytest.mark.parametrize("complete", [False, True])
def test_whoever_does_not_read_is_awaited(complete: bool) -> None:
    """A side that does not read is to blame, the client first; else the client until its request is complete."""
    assert awaited({UP}, complete=complete) is UP
    assert awaited({DOWN}, complete=complete) is awaited({UP, DOWN}, complete=complete) is DOWN
    assert awaited((), complete=complete) is (UP if complete else DOWN)
