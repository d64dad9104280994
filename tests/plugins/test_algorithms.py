"""The everyday algorithms: in turn, at random, least busy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import gcd
from random import Random as Chance
from typing import Any

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.plugin import IPlugin
from zope.interface import implementer
from zope.interface.verify import verifyObject

from balancer.core.session import Session
from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, IBackend, Kind
from balancer.plugins.algorithms import (
    LEAD,
    First,
    LeastConnections,
    LeastTime,
    PeakEWMA,
    PowerOfTwo,
    Random,
    RoundRobin,
)

ALL = [RoundRobin(), Random(), LeastConnections(), LeastTime(), PowerOfTwo(), PeakEWMA()]
SESSION = Session(Kind.TCP, ("192.0.2.1", 40000), 0.0)

weights = st.lists(st.integers(1, 9), min_size=1, max_size=8)
seeds = st.integers(0, 2**32)


@implementer(IBackend)
@attrs.define(eq=False)
class FakeBackend:
    """A backend to look at."""

    name: str
    weight: float = 1.0
    active: int = 0
    address: str = "192.0.2.9:80"
    zone: str = ""
    tags: frozenset[str] = frozenset()
    tier: int = 0
    latency: float | None = None
    signals: Mapping[str, float] = attrs.Factory(dict)
    state: str = "up"


class FromTheStart(Chance):
    """Finds every random place at the start; `asked` holds out of how many."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def randrange(self, start: int, *_args: Any, **_options: Any) -> int:
        self.asked.append(start)
        return 0


def fleet(shares: Iterable[float]) -> list[FakeBackend]:
    """Backends a, b, c and so on of these weights."""
    return [FakeBackend(chr(ord("a") + place), share) for place, share in enumerate(shares)]


def picks(algorithm: Any, backends: Sequence[FakeBackend], random: Chance, count: int) -> list[FakeBackend]:
    """What a new picker answers, so many times."""
    picker = algorithm.picker(backends, random)
    return [picker(SESSION) for _ in range(count)]


def nginx(shares: Sequence[int], count: int) -> list[int]:
    """Smooth weighted round robin written down as its rule is told, by place."""
    current = [0] * len(shares)
    order = []
    for _ in range(count):
        current = [have + share for have, share in zip(current, shares, strict=True)]
        chosen = current.index(max(current))
        current[chosen] -= sum(shares)
        order.append(chosen)
    return order


@pytest.mark.parametrize("algorithm", ALL, ids=repr)
def test_provides_the_interface(algorithm: Any) -> None:
    """Every algorithm provides `IAlgorithm`, and its class is listed as a plugin."""
    assert verifyObject(IAlgorithm, algorithm)
    assert IPlugin.providedBy(type(algorithm))
    assert IAlgorithmPlugin.providedBy(type(algorithm))


@given(st.sampled_from(ALL), st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 3.0]), min_size=1, max_size=6), seeds)
def test_answers_with_what_was_offered(algorithm: Any, shares: list[float], seed: int) -> None:
    """Whatever the weights, a pick is one of those offered, and one of weight 0 only when all are."""
    backends = fleet(shares)
    chosen = picks(algorithm, backends, Chance(seed), 30)
    assert all(backend in backends for backend in chosen)
    assert max(shares) <= 0 or all(backend.weight > 0 for backend in chosen)


@pytest.mark.parametrize("algorithm", ALL, ids=repr)
def test_serves_all_when_none_has_a_weight(algorithm: Any) -> None:
    """When no weight is above 0 all backends are served alike."""
    backends = fleet([0, 0, -2])
    counts = Counter(picks(algorithm, backends, Chance(7), 3000))
    assert all(850 < counts[backend] < 1150 for backend in backends)


@given(st.sampled_from(ALL), weights, seeds)
def test_repeats_itself_under_a_seed(algorithm: Any, shares: list[int], seed: int) -> None:
    """The same seed gives the same picks."""
    backends = fleet(shares)
    assert picks(algorithm, backends, Chance(seed), 40) == picks(algorithm, backends, Chance(seed), 40)


