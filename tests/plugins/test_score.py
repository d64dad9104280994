"""Scores: who is kept, what speaks against each, how one of the best is taken, and what is not known of some."""

from __future__ import annotations

from collections import Counter
from random import Random as Chance
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from balancer.errors import ConfigError
from balancer.interfaces import IAlgorithm, IAlgorithmPlugin
from balancer.plugins.hashing import server_name
from balancer.plugins.score import Affinity, Below, Score, active, latency
from balancer.testing.fakes import FakeBackend, FakeSession

SESSION = FakeSession(server_name="a.example")
BY_QUEUE = Score(weigh={"queue": 1})
values = st.none() | st.floats(allow_nan=True, allow_infinity=True)
fleets = st.lists(
    st.builds(
        lambda queue, usage, active, weight: FakeBackend(
            signals={name: one for name, one in (("queue", queue), ("usage", usage)) if one is not None},
            active=active,
            weight=weight,
        ),
        values,
        values,
        st.integers(0, 5),
        st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    ),
    min_size=1,
    max_size=6,
)
hows: Any = st.sampled_from(["two", "best", 0, 0.25, 1])


def fleet(*queues: float | None, **told: Any) -> list[FakeBackend]:
    """Backends b0, b1 and so on with these queues; nothing is known of None."""
    return [
        FakeBackend(f"b{place}", signals={} if queue is None else {"queue": queue}, **told)
        for place, queue in enumerate(queues)
    ]


def picks(score: Score, backends: list[FakeBackend], session: Any = SESSION, count: int = 200) -> Counter[str]:
    """By name, how often each is picked."""
    picker: Any = score.picker(backends, Chance(1))
    return Counter(picker(session).name for _ in range(count))


def wrong(value: Any) -> Any:
    """What no type checker would let through."""
    return value


def scores(score: Score, backends: list[FakeBackend], session: Any = SESSION) -> dict[str, float]:
    """What each is told to have."""
    picker: Any = score.picker(backends, Chance(1))
    return {backend.name: round(value, 3) for backend, value, _ in picker.explain(session)}


def test_provides_the_interface() -> None:
    """It provides `IAlgorithm`, its class is listed as a plugin, and it declares the signals that it goes by."""
    score = Score(keep=Below("usage", 0.9), weigh={"queue": 2, active: 1, Affinity(server_name): 1})
    assert verifyObject(IAlgorithm, score)
    assert IPlugin.providedBy(Score)
    assert IAlgorithmPlugin.providedBy(Score)
    assert score.signals == {"queue", "usage"}
    assert repr(BY_QUEUE) == "Score(keep=(), weigh={'queue': 1}, pick='two')"


@given(fleets, hows, st.integers(0, 2**32))
def test_answers_with_what_was_offered(found: list[FakeBackend], how: Any, seed: int) -> None:
    """Whatever backends report, one of those offered is picked, the same under the same seed; scores are 0 to 1."""
    score = Score(weigh={"queue": 2, "usage": 1, active: 0.5}, pick=how)
    pickers: list[Any] = [score.picker(found, Chance(seed)) for _ in range(2)]
    chosen = [[picker(SESSION) for _ in range(5)] for picker in pickers]
    assert chosen[0] == chosen[1]
    assert all(backend in found for backend in chosen[0])
    assert all(0 <= value <= 1 for _, value, _ in pickers[0].explain(SESSION))


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6), st.integers(-9, 9), st.integers(1, 9))
def test_only_differences_count(queues: list[int], more: int, times: int) -> None:
    """Scores do not depend on the unit of a measure, nor on where it begins."""
    assert scores(BY_QUEUE, fleet(*queues)) == scores(BY_QUEUE, fleet(*(times * queue + more for queue in queues)))


def test_scores_are_averages_by_weight() -> None:
    """The least of a measure counts as 0 and the most as 1, and the score is the average by weight."""
    backends = fleet(0, 5, 10)
    for backend, busy in zip(backends, (2, 1, 0), strict=True):
        backend.become(active=busy)
    assert scores(Score(weigh={"queue": 3, active: 1}), backends) == {"b0": 0.25, "b1": 0.5, "b2": 0.75}


def test_what_is_not_known_counts_as_the_others_do() -> None:
    """A backend that reports nothing has the average; where nobody does, or all alike, all have 0."""
    assert scores(BY_QUEUE, fleet(0, None, 10, 20)) == {"b0": 0, "b1": 0.5, "b2": 0.5, "b3": 1}
    assert set(scores(BY_QUEUE, fleet(None, None)).values()) == {0}
    assert set(scores(BY_QUEUE, fleet(7, 7, None)).values()) == {0}


def test_the_best_is_the_best() -> None:
    """With "best" nobody but who has the lowest score is picked, by weight among several."""
    assert set(picks(Score(weigh={"queue": 1}, pick="best"), fleet(3, 1, 2))) == {"b1"}
    backends = fleet(1, 1, 2)
    backends[0].become(weight=3)
    found = picks(Score(weigh={"queue": 1}, pick="best"), backends, count=400)
    assert set(found) == {"b0", "b1"}
    assert 250 < found["b0"] < 350


def test_the_worst_of_two_is_not() -> None:
    """Of two that are drawn the better one is picked, so that only the worst is never; one alone is."""
    found = picks(BY_QUEUE, fleet(1, 2, 3))
    assert found["b0"] > found["b1"] > 0 == found["b2"]
    assert set(picks(BY_QUEUE, fleet(3))) == {"b0"}


