"""Who is asked for a pool's pickers: the algorithm, or what it keeps for the pool; and the slices of long work."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from balancer.core.making import Maker
from tests.core.policies import Turns, backend

PORTS = Turns(0.0).ports()
CHANCE = PORTS.random


class Plain:
    """An algorithm that tells what it was asked."""

    def picker(self, backends: Any, random: Random) -> Any:
        return "plain", backends, random


class Keeping:
    """One that is its own keeper, and counts how often it was asked for it."""

    made = 0

    def keeper(self) -> Any:
        self.made += 1
        return self

    def picker(self, backends: Any, others: Any, random: Random | None = None) -> Any:
        return "kept", backends, others, random


def test_an_algorithm_is_asked_itself() -> None:
    """Without a keeper the algorithm makes the picker, for those that are offered."""
    one, other = backend("a"), backend("b")
    maker = Maker(Plain(), [one, other], PORTS)
    assert maker.quickly([one]) == [("plain", (one,), CHANCE)]
    assert not maker.keeps


def test_a_keeper_is_asked_in_its_place() -> None:
    """The keeper is made once, as it is first needed, and is told of all the others of the pool."""
    one, other = backend("a"), backend("b")
    algorithm = Keeping()
    maker = Maker(algorithm, [one, other], PORTS)
    assert (maker.keeps, algorithm.made) == (True, 0)
    for _ in range(2):
        assert maker.quickly([one]) == [("kept", (one,), (other,), CHANCE)]
    assert maker.quickly([])[0][2] == (one, other)
    assert algorithm.made == 1


def test_one_that_learns_nothing() -> None:
    """What is chosen only to be explained is asked of a keeper that does not learn, or of a new one."""
    algorithm: Any = Keeping()
    maker = Maker(algorithm, [one := backend("a")], PORTS)
    maker.quickly([one])
    assert maker.still(PORTS).quickly([one])[0][0] == "kept"
    assert algorithm.made == 2
    algorithm.still = Keeping
    assert maker.still(PORTS).quickly([one]) == [("kept", (one,), (), CHANCE)]
    assert algorithm.made == 2


class Sliced:
    """An algorithm that takes its time, and then has something, or fails."""

    def __init__(self, slices: int, error: BaseException | None = None) -> None:
        self.slices, self.error = slices, error

    def picker(self, backends: Any, random: Random) -> Any:
        for _ in range(self.slices):
            yield
        if self.error is not None:
            raise self.error
        return "made"


class Ends:
    """Hears what comes of it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.made, self.failures, self.error = list[Any](), list[BaseException](), error

    def done(self, made: Any, in_slices: bool) -> None:
        if self.error is not None:
            raise self.error
        self.made.append((made, in_slices))


def begun(algorithm: Any, ends: Ends, turns: Turns) -> Maker:
    """A maker that has begun."""
    maker = Maker(algorithm, [backend("a")], turns.ports())
    maker.begin([backend("a")], 0.001, ends.done, ends.failures.append)
    return maker


@pytest.mark.parametrize("slices", [0, 1, 5])
def test_long_work_has_a_turn_for_each_slice(slices: int) -> None:
    """While the clock runs fast each turn does one step, and there is work under way until the last of them."""
    ends, turns = Ends(), Turns()
    maker = begun(Sliced(slices), ends, turns)
    for _ in range(slices):
        assert (maker.work is None, ends.made) == (False, [])
        turns.run()
    assert (maker.work, ends.made, turns.queue) == (None, [("made", True)], [])


def test_what_is_dropped_is_never_done() -> None:
    """Work that nobody wants any more takes no further step, and its end is told to nobody."""
    ends, turns = Ends(), Turns()
    maker = begun(Sliced(3), ends, turns)
    maker.drop()
    turns.run(5)
    assert (ends.made, ends.failures) == ([], [])


@pytest.mark.parametrize("slices", [0, 2])
def test_failures_are_told(slices: int) -> None:
    """What the algorithm raises, in its first slice or later, is told once, and so is what the receiver raises."""
    for algorithm, ends in ((Sliced(slices, SystemExit()), Ends()), (Sliced(slices), Ends(SystemExit()))):
        turns = Turns()
        maker = begun(algorithm, ends, turns)
        turns.run(5)
        assert (maker.work, ends.made, len(ends.failures)) == (None, [], 1)
    plain = Ends(ValueError())
    begun(Plain(), plain, Turns())
    assert len(plain.failures) == 1


def test_what_takes_longer_than_a_slice_is_not_made_quickly() -> None:
    """With a fast clock nothing comes of work with steps, and with a slow one all of it."""
    assert Maker(Sliced(3), [], Turns().ports()).quickly([]) == []
    assert Maker(Sliced(3), [], Turns(0.0).ports()).quickly([]) == ["made"]
