"""Failed sessions that are seen as active for a while."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.backend import Backend
from balancer.core.holding import MOST, Holding
from tests.core.virtual_time import VirtualTime


def timed(time: VirtualTime, *latencies: float | None) -> list[Backend]:
    """Backends that took so long to answer, as of now."""
    backends = [Backend(f"b{n}", "b:80", "b", seconds=lambda: time.time) for n, _ in enumerate(latencies)]
    for backend, latency in zip(backends, latencies, strict=True):
        if latency is not None:
            backend.timing.observe(latency, time.time)
    return backends


@given(st.lists(st.floats(0, 5), max_size=9), st.floats(0.1, 3))
def test_each_is_held_for_the_time_from_its_pick(durations: list[float], least: float) -> None:
    """At any time those are held whose pick was less than `least` seconds ago, and in the end nobody is."""
    time = VirtualTime()
    (backend,) = timed(time, None)
    holding, now = Holding([backend], least, time.later), time.time
    for duration in durations:
        holding.hold(backend, now - duration, now)
    for later in (0.0, least / 2, least):
        time.advance(now + later - time.time)
        left = sum(now - duration + least > time.time for duration in durations)
        assert backend.active == backend.held
        assert backend.held == pytest.approx(left, abs=sum(abs(least - later - each) < 1e-6 for each in durations))
    time.advance(least)
    assert (backend.active, backend.held) == (0, 0)


def test_slow_backends_hold_for_as_long_as_they_take() -> None:
    """Where the backends answer slower than `least` on average what fails is held as long; the unknown do not count."""
    time = VirtualTime()
    backends = timed(time, 4.0, 2.0, None)
    holding = Holding(backends, 1.0, time.later)
    holding.hold(backends[2], time.time, time.time)
    time.advance(2.9)
    assert backends[2].held == 1
    time.advance(0.2)
    assert backends[2].held == 0


def test_the_average_is_not_asked_for_with_every_failure() -> None:
    """Many failures in a row look at all the backends' latencies once; those that come later look again."""
    time = VirtualTime()
    backends = timed(time, 0.5)
    holding = Holding(backends, 1.0, time.later)
    for late in (0.0, 0.5, 0.6):
        time.advance(late)
        holding.hold(backends[0], time.time, time.time)
        backends[0].timing.observe(9.0, time.time)
    time.advance(1.0)
    assert backends[0].held == 1
    time.advance(9.0)
    assert backends[0].held == 0


def test_few_are_held() -> None:
    """A flood of failures is held up to a bound."""
    time = VirtualTime()
    (backend,) = timed(time, None)
    holding = Holding([backend], 1.0, time.later)
    for _ in range(MOST + 5):
        holding.hold(backend, time.time, time.time)
    assert backend.held == len(time.calls) == MOST
    time.advance(1.0)
    assert backend.active == backend.held == 0
