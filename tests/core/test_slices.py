"""Work in slices: all of it, in order, and no turn longer than a slice and a step."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from hypothesis import given
from hypothesis import strategies as st

from balancer.core.slices import SLICE, at_once, finished, in_slices
from tests.core.policies import Turns


def test_at_once() -> None:
    """Every step is taken before anything else is."""
    steps = iter([None, None])
    at_once(steps)
    assert list(steps) == []


@given(st.lists(st.floats(0, 2 * SLICE), max_size=40))
def test_every_step_is_taken_and_no_turn_is_long(costs: list[float]) -> None:
    """Steps are taken in order and each once; a turn takes one at least, and ends with the first past its slice."""
    turns, done, turn_of = Turns(look=0), list[int](), list[int]()
    spent = {0: 0.0}

    def work() -> Iterator[None]:
        for number, cost in enumerate(costs):
            assert spent[len(spent) - 1] < SLICE
            turns.time += cost
            spent[len(spent) - 1] += cost + 1e-9
            done.append(number)
            turn_of.append(len(spent))
            yield

    in_slices(work(), turns.seconds, turns.queue.append)
    while turns.queue:
        spent[len(spent)] = 0.0
        turns.run()
    assert done == list(range(len(costs)))
    assert set(turn_of) >= set(range(1, len(spent)))


def test_what_steps_come_to() -> None:
    """All steps are taken, and their result is told."""
    taken = []

    def steps() -> Generator[None, None, str]:
        for number in range(3):
            taken.append(number)
            yield
        return "done"

    assert (finished(steps()), taken) == ("done", [0, 1, 2])
