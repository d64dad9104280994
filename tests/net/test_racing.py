"""Races on a clock: one outcome, one connection at most, and nothing left under way or armed."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from balancer.core.addresses import HEAD_START
from balancer.core.backend import Backend
from balancer.net.dialing import Dialed
from balancer.net.racing import Racing

PLACES = [("::1", 80), ("127.0.0.1", 80), ("127.0.0.2", 80)]


class Course:
    """Begins attempts that end as the test likes, and hears how the race ends."""

    def __init__(self, *places: Any) -> None:
        self.clock = Clock()
        self.backend = Backend("b", "b:80", None, seconds=self.clock.seconds)
        self.backend.move(places)
        self.runners: dict[Any, Any] = {}
        self.running: list[Any] = []
        self.ends: list[Any] = []
        self.out_of_reach: set[Any] = set()
        self.at_hand: set[Any] = set()
        self.racing = Racing(self.backend, self, begin=self.begin, later=self.clock.callLater)
        self.stands = self.failed = self.ends.append

    def begin(self, place: Any, runner: Any) -> Any:
        """One attempt."""
        self.runners[place] = runner
        if place in self.out_of_reach:
            runner.failed(OSError(101, str(place)))
            return None
        if place in self.at_hand:
            self.connected(place)
        else:
            self.running.append(place)
        return Running(self, place)

    def connected(self, place: Any) -> Any:
        """That one stands now."""
        if place in self.running:
            self.running.remove(place)
        protocol: Any = Dialed()
        protocol.dialing = self.runners[place]
        transport: Any = StringTransport()
        protocol.makeConnection(transport)
        return protocol


class Running:
    """One attempt under way."""

    def __init__(self, course: Course, place: Any) -> None:
        self._course, self._place = course, place

    def cancel(self) -> None:
        """Give up."""
        self._course.running.remove(self._place)


def test_the_second_is_faster() -> None:
    """After a while the second address is tried as well; it wins, the first is given up, and is not the first again."""
    course = Course(*PLACES)
    course.racing.begin()
    course.clock.advance(HEAD_START - 0.01)
    assert course.running == PLACES[:1]
    course.clock.advance(0.02)
    assert course.running == PLACES[:2]
    protocol = course.connected(PLACES[1])
    assert (course.ends, course.running, course.clock.calls) == ([protocol], [], [])
    assert list(course.backend.places) == [PLACES[1], PLACES[0], PLACES[2]]


def test_what_is_out_of_reach_costs_no_time() -> None:
    """An address that fails at once is followed by the next at once."""
    course = Course(*PLACES)
    course.out_of_reach.update(PLACES[:2])
    course.racing.begin()
    assert course.running == PLACES[2:]
    assert not course.ends


def test_what_is_at_hand_stands_at_once() -> None:
    """A connection that stands as it is begun wins over one that is under way, and giving up later changes nothing."""
    course = Course(*PLACES)
    course.at_hand.add(PLACES[1])
    course.racing.begin()
    course.clock.advance(HEAD_START)
    course.racing.cancel()
    (protocol,) = course.ends
    assert (protocol.transport.disconnected, course.running, course.clock.calls) == (False, [], [])
    assert course.backend.place == PLACES[1]


def test_all_fail() -> None:
    """The failure is that which tells most, told once."""
    course = Course(*PLACES)
    course.out_of_reach.add(PLACES[0])
    course.racing.begin()
    refused = ConnectionRefusedError(111, "refused")
    course.running.clear()
    course.runners[PLACES[1]].failed(refused)
    course.runners[PLACES[2]].failed(ConnectionRefusedError(111, "refused too"))
    assert (course.ends, course.clock.calls) == ([refused], [])


@pytest.mark.parametrize("late", [False, True])
def test_cancelled(late: bool) -> None:
    """Given up, nothing is under way, no timer is armed, and nobody is told; what stands all the same is cut."""
    course = Course(*PLACES[:2])
    course.racing.begin()
    course.clock.advance(HEAD_START if late else 0)
    course.racing.cancel()
    assert (course.running, course.clock.calls) == ([], [])
    protocol = course.connected(PLACES[0])
    assert protocol.transport.disconnected
    course.runners[PLACES[0]].failed(OSError())
    assert not course.ends
    assert course.backend.place == PLACES[0]
