"""The algorithms that measure: the less loaded of two, the fastest, the likely faster; and the first."""

from __future__ import annotations

from collections import Counter
from random import Random as Chance
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.errors import ConfigError, Side
from balancer.interfaces import Outcome
from balancer.plugins.algorithms import First, LeastTime, PeakEWMA, PowerOfTwo
from balancer.testing.fakes import FakeBackend, FakeSession

SESSION = FakeSession()
seeds = st.integers(0, 2**32)


def fleet(*latencies: float | None, active: int = 0, weight: float = 1.0) -> list[FakeBackend]:
    """Backends that take so long to answer."""
    return [FakeBackend(str(n), latency=each, active=active, weight=weight) for n, each in enumerate(latencies)]


def counts(algorithm: Any, backends: list[FakeBackend], picks: int = 1000, seed: int = 1) -> list[int]:
    """How often each is picked."""
    picker = algorithm.picker(backends, Chance(seed))
    chosen = Counter(picker(SESSION).name for _ in range(picks))
    return [chosen[backend.name] for backend in backends]


def failed(**told: Any) -> Outcome:
    """A failure of the backend's at the second 0."""
    return Outcome(0.0, 0.001, **told)


def test_first_is_the_first_not_tried() -> None:
    """The first in order is chosen until the session has tried it; when all were tried, the first again."""
    one, two = fleet(None, None)
    picker = First().picker([one, two], Chance(1))
    assert [picker(FakeSession(tried=tried)) for tried in ([], [one], [two], [one, two])] == [one, two, one, one]


@given(st.lists(st.integers(0, 9), min_size=2, max_size=8), seeds)
def test_power_of_two_never_picks_the_most_loaded_alone(loads: list[int], seed: int) -> None:
    """A backend that is busier than every other is never picked, for two different ones are drawn."""
    backends = [FakeBackend(str(place), active=load) for place, load in enumerate(loads)]
    worst = max(backends, key=lambda backend: backend.active)
    picker = PowerOfTwo().picker(backends, Chance(seed))
    if loads.count(worst.active) == 1:
        assert all(picker(SESSION) is not worst for _ in range(30))


def test_power_of_two_takes_any_measure() -> None:
    """The measure decides, whatever else is true of the backends."""
    backends = [FakeBackend(str(n), signals={"queue": 9 - n}, active=n) for n in range(4)]
    shares = counts(PowerOfTwo(lambda backend: backend.signals["queue"]), backends)
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 430 < shares[3] < 570, "half of all pairs have it"


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), seeds)
def test_power_of_two_fills_by_weight(shares: list[int], seed: int) -> None:
    """Sessions that never end pile up by weight: none has many more for one of weight than another."""
    backends = [FakeBackend(str(place), weight=weight) for place, weight in enumerate(shares)]
    picker: Any = PowerOfTwo().picker(backends, Chance(seed))
    for _ in range(40 * sum(shares)):
        chosen = picker(SESSION)
        chosen.become(active=chosen.active + 1)
    assert all(30 <= backend.active / backend.weight <= 50 for backend in backends)


def test_least_time_picks_the_fastest() -> None:
    """Time, sessions and weight decide together, by the rule that is told."""
    backends = fleet(0.1, 0.3, 0.19)
    assert counts(LeastTime(), backends) == [1000, 0, 0]
    backends[0].become(active=1)
    assert counts(LeastTime(), backends) == [0, 0, 1000]
    backends[2].become(weight=0.1)
    backends[0].become(weight=1.9)
    assert counts(LeastTime(), backends) == [1000, 0, 0]


def test_least_time_punishes_failures() -> None:
    """A backend that fails at once counts as slow, not as fast, and less so as time goes by."""
    backends = fleet(0.001, 1.0)
    picker: Any = LeastTime(penalty=4, half_life=10).picker(backends, Chance(1))
    picker.released(backends[0], failed(status=503))
    costs = [[cost for _, cost, _ in picker.explain(FakeSession(now=now))] for now in (0.0, 10.0, 30.0)]
    assert [[round(cost, 6) for cost in pair] for pair in costs] == [[4, 1], [2, 1], [0.5, 1]]
    assert [picker(FakeSession(now=now)) for now in (1.0, 30.0)] == [backends[1], backends[0]]


