"""Turns: so many at once, all others in order, and none is forgotten or counted twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.turns import Turns


class Guest:
    """Takes turns; `begun` counts them. One that is `quick` is done at once."""

    def __init__(self, turns: Turns, order: list[Guest], *, quick: bool = False) -> None:
        self.begun = 0
        self._turns, self._order, self._quick = turns, order, quick

    def begin(self) -> None:
        self.begun += 1
        self._order.append(self)
        if self._quick:
            self._turns.done(self)


def test_others_wait_in_order() -> None:
    """Beyond the limit nobody begins, and who is done is followed by whoever has waited longest."""
    turns, order = Turns(2), list[Guest]()
    guests = [Guest(turns, order) for _ in range(5)]
    for guest in guests:
        turns.ask(guest)
    assert (order, turns.taken, turns.waiting) == (guests[:2], 2, 3)
    turns.done(guests[1])
    turns.done(guests[1])
    assert (order, turns.taken, turns.waiting) == (guests[:3], 2, 2)


def test_who_gives_up_never_begins() -> None:
    """A turn that is not wanted any more is passed over."""
    turns, order = Turns(1), list[Guest]()
    first, second, third = (Guest(turns, order) for _ in range(3))
    for guest in (first, second, third):
        turns.ask(guest)
    turns.done(second)
    turns.done(first)
    assert order == [first, third]


def test_many_that_are_done_at_once_do_not_nest() -> None:
    """However many are done as soon as they begin, each begins once, and in order."""
    turns, order = Turns(1), list[Guest]()
    slow, *quick = [Guest(turns, order, quick=number > 0) for number in range(5000)]
    for guest in (slow, *quick):
        turns.ask(guest)
    turns.done(slow)
    assert order == [slow, *quick]
    assert (turns.taken, turns.waiting) == (0, 0)


def test_one_that_fails_to_begin_holds_up_nobody() -> None:
    """Whoever asks next is served, although somebody has raised where it was to begin."""

    class Clumsy(Guest):
        def begin(self) -> None:
            raise LookupError("lost")

    turns, order = Turns(2), list[Guest]()
    with pytest.raises(LookupError):
        turns.ask(Clumsy(turns, order))
    guest = Guest(turns, order)
    turns.ask(guest)
    assert order == [guest]


@given(st.integers(1, 4), st.lists(st.tuples(st.booleans(), st.integers(0, 7)), max_size=60))
def test_never_more_than_allowed(most: int, steps: list[tuple[bool, int]]) -> None:
    """Whoever asks and is done in whatever order, never do more have a turn, and none waits while there is room."""
    turns = Turns(most)
    guests = [Guest(turns, []) for _ in range(8)]
    busy: set[int] = set()
    for asks, number in steps:
        if asks and number not in busy:
            busy.add(number)
            turns.ask(guests[number])
        elif not asks:
            busy.discard(number)
            turns.done(guests[number])
        assert turns.taken <= most
        assert turns.taken + turns.waiting == len(busy)
        assert not turns.waiting or turns.taken == most
