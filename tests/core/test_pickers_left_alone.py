"""Algorithms that fail again and again: left alone for a while, then begun anew; and those that take their time."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from balancer.core.pickers import AGAIN, BUDGET, Policy, Ports
from balancer.core.pool import Pool
from balancer.core.quarantine import IN_A_ROW, LONGEST, REST
from balancer.core.session import Session
from balancer.errors import PolicyFailed
from balancer.interfaces import Kind, Outcome
from tests.core.policies import Steered, backend
from tests.core.virtual_time import VirtualTime


class House:
    """A pool of two over an algorithm that a test steers, on a clock that it moves."""

    def __init__(self, fallback: Steered | None = None) -> None:
        self.clock, self.algorithm = VirtualTime(), Steered()
        self.events: list[tuple[str, str, str]] = []
        ports = Ports(Random(1), self.clock.seconds, self._later, changed=self._note, after=self.clock.later)
        self.backends = [backend("a"), backend("b")]
        self.pool = Pool("site", self.backends, self.algorithm, ports=ports, on_policy_error=fallback)

    @property
    def policy(self) -> Policy:
        """What contains the algorithm."""
        return self.pool.policy

    def _later(self, call: Callable[[], None]) -> None:
        self.clock.later(0.0, call)

    def _note(self, what: str, why: str, evidence: str) -> None:
        self.events.append((what, why, evidence))

    def pick(self) -> str:
        """The name of what is picked, and given back at once; or why there is none."""
        try:
            lease = self.pool.pick(Session(Kind.TCP, ("192.0.2.1", 1), self.clock.time))
        except PolicyFailed as error:
            return str(error)
        lease.end()
        return lease.backend.name

    def fail(self, times: int = IN_A_ROW) -> None:
        """Have the picker fail so often in a row."""
        self.algorithm.answer = "raise"
        for _ in range(times):
            self.pick()


def test_many_faults_in_a_row_are_followed_by_a_rest() -> None:
    """After so many faults in a row the algorithm is not asked any more, and everybody is told why there is nothing."""
    house = House()
    house.fail()
    faults = house.algorithm.book.faults
    assert house.pick() == "pool 'site': the algorithm has failed too often in a row, and is left alone for a while"
    assert house.algorithm.book.faults == faults == IN_A_ROW
    assert house.events == [("algorithm 'steered': left alone for 10 s", "too often in a row: picker", "ValueError")]


def test_the_fallback_serves_meanwhile() -> None:
    """While the algorithm is left alone the other one serves every session."""
    house = House(Steered("last"))
    house.fail()
    assert house.pick() == "b"


def test_it_comes_back_with_a_new_picker_on_probation() -> None:
    """After the rest it is asked again: one fault more and it rests twice as long, one success and all is forgotten."""
    house = House()
    house.fail()
    house.clock.advance(REST)
    assert house.events[-1] == ("algorithm 'steered': asked again", "on probation", "")
    house.fail(1)
    house.clock.advance(2 * REST - 1)
    assert "left alone" in house.pick()
    house.clock.advance(1)
    house.algorithm.answer = "first"
    assert house.pick() == "a"
    house.fail(IN_A_ROW - 1)
    assert "failed" in house.pick()
    assert "left alone for 10 s" in house.events[-1][0]


def test_faults_between_which_it_works_are_no_reason() -> None:
    """An algorithm that fails every other time is contained every other time, and goes on."""
    house = House()
    for _ in range(3 * IN_A_ROW):
        house.fail(1)
        house.algorithm.answer = "first"
        assert house.pick() == "a"
    assert house.events == []


def test_those_who_change_meanwhile_are_seen_afterwards() -> None:
    """A change of who is eligible during the rest makes no picker, and the picker after it knows of the change."""
    house = House()
    house.fail()
    house.backends[0].become(up=False)
    house.pool.refresh()
    assert house.policy.snapshot is None
    house.algorithm.answer = "first"
    house.clock.advance(REST)
    assert house.pick() == "b"


def test_a_rest_ends_for_a_pool_that_has_nobody_too() -> None:
    """When nobody is eligible as the rest ends no picker is made; it is made when somebody is."""
    house = House()
    house.fail()
    for one in house.backends:
        one.become(up=False)
    house.pool.refresh()
    house.clock.advance(REST)
    assert house.policy.snapshot is None
    house.algorithm.answer = "first"
    house.backends[1].become(up=True)
    house.pool.refresh()
    assert house.pick() == "b"


def test_ends_that_it_cannot_hear_are_no_reason() -> None:
    """An algorithm that chooses well is never left alone for what costs no session anything, however often it fails."""
    house = House()
    house.algorithm.sulks = True
    for _ in range(3 * IN_A_ROW):
        assert house.pick() == "a"
    assert (house.events, house.policy.faults.count) == ([], 3 * IN_A_ROW)


@pytest.mark.parametrize("making", ["raise", "raise in slices", "broken"])
def test_a_picker_that_cannot_be_made_is_tried_again(making: str) -> None:
    """When making one has failed it is tried again soon, whether or not anything has changed, and ever more rarely."""
    house = House()
    house.algorithm.making = making
    house.pool.refresh()
    house.clock.advance(AGAIN / 2)
    house.pool.refresh()
    assert house.policy.snapshot is None
    house.clock.advance(IN_A_ROW * AGAIN)
    assert "left alone" in house.events[0][0]
    rested = house.algorithm.book.faults
    house.clock.advance(10 * LONGEST)
    assert house.algorithm.book.faults - rested < 20
    house.algorithm.making = "at once"
    house.clock.advance(LONGEST + AGAIN)
    assert house.pick() == "a"


def test_nothing_is_made_for_nobody() -> None:
    """A picker that could not be made is not tried again when no backend is eligible any more, nor one that serves."""
    house = House()
    house.algorithm.making = "raise"
    house.pool.refresh()
    for one in house.backends:
        one.become(up=False)
    house.pool.refresh()
    faults = house.algorithm.book.faults
    house.clock.advance(10 * AGAIN)
    assert house.algorithm.book.faults == faults


def test_slow_picks_count_but_once() -> None:
    """A pick beyond the budget stands, and is counted; only so many in a row are followed by a rest."""
    house = House()
    for seconds in [2 * BUDGET] * (IN_A_ROW - 1) + [BUDGET] + [2 * BUDGET] * IN_A_ROW:
        assert house.events == []
        house.policy.took(seconds)
    assert house.policy.slow == 2 * IN_A_ROW - 1
    assert house.events[0][1:] == ("too often in a row: slow picks", "took 10.0 ms, with a budget of 5 ms")


def test_the_pool_takes_the_time_of_picks() -> None:
    """A picker that lets the clock run on beyond its budget is suspected by the pool that asks it, and found out."""
    house = House()
    chooser = house.policy.snapshot
    assert chooser is not None
    ask = chooser.picker

    def slowly(session: Session) -> object:
        house.clock.time += 3 * BUDGET
        return ask(session)

    chooser.picker = slowly
    assert [house.pick() for _ in range(3)] == ["a"] * 3
    chooser.picker = ask
    assert house.pick() == "a"
    assert (house.policy.slow, house.policy.doubts, house.policy.timed) == (2, {}, False)


def test_a_second_cause_does_not_prolong_the_rest() -> None:
    """What fails while the algorithm is left alone, as ends of sessions from before do, changes nothing more."""
    house = House()
    snapshot = house.policy.snapshot
    assert snapshot is not None
    house.fail()
    house.algorithm.sulks = True
    for _ in range(IN_A_ROW):
        house.policy.tell(snapshot, house.backends[0], Outcome(1.0, 1.0))
    assert len(house.events) == 1


def test_what_fails_during_a_rest_does_not_lengthen_the_next() -> None:
    """Answers to sessions from before, which nobody can take back, are but faults: the next rest is twice as long."""
    house = House()
    house.fail()
    for _ in range(4 * IN_A_ROW):
        house.policy.failed("picker", ValueError())
    assert house.policy.faults.count == 5 * IN_A_ROW
    house.clock.advance(REST)
    house.fail(1)
    assert "left alone for 20 s" in house.events[-1][0]


def test_it_is_not_asked_for_what_remains_either() -> None:
    """When the fallback's choices are refused, what serves instead is not the algorithm that is left alone."""
    house = House(Steered("last"))
    house.fail()
    house.algorithm.answer = "first"
    faults, chosen = house.algorithm.book.faults, house.algorithm.book.chosen.copy()
    session = Session(Kind.TCP, ("192.0.2.1", 1), 0.0, tried=[house.backends[1]])
    assert house.pool.pick(session).backend is house.backends[0]
    assert (house.algorithm.book.faults, house.algorithm.book.chosen) == (faults, chosen)