def test_one_of_the_near_best() -> None:
    """With a number all that are no worse than that above the best are picked, by weight."""
    assert set(picks(Score(weigh={"queue": 1}, pick=0.3), fleet(0, 3, 4, 10))) == {"b0", "b1"}


def test_keepers_leave_somebody() -> None:
    """A backend that a keeper drops is not picked, unless the keeper would leave nobody, which then does not count."""
    by_active = Score(keep=[Below("queue", 5), lambda backend: backend.active < 3], weigh={active: 1}, pick="best")
    assert set(picks(by_active, fleet(9, 4, None))) == {"b1", "b2"}
    assert set(picks(by_active, fleet(9, 9))) == {"b0", "b1"}
    busy = fleet(4, 4, 9, active=9)
    assert set(picks(by_active, busy)) == {"b0", "b1"}
    busy[2].become(active=1)
    assert set(picks(by_active, busy)) == {"b0", "b1"}


def test_what_was_tried_is_not_picked_again() -> None:
    """A session is given what it has not tried, if there is any."""
    one, other = backends = fleet(0, 9)
    assert set(picks(BY_QUEUE, backends, FakeSession(tried=[one]))) == {"b1"}
    assert set(picks(BY_QUEUE, backends, FakeSession(tried=[one, other]))) == {"b0"}


def test_affinity_is_traded_off_against_load() -> None:
    """The backend that a key belongs to is preferred, until its load weighs more; without a key there is none."""
    sticky = Score(weigh={"queue": 1, Affinity(server_name): 1.5}, pick="best")
    names = [f"{number}.example" for number in range(64)]
    idle = fleet(0, 0, 0)
    homes = {name: next(iter(picks(sticky, idle, FakeSession(server_name=name), 3))) for name in names}
    assert set(homes.values()) == {"b0", "b1", "b2"}
    name = next(name for name, home in homes.items() if home == "b0")
    one, session = idle[0], FakeSession(server_name=name)
    assert len(picks(sticky, idle, session)) == 1
    assert set(picks(Score(weigh={"queue": 2, Affinity(server_name): 1}, pick="best"), fleet(9, 0, 0), session)) == {
        "b1",
        "b2",
    }
    assert set(picks(sticky, idle, FakeSession(server_name=name, tried=[one]))) < {"b1", "b2"}
    assert len(picks(sticky, idle, FakeSession())) == 3


def test_measures() -> None:
    """Sessions count by weight, and time as it is; nothing is known of one that has not answered."""
    assert active(FakeBackend(active=6, weight=2)) == 3
    assert active(FakeBackend(active=6, weight=0)) == 6
    assert latency(FakeBackend(latency=0.5)) == 0.5
    assert latency(FakeBackend()) is None
    assert set(
        picks(Score(weigh={latency: 1}, pick="best"), [FakeBackend("b0", latency=2), FakeBackend("b1", latency=1)])
    ) == {"b1"}


def test_explains() -> None:
    """It tells the score of each and what it is made of."""
    picker: Any = Score(weigh={"queue": 2, active: 1, Affinity(server_name): 1}).picker(fleet(0, 5), Chance(1))
    note = picker.explain(SESSION)[1][2]
    assert note.startswith("queue 1.00 x 2, active 0.00 x 1, affinity ")


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (
            lambda: Score(weigh={}),
            "Score: weigh: () does not say what to weigh; give some such as {'queue': 2, active: 1}",
        ),
        (lambda: Score(weigh=["queue"]), "Score: weigh: ['queue'] does not say what to weigh; give some such as"),
        (
            lambda: Score(weigh={"queue": 0}),
            "Score: weigh: (('queue', 0),) does not say what to weigh; give some such as",
        ),
        (lambda: Score(weigh={"": 1}), "Score: weigh: (('', 1),) does not say what to weigh; give some such as"),
        (
            lambda: Score(weigh={Affinity: 1}),
            "Score: weigh: ((<class 'balancer.plugins.score.Affinity'>, 1),) does not",
        ),
        (
            lambda: Score(weigh={"queue": 1}, keep=["x"]),
            "Score: keep: ('x',) is not made of functions; give some such as",
        ),
        (
            lambda: Score(weigh={"queue": 1}, keep=[wrong(Below)]),
            "Score: keep: (<class 'balancer.plugins.score.Below'>,) is not made of functions; give some such as",
        ),
        (lambda: Score(weigh={"queue": 1}, pick=5), "Score: pick: 5 is no way to pick; give 'two', 'best' or a number"),
        (
            lambda: Score(weigh={"queue": 1}, pick=wrong("any")),
            "Score: pick: 'any' is no way to pick; give 'two', 'best' or a",
        ),
        (lambda: Below("", 1), "Below: signal: '' is no name of a signal; write it in quotes"),
        (lambda: Below("queue", wrong("1")), "Below: limit: '1' is not a number; give one such as 0.9"),
        (lambda: Affinity(wrong("x")), "Affinity: key: 'x' is no function of the session; give one such as"),
    ],
)
def test_mistakes_are_told(make: Any, line: str) -> None:
    """A setting that could not work is told as the config is read."""
    with pytest.raises(ConfigError) as raised:
        make()
    assert [mistake[: len(line)] for mistake in raised.value.mistakes] == [line]
