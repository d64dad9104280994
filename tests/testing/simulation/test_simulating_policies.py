"""Proofs on the virtual clock of what the docs promise of the algorithms and of the pool around them."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import Any

import attrs
import pytest
from zope.interface import implementer

from balancer import Backend, Health, Pool
from balancer.interfaces import IAlgorithm, IBackend, ISession, Picker
from balancer.plugins import algorithms
from balancer.plugins.algorithms import LeastConnections, LeastTime, PeakEWMA, PowerOfTwo, RoundRobin
from balancer.plugins.health import TCPCheck
from balancer.testing.simulation import Exponential, Fault, Poisson, Result, Steady, Trace, simulate

SERVERS, WORK = 4, 0.05
SLOW = Fault("b10", "slow", by=10)


def fleet(count: int, algorithm: Any, **given: Any) -> Pool:
    """So many backends, called b1 and so on."""
    weights = given.pop("weights", [1] * count)
    backends = [
        Backend(f"10.0.0.{number}:80", name=f"b{number}", weight=weight) for number, weight in enumerate(weights, 1)
    ]
    return Pool("site", backends=backends, algorithm=algorithm, **given)


def loaded(load: float, requests: int = 3000, **given: Any) -> Trace:
    """What would keep ten backends so busy."""
    return Trace(
        requests, arrivals=Poisson(load * 10 * SERVERS / WORK), service=Exponential(WORK), servers=SERVERS, **given
    )


def slower(algorithm: Any, load: float) -> float:
    """How many times as long one in a hundred takes with a tenth backend that is ten times slower as without it."""
    alone = simulate(fleet(9, algorithm), loaded(load), seed=1)
    together = simulate(fleet(10, algorithm), loaded(load, faults=[SLOW]), seed=1)
    return together.p99 / alone.p99


@pytest.mark.parametrize("load", [0.5, 0.8])
@pytest.mark.parametrize("algorithm", [PeakEWMA(), LeastConnections(), LeastTime()], ids=lambda one: one.name)
def test_a_slow_backend_is_avoided(algorithm: Any, load: float) -> None:
    """With one of ten backends ten times slower p99 stays within twice that of the nine others with the same load."""
    assert slower(algorithm, load) <= 2


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_a_slow_backend_is_not_avoided_in_turn(load: float) -> None:
    """Taking backends in turn does not: who is given the slow one waits, and more and more do."""
    assert slower(RoundRobin(), load) > 10


@pytest.mark.parametrize("load", [0.5, 0.8])
@pytest.mark.parametrize(
    "algorithm", [RoundRobin(), LeastConnections(), PowerOfTwo(), LeastTime(), PeakEWMA()], ids=lambda one: one.name
)
def test_what_fails_at_once_draws_no_more(algorithm: Any, load: float) -> None:
    """A backend that answers errors at once draws no more than its share, as it would by looking idle and fast."""
    result = simulate(algorithm, loaded(load, 2000, faults=[Fault("b10", "failing", at=1)]))
    assert result.shares["b10"] <= 0.101


def test_it_would_without_the_hold() -> None:
    """Where failed sessions are not held in the counts it draws most of them, and far more than its share."""
    result = simulate(
        fleet(10, LeastConnections(), failure_hold=None), loaded(0.5, 2000, faults=[Fault("b10", "failing")])
    )
    assert result.shares["b10"] > 0.5


@implementer(IAlgorithm)
@attrs.frozen
class Watched:
    """Notes when each backend was chosen by another algorithm."""

    algorithm: Any
    chosen: dict[str, list[float]] = attrs.field(factory=lambda: defaultdict(list))
    name = "watched"

    def picker(self, backends: Any, random: Random) -> Picker:
        pick: Any = self.algorithm.picker(backends, random)

        def noted(session: ISession) -> IBackend | None:
            backend: IBackend = pick(session)
            self.chosen[backend.name].append(session.now)
            return backend

        return noted


@pytest.mark.parametrize("algorithm", [RoundRobin(), LeastConnections()], ids=lambda one: one.name)
def test_nothing_is_sent_to_the_dead(algorithm: Any) -> None:
    """Of a pool that loses half its members and gets them back none that is dead gets a request after `fall` checks."""
    dead = [Fault(f"b{number}", "down", at=2, lasts=3) for number in (1, 2, 3)]
    watched = Watched(algorithm)
    site = fleet(6, watched, attempts=4, health=Health(TCPCheck(), every=0.2, fall=3, rise=2))
    result = simulate(site, Trace(3000, arrivals=Steady(500), service=Exponential(0.01), faults=dead))
    found_dead, found_alive = 2 + 3 * 0.2 * 1.1 + 0.01, 5.0
    for fault in dead:
        times = watched.chosen[fault.backend]
        assert [time for time in times if found_dead < time < found_alive] == []
        assert any(time > found_alive for time in times), "it is used again"
    assert (result.downs, result.errors) == (3, 0)


LIMIT = 27.9
"""Of nine degrees of freedom chi-square is more than that once in a thousand times."""


@pytest.mark.parametrize("algorithm", ["RoundRobin", "Random", "LeastConnections", "PowerOfTwo"])
def test_weights_are_honoured(algorithm: str) -> None:
    """Where backends answer at once the shares differ from the weights by no more than chance allows."""
    weights = [1, 2, 3, 1, 2, 3, 1, 2, 3, 5]
    trace = Trace(4000, arrivals=Steady(50), service=Exponential(0.0001), network=0)
    result = simulate(fleet(10, getattr(algorithms, algorithm)(), weights=weights), trace)
    assert chi_square(result) < LIMIT


def chi_square(result: Result) -> float:
    """How far the shares are from those that are due."""
    expected = [(each.tries, each.due * result.requests) for each in result.backends]
    return sum((found - due) ** 2 / due for found, due in expected)