@pytest.mark.parametrize("algorithm", ALL, ids=repr)
def test_one_object_serves_many_pools(algorithm: Any) -> None:
    """Two pickers of one algorithm share nothing: using one does not move the other."""
    backends = fleet([3, 2, 1])
    alone = picks(algorithm, backends, Chance(5), 20)
    first, second = algorithm.picker(backends, Chance(5)), algorithm.picker(backends, Chance(6))
    assert [(first(SESSION), second(SESSION))[0] for _ in range(20)] == alone


def chi_square(counts: Mapping[FakeBackend, int], backends: Sequence[FakeBackend]) -> float:
    """How far the counts are from the weights."""
    unit = sum(counts.values()) / sum(backend.weight for backend in backends)
    expected = {backend: backend.weight * unit for backend in backends}
    return sum((counts[backend] - expected[backend]) ** 2 / expected[backend] for backend in backends)


@pytest.mark.parametrize("algorithm", ALL, ids=repr)
@pytest.mark.parametrize("shares", [(1, 1, 1, 1), (5, 1, 1, 1), (0.5, 2.5, 1, 4)], ids=str)
def test_honours_weights(algorithm: Any, shares: tuple[float, ...]) -> None:
    """Over many picks on idle backends the shares are those of the weights (chi-square, 3 degrees, p = 0.001)."""
    backends = fleet(shares)
    assert chi_square(Counter(picks(algorithm, backends, Chance(11), 4000)), backends) < 16.27


@pytest.mark.parametrize("algorithm", ALL, ids=repr)
@pytest.mark.parametrize("shares", [(1, 1, 1, 1), (5, 1, 1, 1), (4, 6, 1, 1)], ids=str)
def test_first_pick_honours_weights(algorithm: Any, shares: tuple[float, ...]) -> None:
    """A pool rebuilt before every pick still gives each backend its share, not all to the first."""
    backends, chance = fleet(shares), Chance(3)
    counts = Counter(algorithm.picker(backends, chance)(SESSION) for _ in range(1000))
    assert chi_square(counts, backends) < 16.27


def test_round_robin_follows_the_vector() -> None:
    """From the start, weights 5, 1, 1 give the order that nginx is known for."""
    chosen = picks(RoundRobin(), fleet([5, 1, 1]), FromTheStart(), 14)
    assert "".join(backend.name for backend in chosen) == "aabacaaaabacaa"


@given(weights)
def test_round_robin_is_smooth(shares: list[int]) -> None:
    """Choice for choice, round robin does what the plain rule of smooth weighted round robin does."""
    backends = fleet(shares)
    chosen = picks(RoundRobin(), backends, FromTheStart(), 3 * sum(shares))
    assert [backends.index(backend) for backend in chosen] == nginx(shares, 3 * sum(shares))


@given(weights, seeds)
def test_round_robin_is_exact_over_a_cycle(shares: list[int], seed: int) -> None:
    """Wherever it starts, every cycle serves each backend exactly as often as its weight says."""
    backends, unit = fleet(shares), gcd(*shares)
    cycle = sum(shares) // unit
    chosen = picks(RoundRobin(), backends, Chance(seed), 2 * cycle)
    for start in range(cycle):
        counts = Counter(chosen[start : start + cycle])
        assert [counts[backend] * unit for backend in backends] == shares


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=6), seeds)
def test_round_robin_keeps_close_to_fractions(shares: list[float], seed: int) -> None:
    """With weights that are no whole numbers, no backend is ever a whole pick per rival away from its share."""
    backends = fleet(shares)
    counts: Counter[FakeBackend] = Counter()
    for count, backend in enumerate(picks(RoundRobin(), backends, Chance(seed), 200), 1):
        counts[backend] += 1
        assert all(abs(counts[each] - count * each.weight / sum(shares)) <= len(shares) for each in backends)


