"""Rise and fall, against a naive reading of the rule."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from balancer.core.health import Thresholds

results = st.lists(st.booleans(), max_size=30)
numbers = st.integers(1, 4)


def verdict(history: list[bool], rise: int, fall: int, guess: bool) -> bool:
    """The first result decides alone; then the last row that was long enough does."""
    up = history[0] if history else guess
    for healthy, row in groupby(history):
        if len(list(row)) >= (rise if healthy else fall):
            up = healthy
    return up


@given(results, numbers, numbers, st.booleans())
def test_thresholds_follow_the_rule(history: list[bool], rise: int, fall: int, guess: bool) -> None:
    """After any results the verdict is that of the rule, and a change is told exactly when there was one."""
    thresholds = Thresholds(rise=rise, fall=fall, up=guess)
    for count, healthy in enumerate(history, 1):
        before = thresholds.up
        changed = thresholds.record(healthy)
        assert thresholds.up == verdict(history[:count], rise, fall, guess)
        assert changed == (thresholds.up != before)


@given(st.booleans(), st.booleans(), numbers)
def test_the_first_result_decides_alone(guess: bool, first: bool, number: int) -> None:
    """What was assumed before any check is a guess that one result overturns, and a row starts anew from there."""
    thresholds = Thresholds(rise=number, fall=number, up=guess)
    assert thresholds.record(first) == (first != guess)
    assert [thresholds.record(not first) for _ in range(number)] == [False] * (number - 1) + [True]


def test_changing_while_results_and_verdict_differ() -> None:
    """It is changing before the first result, and as long as the latest results speak against the verdict."""
    thresholds = Thresholds(rise=2, fall=2, up=True)
    changing = [thresholds.changing]
    for healthy in (True, False, True, False, False, True, True):
        thresholds.record(healthy)
        changing.append(thresholds.changing)
    assert changing == [True, False, True, False, True, False, True, False]
