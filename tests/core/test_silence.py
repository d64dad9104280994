"""Who may be silent for how long, on a virtual clock."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.deadlines import Deadlines
from balancer.core.silence import Patience, Wait, Watch, awaited, too_long
from balancer.errors import DownstreamTimeout, Side, UpstreamTimeout
from tests.core.virtual_time import VirtualTime

DOWN, UP = Side.DOWNSTREAM, Side.UPSTREAM
LATE = 0.5  # a few granules
EARLY = 1e-6
LEAST = 1.0
PATIENCE = Patience(body=1.0, reading=2.0, first=3.0, stall=4.0)


class Waiting:
    """One who waits for `limit` seconds since `since`; `late` is when that was too long, each time."""

    def __init__(self, limit: float) -> None:
        self.clock = VirtualTime()
        self.limit, self.late = limit, list[float]()
        self.watch = Watch(Deadlines(self.clock), LEAST, self.look)
        self.moved()

    def moved(self) -> None:
        self.since = self.watch.deadlines.now

    def look(self) -> float | None:
        left = self.watch.left(self.since, self.limit)
        if left:
            return left
        self.late.append(self.clock.time)
        return None


@given(st.floats(LEAST, 5), st.lists(st.floats(0, 6), max_size=20))
def test_a_wait_is_told_in_time(limit: float, pauses: list[float]) -> None:
    """It is told once, never before the time is up since something moved, and soon after it."""
    one = Waiting(limit)
    last = one.clock.time
    for pause in pauses:
        one.clock.advance(pause)
        if one.late:
            break
        last = one.clock.time
        one.moved()
    one.clock.advance(10)
    (when,) = one.late
    assert last + limit - EARLY <= when <= last + limit + LATE


@given(st.floats(0.1, LEAST), st.floats(0, 3))
def test_a_short_wait_is_told_in_time_as_well(limit: float, pause: float) -> None:
    """What is announced may be shorter than the usual least."""
    one = Waiting(100)
    one.clock.advance(pause)
    one.limit = limit
    one.moved()
    one.watch.hurry(limit)
    began = one.clock.time
    one.clock.advance(10)
    (when,) = one.late
    assert began + limit - EARLY <= when <= began + limit + LATE


def test_nobody_is_asked_after_the_end() -> None:
    """Once stopped it asks no more, and leaves no timer, though it be hurried; stopping twice is allowed."""
    one = Waiting(1)
    one.watch.stop()
    one.watch.stop()
    one.watch.hurry(1)
    one.clock.advance(10)
    assert one.late == []
    assert one.clock.calls == []


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("complete", [False, True])
def test_whoever_does_not_read_is_awaited(complete: bool, begun: bool) -> None:
    """A side that does not read is to blame, the client first; else the client until its request is complete."""
    backend = Wait.STALL if begun else Wait.FIRST
    assert awaited({UP}, complete=complete, begun=begun) is backend
    assert awaited({DOWN}, complete=complete, begun=begun) is Wait.READING
    assert awaited({UP, DOWN}, complete=complete, begun=begun) is Wait.READING
    assert awaited((), complete=complete, begun=begun) is (backend if complete else Wait.BODY)


@pytest.mark.parametrize(
    ("wait", "limit", "kind", "text"),
    [
        (Wait.BODY, 1.0, DownstreamTimeout, "the client sent nothing more of its request within 1 s"),
        (Wait.READING, 2.0, DownstreamTimeout, "the client took nothing more of its answer within 2 s"),
        (Wait.FIRST, 3.0, UpstreamTimeout, "the backend did not begin its answer within 3 s"),
        (Wait.STALL, 4.0, UpstreamTimeout, "the backend sent nothing more of its answer within 4 s"),
    ],
)
def test_each_wait_has_its_limit_and_its_error(wait: Wait, limit: float, kind: type[Exception], text: str) -> None:
    """Each wait is bounded by a time of its own, and ends with an error that says what did not come."""
    assert PATIENCE.limit(wait) == limit
    error = too_long(wait, limit)
    assert type(error) is kind
    assert str(error) == text


@pytest.mark.parametrize(("total", "least"), [(None, 1.0), (0.5, 0.5), (9.0, 1.0)])
def test_the_least_patience(total: float | None, least: float) -> None:
    """The shortest time of all is how often somebody has to look."""
    assert attrs.evolve(PATIENCE, total=total).least == least