def test_least_time_takes_newcomers_for_average() -> None:
    """One that has not answered yet is neither flooded nor starved."""
    picker: Any = LeastTime().picker(fleet(0.1, None, 0.3), Chance(1))
    assert [round(cost, 6) for _, cost, _ in picker.explain(SESSION)] == [0.1, 0.2, 0.3]
    picker = LeastTime().picker(fleet(None, None, active=2), Chance(1))
    assert [cost for _, cost, _ in picker.explain(SESSION)] == [3.0, 3.0]


def test_peak_ewma_prefers_the_faster() -> None:
    """The slowest is not picked, nor one that is fast and busy; one that is new counts as `initial`."""
    assert counts(PeakEWMA(), fleet(0.1, 0.2, 0.3))[2] == 0
    assert counts(PeakEWMA(initial=0.25), fleet(0.1, None, 0.3))[2] == 0
    assert counts(PeakEWMA(initial=0.35), fleet(0.1, None, 0.3))[1] == 0
    quick = fleet(0.1, 0.3)
    quick[0].become(active=3)
    assert counts(PeakEWMA(), quick) == [0, 1000]


@pytest.mark.parametrize("told", [{"side": Side.UPSTREAM}, {"status": 429}, {"status": 500}, {"status": 503}], ids=str)
def test_peak_ewma_punishes_failures(told: dict[str, Any]) -> None:
    """A backend that fails at once counts as slow, and less so as time goes by."""
    backends = fleet(0.001, 1.0)
    picker: Any = PeakEWMA(penalty=4, half_life=10).picker(backends, Chance(1))
    picker.released(backends[0], failed(**told))
    costs = [[cost for _, cost, _ in picker.explain(FakeSession(now=now))] for now in (-5.0, 0.0, 10.0, 30.0)]
    assert [[round(cost, 6) for cost in pair] for pair in costs] == [[4, 1], [4, 1], [2, 1], [0.5, 1]]
    assert {picker(FakeSession(now=1.0)) for _ in range(20)} == {backends[1]}
    assert {picker(FakeSession(now=30.0)) for _ in range(20)} == {backends[0]}


@pytest.mark.parametrize("told", [{}, {"side": Side.DOWNSTREAM}, {"status": 404}, {"status": 200}], ids=str)
def test_peak_ewma_forgives_what_is_no_failure(told: dict[str, Any]) -> None:
    """What the client did, and answers that are not the backend's failure, cost nothing."""
    backends = fleet(0.001, 1.0)
    picker: Any = PeakEWMA().picker(backends, Chance(1))
    picker.released(backends[0], failed(**told))
    assert picker.explain(SESSION)[0] == (backends[0], 0.001, "share 1")


def test_mistakes_are_told() -> None:
    """What cannot be measured with is refused, all of it at once."""
    with pytest.raises(ConfigError, match="PowerOfTwo: measure: 3 cannot be called"):
        PowerOfTwo(3)  # type: ignore[arg-type]  # what is to be told
    with pytest.raises(ConfigError) as caught:
        PeakEWMA(initial=0, penalty=-1, half_life=0)
    assert len(caught.value.mistakes) == 3
    with pytest.raises(ConfigError, match="LeastTime: penalty: -1 is not a number of seconds from 0 up") as caught:
        LeastTime(penalty=-1, half_life=0)
    assert len(caught.value.mistakes) == 2


@pytest.mark.parametrize("algorithm", [PowerOfTwo(), PeakEWMA(), LeastTime(), First()], ids=repr)
@pytest.mark.parametrize("size", [1, 2])
def test_small_pools_are_served(algorithm: Any, size: int) -> None:
    """One backend gets everything; of two alike each gets some, except of the first."""
    found = counts(algorithm, fleet(*[0.1] * size))
    assert sum(found) == 1000
    assert all(found) or algorithm == First()
