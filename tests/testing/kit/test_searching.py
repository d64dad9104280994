"""The search for a broken promise: the shortest story wins, also one that chance tells once only."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from balancer.testing.kit.claims import Profile
from balancer.testing.kit.searching import for_each_seed, search
from balancer.testing.kit.stories import Broken

EFFORT = Profile(examples=200, seconds=5.0, seeds=3)


def many(numbers: list[int]) -> None:
    """Break when there are three or more."""
    if len(numbers) >= 3:
        raise Broken(f"{len(numbers)}", len(numbers))


def test_the_shortest_is_told() -> None:
    """Of all stories the shortest is told."""
    with pytest.raises(Broken, match=r"^3$"):
        search(st.lists(st.integers()), many, EFFORT)


def test_what_is_tried_first_is_shortened_too() -> None:
    """A case that is tried first loses all that it does not need."""
    with pytest.raises(Broken, match=r"^3$"):
        search(st.just([]), lambda case: many(case[-1]), EFFORT, first=[("x", [1, 2, 3, 4, 5])])


def test_what_chance_tells_once_counts() -> None:
    """A promise that is broken once, and not when it is tried again, is broken."""
    times = iter(range(1000))

    def once(_case: int) -> None:
        if next(times) == 2:
            raise Broken("once", 1)

    with pytest.raises(Broken, match=r"^once$"):
        search(st.integers(), once, EFFORT)


def test_other_errors_pass() -> None:
    """An error that is no broken promise is not hidden."""
    with pytest.raises(ZeroDivisionError):
        search(st.just(0), lambda number: 1 // number, EFFORT)


def test_other_errors_that_chance_tells_once_pass_too() -> None:
    """An error that does not come again, as when the time is over, is told as it was."""
    times = iter(range(1000))
    with pytest.raises(ZeroDivisionError):
        search(st.integers(), lambda _case: 1 // (next(times) != 2), EFFORT)


def test_a_promise_that_holds() -> None:
    """Nothing is raised when nothing is found, and every seed is tried."""
    seen: list[int] = []
    for_each_seed(seen.append, EFFORT)
    assert len(seen) == EFFORT.seeds
    search(st.integers(), lambda _: None, Profile(10, 0.0, 1))


def test_what_is_slow_is_not_shortened_for_ever() -> None:
    """A story that takes long is told as it is, when the time for a shorter one is over."""
    tried: list[list[int]] = []

    def breaks(case: tuple[str, list[int]]) -> None:
        tried.append(case[1])
        raise Broken("broken", len(case[1]))

    with pytest.raises(Broken):
        search(st.nothing(), breaks, Profile(10, -1.0, 1), first=[("one", [1, 2, 3])])
    assert tried == [[1, 2, 3]]
