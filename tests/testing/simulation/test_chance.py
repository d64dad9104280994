"""Distributions have the mean that was asked for, and what was recorded comes as it was."""

from __future__ import annotations

from itertools import islice
from random import Random
from statistics import mean, quantiles
from typing import Any

import pytest

from balancer.errors import ConfigError
from balancer.testing.simulation import At, Constant, Exponential, LogNormal, Poisson, Recorded, Steady


def drawn(source: Any, count: int = 20_000) -> list[float]:
    """So many of its numbers."""
    return list(islice(source(Random(1)), count))


@pytest.mark.parametrize(
    "service", [Constant(0.2), Exponential(0.2), LogNormal(0.2, 0.5), Recorded([0.1, 0.3])], ids=str
)
def test_work_takes_as_long_as_was_said(service: Any) -> None:
    """On average work takes the mean."""
    assert mean(drawn(service.times)) == pytest.approx(0.2, rel=0.02)


def test_tails_are_as_long_as_is_told() -> None:
    """One in a hundred takes five, six or fourteen times the average."""
    laws = (Exponential(1), 4.6), (LogNormal(1), 6.2), (LogNormal(1, 2), 14.2)
    for law, tail in laws:
        assert quantiles(drawn(law.times, 100_000), n=100)[-1] == pytest.approx(tail, rel=0.1)


@pytest.mark.parametrize("arrivals", [Poisson(50), Steady(50)], ids=str)
def test_as_many_arrive_as_was_said(arrivals: Any) -> None:
    """On average the rate is the one given; only where it is steady is every gap the same."""
    gaps = drawn(arrivals.gaps)
    assert mean(gaps) == pytest.approx(1 / 50, rel=0.02)
    assert (len(set(gaps)) == 1) == isinstance(arrivals, Steady)


def test_what_was_recorded_comes_as_it_was() -> None:
    """Recorded times of work come again and again, recorded arrivals once, the first at the start."""
    assert drawn(Recorded((1, 2)).times, 5) == [1, 2, 1, 2, 1]
    assert drawn(At([100, 101.5, 101.5]).gaps) == [0, 1.5, 0]


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Constant(0), "Constant: mean: 0 is not a positive number of seconds; give one such as 0.05"),
        (lambda: Exponential(-1), "Exponential: mean: -1 is not a positive number of seconds; give one such as 0.05"),
        (lambda: LogNormal(1, 0), "LogNormal: sigma: 0 is not a positive number; give one such as 1"),
        (lambda: Poisson(0), "Poisson: rate: 0 is not a positive number; give one such as 100"),
        (lambda: Steady(0), "Steady: rate: 0 is not a positive number; give one such as 100"),
        (lambda: Recorded([]), "Recorded: values: there is none; give at least one number of seconds"),
        (lambda: Recorded([1, -3]), "Recorded: values: -3 is not a number of seconds from 0 up; leave it out"),
        (lambda: At([-1]), "At: times: -1 is not a number of seconds from 0 up; leave it out"),
        (lambda: At([2, 1]), "At: times: they are not in order; give sorted(times)"),
    ],
)
def test_mistakes_are_told(make: Any, line: str) -> None:
    """What cannot be drawn from is refused, in a line that says what to give."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.mistakes == (line,)
