"""Probing: in its rhythm, in its turn, within its time; and thousands of backends, spread and bounded."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Coroutine, Iterator
from heapq import heappop, heappush
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.base import DelayedCall
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from balancer.core.backend import Backend
from balancer.core.turns import Turns
from balancer.errors import CheckFailed
from balancer.net.check_target import Target
from balancer.net.checks import Checks
from balancer.net.probing import Probing, Terms

Ask = Callable[[Target], Coroutine[Any, Any, Any]]


def rounded(times: list[float]) -> list[float]:
    """The same, as they are written."""
    return [round(time, 6) for time in times]


class Swift(Clock):
    """A clock for thousands of calls."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> IDelayedCall:
        call = DelayedCall(self.rightNow + delay, callable, args, kw, lambda _: None, lambda _: None, self.seconds)
        heappush(self.calls, call)
        return call

    def advance(self, amount: float) -> None:
        end = self.rightNow + amount
        while self.calls and self.calls[0].time <= end:
            call = heappop(self.calls)
            self.rightNow = max(self.rightNow, call.time)
            if not call.cancelled:
                call.called = 1
                call.func(*call.args, **call.kw)
        self.rightNow = end


class Patient:
    """An `Examiner` of one backend that asks as told; keeps when it asked, and what came of it."""

    def __init__(self, clock: Clock, ask: Ask | None = None, *, every: float = 1.0) -> None:
        self.every, self.begun, self.answers = every, list[float](), list[Any]()
        self.waits: list[Deferred[None]] = []
        self._clock, self._ask = clock, ask

    def aim(self) -> Target:
        return Target(self._clock, Backend("b", "b:1", ("b", 1), seconds=self._clock.seconds), 1.0)

    async def ask(self, target: Target) -> Any:
        self.begun.append(self._clock.seconds())
        if self._ask is not None:
            return await self._ask(target)
        self.waits.append(Deferred())
        return await self.waits[-1]

    def judge(self, answer: Any) -> None:
        self.answers.append(str(answer.value) if isinstance(answer, Failure) else answer)

    def skipped(self, shortage: str) -> None:
        self.answers.append(f"skipped: {shortage}")


async def well(_: Target) -> None:
    """Answers at once."""


def terms(clock: Clock, *, turns: int = 100, jitter: float = 0.0, timeout: float = 1.0) -> Terms:
    """The terms of these tests."""
    return Terms(clock, Random(3), Turns(turns), timeout, jitter)


def advance(clock: Clock, seconds: float) -> None:
    """Let time go by, from one call to the next."""
    end = clock.seconds() + seconds
    while clock.calls and (due := clock.calls[0].getTime()) <= end:
        clock.rightNow = max(clock.rightNow, due)
        clock.advance(0)
    clock.rightNow = end


def test_the_rhythm_counts_from_beginning_to_beginning() -> None:
    """However long an answer takes, the next question comes when it is due, and if it is late, at once."""
    clock, times = Clock(), iter([0.2, 1, 1.5, 0.1, 2.2, 0])

    async def slow(_: Target) -> None:
        wait = Deferred[None]()
        clock.callLater(next(times), wait.callback, None)
        await wait

    patient = Patient(clock, slow)
    Probing(patient, terms(clock, timeout=9)).start(0.5)
    advance(clock, 7.7)
    assert [round(time, 2) for time in patient.begun] == [0.5, 1.5, 2.5, 4, 4.5, 7.5]


def test_the_time_begins_with_the_turn() -> None:
    """Who waits for a turn does so in order, and has all its time from then on."""
    clock = Clock()
    shared = terms(clock, turns=1, timeout=0.4)
    patients = [Patient(clock, every=10) for _ in range(3)]
    for patient in patients:
        Probing(patient, shared).start(0)
    advance(clock, 0.35)
    assert [len(patient.begun) for patient in patients] == [1, 0, 0]
    advance(clock, 2)
    assert [rounded(patient.begun) for patient in patients] == [[0], [0.4], [0.8]]
    assert [patient.answers for patient in patients] == [["no result within 0.4 s"]] * 3


def test_last_words_are_evidence() -> None:
    """What a check says as its time is up is told, too, though it counts for nothing else."""

    async def talkative(_: Target) -> None:
        try:
            await Deferred[None]()
        except CancelledError:
            raise CheckFailed("it had got as far as 'LOADING'") from None

    clock = Clock()
    patient = Patient(clock, talkative)
    Probing(patient, terms(clock, timeout=0.5)).start(0)
    advance(clock, 0.6)
    assert patient.answers == ["no result within 0.5 s: it had got as far as 'LOADING'"]


def test_who_stops_gives_its_turn_to_others() -> None:
    """A stop, while it runs or waits, lets the next begin, and is final."""
    clock = Clock()
    shared = terms(clock, turns=1)
    patients = [Patient(clock) for _ in range(3)]
    probings = [Probing(patient, shared) for patient in patients]
    for probing in probings:
        probing.start(0)
    clock.advance(0)
    probings[1].stop()
    probings[0].stop()
    probings[0].stop()
    assert [len(patient.begun) for patient in patients] == [1, 0, 1]
    probings[2].stop()
    advance(clock, 5)
    assert [patient.answers for patient in patients] == [[], [], []]
    assert clock.getDelayedCalls() == []


