"""Who may connect: the limits of a listener and of a source, and what each admission takes of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.admission import Admission, Limits
from balancer.core.sources import Source


def admission(**limits: Any) -> Admission:
    """A listener with these limits, from the start of time."""
    return Admission(Limits(**limits), 0.0)


def judged(judge: Admission, alive: int = 0, source: Source | None = None, now: float = 0.0) -> str:
    """The reason of a refusal, or nothing."""
    refused = judge.judge(alive, source, now)
    return "" if refused is None else refused.reason


def test_nothing_asked() -> None:
    """A listener that says nothing admits all, and asks nobody who he is."""
    judge = admission()
    assert judge.source("192.0.2.1") is None
    assert {judged(judge, 1 << 20) for _ in range(1000)} == {""}


@pytest.mark.parametrize("limit", ["connections_per_source", "rate_per_source"])
def test_who_is_asked(limit: str) -> None:
    """Where anything holds by source, whoever has an address is asked for it, and who has none is nobody's."""
    judge = admission(**{limit: 1})
    assert (judge.source("::ffff:192.0.2.1"), judge.source("")) == ("192.0.2.1", None)


def test_connections() -> None:
    """A listener that has as many as it may refuses the next, and says by what."""
    judge = admission(connections=2)
    assert [judged(judge, alive) for alive in range(4)] == ["", "", "max-connections", "max-connections"]
    assert str(judge.judge(2, None, 0.0)) == "max_connections=2 is reached"


def test_rate() -> None:
    """A listener admits its rate, whoever it is that comes."""
    judge = admission(rate=2)
    times = (0.0, 0.0, 0.1, 0.6, 0.7)
    assert [judged(judge, source="a", now=now) for now in times] == ["", "", "max-rate", "", "max-rate"]
    assert str(judge.judge(0, None, 0.7)) == "max_rate=2 is reached"


def test_connections_of_a_source() -> None:
    """A source that has as many as it may is refused, others are not, and who leaves makes room."""
    judge = admission(connections_per_source=1)
    judge.enter("a")
    assert (judged(judge, source="a"), judged(judge, source="b")) == ("max-connections-per-source", "")
    assert str(judge.judge(0, "a", 0.0)) == "max_connections_per_source=1 is reached"
    judge.leave("a")
    assert judged(judge, source="a") == ""


def test_rate_of_a_source() -> None:
    """A source has a rate of its own; live connections are not counted where only that is asked for."""
    judge = admission(rate_per_source=0.5)
    judge.enter("a")
    judge.leave("a")
    assert [judged(judge, source=name) for name in "aab"] == ["", "max-rate-per-source", ""]
    assert str(judge.judge(0, "a", 1.9)) == "max_rate_per_source=0.5 is reached"
    assert judged(judge, source="a", now=2.0) == ""


def test_one_source_does_not_take_what_is_for_all() -> None:
    """Who is refused for what his source does takes nothing of the listener's rate, nor the other way round."""
    judge = admission(rate=2, rate_per_source=1)
    assert [judged(judge, source="a") for _ in range(9)] == ["", *8 * ["max-rate-per-source"]]
    assert [judged(judge, source=name) for name in "bc"] == ["", "max-rate"]
    assert judged(judge, source="c", now=0.5) == ""


def test_judged_in_two_steps() -> None:
    """One that was admitted as nobody in particular is judged by its source alone when that is known."""
    judge = admission(rate=1, connections=1, rate_per_source=1)
    assert judged(judge) == ""
    assert judge.judge_source("a", 0.0) is None
    assert judge.judge_source(None, 0.0) is None
    refused = judge.judge_source("a", 0.0)
    assert refused is not None
    assert refused.reason == "max-rate-per-source"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=80))
def test_counts(steps: list[tuple[str, bool]]) -> None:
    """Whatever the order of comings and goings, no source and no listener ever has more than it may, nor less."""
    judge = admission(connections=4, connections_per_source=2)
    alive: Counter[str] = Counter()
    for who, comes in steps:
        if comes:
            admitted = judged(judge, alive.total(), who) == ""
            assert admitted == (alive.total() < 4 and alive[who] < 2)
            if admitted:
                judge.enter(who)
                alive[who] += 1
        elif alive[who]:
            judge.leave(who)
            alive[who] -= 1
