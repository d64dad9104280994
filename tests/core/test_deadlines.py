"""Coarse timers, against a naive list of what is due when."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from balancer.core.deadlines import Deadline, Deadlines
from tests.core.virtual_time import VirtualTime

GRANULE = 0.1
LATE = 3 * GRANULE + 1e-6
EARLY = 1e-6  # a rounding of floats, not a granule

delays = st.floats(0, 5) | st.sampled_from([0.0, GRANULE, 1.0, 60.0])
deeds = st.sampled_from(["rest", "again", "move others", "cancel others", "arm another", "cancel itself"])


class Timer:
    """One deadline and what the model knows of it: `armed` is when it was due and since when, or None."""

    def __init__(self, machine: DeadlinesMachine, delay: float, deed: str) -> None:
        self.machine, self.delay, self.deed = machine, delay, deed
        self.due: float | None = machine.clock.time + delay
        self.deadline = machine.deadlines.after(delay, self.fired)

    def fired(self) -> None:
        """Fired: it must be armed, and the time must be right; then do something in the middle of it all."""
        assert self.due is not None, "fired without being armed, or twice"
        assert self.due - EARLY <= self.machine.clock.time <= self.due + LATE
        self.due = None
        self.machine.do(self)

    def move(self, delay: float) -> None:
        """Arm again or move."""
        self.due = self.machine.clock.time + delay
        self.deadline.move(delay)

    def cancel(self) -> None:
        """Cancel."""
        self.due = None
        self.deadline.cancel()


class DeadlinesMachine(RuleBasedStateMachine):
    """Timers armed, moved and cancelled at any time, inside their own calls too, under a punctual alarm."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualTime()
        self.deadlines = Deadlines(self.clock, GRANULE)
        self.timers: list[Timer] = []

    def do(self, timer: Timer) -> None:
        """What a call does to the others while it runs."""
        others = [other for other in self.timers if other is not timer]
        if timer.deed == "again":
            timer.deed = "rest"
            timer.move(timer.delay)
        elif timer.deed == "move others":
            for place, other in enumerate(others):
                other.move(place * GRANULE / 2)
        elif timer.deed == "cancel others":
            for other in others:
                other.cancel()
        elif timer.deed == "arm another":
            self.timers.append(Timer(self, timer.delay, "rest"))
        elif timer.deed == "cancel itself":
            timer.cancel()

    @rule(delay=delays, deed=deeds)
    def arm(self, delay: float, deed: str) -> None:
        """Make a new one."""
        self.timers.append(Timer(self, delay, deed))

    @rule(data=st.data(), delay=delays)
    def move(self, data: st.DataObject, delay: float) -> None:
        """Move one, armed or not."""
        if self.timers:
            data.draw(st.sampled_from(self.timers)).move(delay)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel one, armed or not."""
        if self.timers:
            data.draw(st.sampled_from(self.timers)).cancel()

    @rule(seconds=st.floats(0, 3) | st.sampled_from([GRANULE / 3, GRANULE, 10.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    @invariant()
    def nothing_is_overdue(self) -> None:
        """Whatever is armed still has time, is counted, and has exactly one alarm to wait for."""
        armed = [timer.due for timer in self.timers if timer.due is not None]
        assert all(self.clock.time <= due + LATE for due in armed)
        assert len(self.deadlines) == len(armed)
        assert self.deadlines.now <= self.clock.time
        assert len(self.clock.calls) == 1 if armed else len(self.clock.calls) <= 1

    def teardown(self) -> None:
        """In the end all is quiet: nothing armed, no memory kept, and after one more alarm no wake-ups."""
        for timer in self.timers:
            timer.deed = "rest"
        self.clock.advance(200)
        assert [timer for timer in self.timers if timer.due is not None] == []
        assert len(self.deadlines) == 0
        assert self.clock.calls == []
        rung = self.clock.rung
        self.clock.advance(1000)
        assert self.clock.rung == rung


TestDeadlines: Any = DeadlinesMachine.TestCase
TestDeadlines.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def made() -> tuple[VirtualTime, Deadlines]:
    """A clock and the deadlines on it."""
    clock = VirtualTime()
    return clock, Deadlines(clock, GRANULE)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 1)), min_size=2, max_size=12))
def test_a_slow_call_loses_no_other(timers: list[tuple[float, float]]) -> None:
    """When calls take so long that whole granules pass meanwhile, every deadline still fires, once."""
    clock, deadlines = made()
    fired = []

    def slow(number: int, seconds: float) -> None:
        clock.time += seconds
        fired.append(number)

    for number, (delay, seconds) in enumerate(timers):
        deadlines.after(delay, partial(slow, number, seconds))
    for _ in range(100):
        clock.advance(0.5)
    assert sorted(fired) == list(range(len(timers)))
    assert len(deadlines) == 0


class Creeping(VirtualTime):
    """A clock that is a little later each time it is looked at."""

    def seconds(self) -> float:
        self.time += GRANULE * 0.37  # out of step with the granules
        return self.time


def test_no_deadline_falls_between_two_looks_at_the_clock() -> None:
    """A granule that ends between two looks at the clock is not forgotten."""
    clock, fired = Creeping(), list[float]()
    deadlines = Deadlines(clock, GRANULE)
    delays = [number / 200 for number in range(400)]
    for delay in delays:
        deadlines.after(delay, partial(fired.append, delay))
    for _ in range(80):
        clock.advance(GRANULE / 2)
    assert sorted(fired) == delays


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.lists(st.floats(0, 1), min_size=8, max_size=8))
def test_a_call_that_raises_loses_no_other(raising: list[bool], delays: list[float]) -> None:
    """A call that raises is over; what was due with it waits for the next alarm, which comes."""
    clock, deadlines = made()
    fired = []

    def call(number: int) -> None:
        fired.append(number)
        if raising[number]:
            raise ValueError(number)

    for number in range(len(raising)):
        deadlines.after(delays[number], partial(call, number))
    for _ in range(40 + len(raising)):
        with suppress(ValueError):
            clock.advance(GRANULE)
    assert sorted(fired) == list(range(len(raising)))
    assert len(deadlines) == 0


def test_a_late_alarm_fires_all_in_the_order_of_their_granules() -> None:
    """After a long stall everything due fires at once, the earlier granules first, and the rest stays."""
    clock, deadlines = made()
    fired: list[float] = []
    for delay in (3.0, 1.0, 2.0, 50.0):
        deadlines.after(delay, partial(fired.append, delay))
    clock.time += 10
    clock.advance(0)
    assert fired == [1.0, 2.0, 3.0]
    assert len(deadlines) == 1


def test_moving_later_keeps_the_place_until_it_comes_due() -> None:
    """A deadline moved on and on costs no place in a bucket for each move, and fires at the last time given."""
    clock, deadlines = made()
    fired: list[float] = []
    deadline = deadlines.after(1.0, lambda: fired.append(clock.time))
    slot = deadline.slot
    for _ in range(9):
        deadline.move(1.0)
        clock.advance(0.05)
    assert deadline.slot == slot
    clock.advance(5)
    assert [1001.4 <= time <= 1001.4 + LATE for time in fired] == [True]


def test_armed_is_what_will_fire() -> None:
    """A deadline is armed until it has fired or was cancelled, and again once it is moved."""
    clock, deadlines = made()
    deadline = deadlines.after(1.0, lambda: None)
    states = [deadline.armed]
    clock.advance(5)
    states.append(deadline.armed)
    deadline.move(1.0)
    states.append(deadline.armed)
    deadline.cancel()
    assert [*states, deadline.armed] == [True, False, True, False]


def test_a_bucket_at_once_cancelled_from_within() -> None:
    """Of several deadlines of one granule, the first to fire may cancel the others for good."""
    clock, deadlines = made()
    fired: list[int] = []
    armed: list[Deadline] = []

    def first(number: int) -> None:
        fired.append(number)
        for deadline in armed:
            deadline.cancel()

    armed += [deadlines.after(1.0, partial(first, number)) for number in range(5)]
    clock.advance(5)
    assert len(fired) == 1
    assert clock.calls == []


def test_idle_deadlines_neither_wake_nor_know_the_time() -> None:
    """Nothing armed, nothing set: the clock is not even asked again until a deadline is wanted."""
    clock, deadlines = made()
    clock.advance(50)
    assert (clock.rung, deadlines.now) == (0, 1000.0)
    fired: list[float] = []
    deadlines.after(1.0, lambda: fired.append(clock.time))
    assert deadlines.now == pytest.approx(1050.0)
    clock.advance(2)
    assert [1051.0 <= time <= 1051.0 + LATE for time in fired] == [True]