def test_a_hurry_brings_the_next_at_once() -> None:
    """Who hurries is asked at once, but once only until the next regular time, which keeps its place."""
    clock = Clock()
    patient = Patient(clock, well, every=4)
    probing = Probing(patient, terms(clock))
    probing.start(0)
    advance(clock, 1)
    for _ in range(3):
        probing.hurry()
        advance(clock, 0.1)
    advance(clock, 3)
    assert rounded(patient.begun) == [0, 1, 4]
    probing.hurry()
    clock.advance(0)
    assert len(patient.begun) == 4


def test_a_hurry_in_vain() -> None:
    """Before the start, while one is under way and after the stop a hurry changes nothing."""
    clock = Clock()
    patient = Patient(clock)
    probing = Probing(patient, terms(clock))
    probing.hurry()
    probing.start(0)
    clock.advance(0)
    probing.hurry()
    clock.advance(0.5)
    assert len(patient.begun) == 1
    probing.stop()
    probing.hurry()
    assert clock.getDelayedCalls() == []


def test_a_fault_of_who_judges_ends_nothing() -> None:
    """When judging raises, the turn is given back and the next question comes."""

    class Unjust(Patient):
        def judge(self, answer: Any) -> None:
            raise LookupError("no law")

    clock = Clock()
    shared = terms(clock, turns=1, timeout=0.5)
    patient = Unjust(clock)
    Probing(patient, shared).start(0)
    with pytest.raises(LookupError):
        clock.pump([0, 0.5])
    assert shared.turns.taken == 0
    clock.advance(0.5)
    assert len(patient.begun) == 2


def ward(clock: Clock, groups: list[int], *, every: float, jitter: float, turns: int) -> Iterator[Patient]:
    """Backends in pools of these sizes, whose checks answer at once, from now on."""
    shared = terms(clock, jitter=jitter, turns=turns)
    for group, size in enumerate(groups):
        patients = [Patient(clock, well, every=every) for _ in range(size)]
        backends = [Backend(f"{number}", "", None, seconds=clock.seconds) for number in range(size)]
        Checks(dict(zip(backends, patients, strict=True)), shared, group=group).start()
        yield from patients


def most_within(times: list[float], window: float) -> int:
    """The most of these times that lie within any window of so many seconds."""
    times = sorted(times)
    return max(bisect_left(times, start + window) - index for index, start in enumerate(times))


@pytest.mark.parametrize("groups", [[2000], [1] * 2000, [3, 1000, 40, 957]], ids=["one", "alone", "mixed"])
def test_thousands_are_spread_evenly(groups: list[int]) -> None:
    """2,000 backends of any number of pools make no burst, at the start or ever after, and each is checked in time.

    In a fiftieth of the interval there come at most the checks of that time and of the jitter's, and as many again for
    pools of different size.
    """
    clock, every, jitter = Swift(), 2.0, 0.1
    patients = list(ward(clock, groups, every=every, jitter=jitter, turns=10_000))
    clock.advance(10)
    times = [time for patient in patients for time in patient.begun]
    assert most_within(times, every / 50) <= 2 * 2000 * (1 / 50 + jitter)
    assert all(4 <= len(patient.begun) <= 6 for patient in patients)


def test_a_leap_of_the_clock_makes_no_burst() -> None:
    """After the process stood still no more are checked at once than may be, and then all are apart as before."""
    clock = Clock()
    patients = list(ward(clock, [400], every=2.0, jitter=0.0, turns=400))
    advance(clock, 4)
    clock.advance(60.001)
    since = clock.seconds()
    advance(clock, 4)
    times = [time for patient in patients for time in patient.begun if time > since + 2]
    assert len(times) == 400
    assert most_within(times, 0.1) <= 22


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_bounded_whatever_they_do(data: st.DataObject) -> None:
    """However long checks take, never do more run at once than may, and every backend comes to its turn."""
    clock, running, most = Clock(), [0], [0]
    chance = Random(data.draw(st.integers(0, 999)))
    turns = data.draw(st.integers(1, 5))

    async def slow(_: Target) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        wait = Deferred[None]()
        call = clock.callLater(chance.choice([0, 0.01, 0.3, 9]), wait.callback, None)
        try:
            await wait
        finally:
            running[0] -= 1
            if call.active():
                call.cancel()

    shared = terms(clock, turns=turns, timeout=0.5)
    patients = [Patient(clock, slow) for _ in range(12)]
    probings = [Probing(patient, shared) for patient in patients]
    for number, probing in enumerate(probings):
        probing.start(number / 12)
    advance(clock, 0.5 * 12 / turns + 8)
    assert most[0] <= turns
    assert all(patient.answers for patient in patients)
    for probing in probings:
        probing.stop()
    assert (running, clock.getDelayedCalls()) == ([0], [])