@given(st.integers(2, 20), seeds)
def test_round_robin_never_repeats_among_equals(size: int, seed: int) -> None:
    """Among equal weights no two picks in a row are the same."""
    chosen = picks(RoundRobin(), fleet([2.5] * size), Chance(seed), 60)
    assert all(left is not right for left, right in pairwise(chosen))


def test_round_robin_starts_in_bounded_time() -> None:
    """The search for a place to start is bounded even when every weight differs."""
    chance = FromTheStart()
    RoundRobin().picker(fleet(range(1, 2 * LEAD)), chance)
    RoundRobin().picker(fleet([1, 2]), chance)
    assert chance.asked == [1, LEAD // 2]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 50)), min_size=1, max_size=8), seeds)
def test_least_connections_picks_the_least_busy(loads: list[tuple[int, int]], seed: int) -> None:
    """No other backend has fewer active sessions for its weight than the one picked, compared without division."""
    backends = [FakeBackend(str(place), weight, active) for place, (weight, active) in enumerate(loads)]
    for chosen in picks(LeastConnections(), backends, Chance(seed), 5):
        assert all(chosen.active * other.weight <= other.active * chosen.weight for other in backends)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 1000), seeds)
def test_least_connections_sees_equal_loads(weight: int, other: int, unit: int, seed: int) -> None:
    """Loads that are equal as fractions tie, whatever the weights: both backends get picks."""
    backends = [FakeBackend("a", weight, unit * weight), FakeBackend("b", other, unit * other)]
    assert len(set(picks(LeastConnections(), backends, Chance(seed), 500))) == 2


def test_least_connections_is_fair_among_ties() -> None:
    """Equally busy backends of equal weight share the picks evenly."""
    backends = [FakeBackend(str(place), 1.0, 2) for place in range(4)] + [FakeBackend("busy", 1.0, 3)]
    counts = Counter(picks(LeastConnections(), backends, Chance(1), 4000))
    assert chi_square(counts, backends[:4]) < 16.27
    assert backends[4] not in counts


def test_least_connections_looks_anew_each_time() -> None:
    """A picker follows the counts of the backends as they change."""
    backends = fleet([1, 1])
    picker = LeastConnections().picker(backends, Chance(1))
    backends[0].active = 1
    assert picker(SESSION) is backends[1]
    backends[1].active = 2
    assert picker(SESSION) is backends[0]


@given(weights, seeds)
def test_least_connections_fills_by_weight(shares: list[int], seed: int) -> None:
    """Sessions that never end pile up in proportion to the weights."""
    assume(len(shares) > 1)
    backends = fleet(shares)
    picker: Any = LeastConnections().picker(backends, Chance(seed))
    for _ in range(5 * sum(shares)):
        picker(SESSION).active += 1
    assert [backend.active for backend in backends] == [5 * share for share in shares]


def test_least_connections_explains() -> None:
    """An explanation names every backend with its load and weight."""
    backends = [FakeBackend("a", 2, 3), FakeBackend("b", 0.5, 1)]
    picker: Any = LeastConnections().picker(backends, Chance(1))
    assert picker.explain(SESSION) == [(backends[0], 1.5, "weight 2"), (backends[1], 2.0, "weight 0.5")]


def test_pickers_say_what_they_go_by() -> None:
    """An explanation has the share of each that chance draws from, the order of the first, or the load of the two."""
    backends = [FakeBackend("a", weight=3, active=6), FakeBackend("b", weight=1)]
    pickers: list[Any] = [algorithm.picker(backends, Chance(1)) for algorithm in (Random(), First(), PowerOfTwo())]
    assert [[(backend.name, score) for backend, score, _ in picker.explain(SESSION)] for picker in pickers] == [
        [("a", 0.75), ("b", 0.25)],
        [("a", 1), ("b", 2)],
        [("a", 2), ("b", 0)],
    ]
    assert [picker.explain(SESSION)[0][2] for picker in pickers] == ["weight 3", "in this order", "weight 3"]
