"""How long work takes, and when it arrives: the usual distributions, and what was recorded; knows no backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle, pairwise
from math import log
from random import Random
from typing import Any, Protocol

import attrs

from balancer.config.mistakes import Noun, as_tuple, is_number, positive, seconds, shown


class Service(Protocol):
    """How long backends work on requests; `mean` is the average, in seconds."""

    @property
    def mean(self) -> float:
        """See above."""

    def times(self, random: Random) -> Iterator[float]:
        """The seconds of one request after the other, without an end."""


class Arrivals(Protocol):
    """When requests arrive."""

    def gaps(self, random: Random) -> Iterator[float]:
        """The seconds from each arrival to the next, the first from the start; may have an end."""


@attrs.frozen
class Constant(Noun):
    """Always so many seconds. Raises `ConfigError`."""

    mean: float

    def _mistakes(self) -> Iterator[str]:
        yield from seconds("mean", self.mean, like=0.05)

    def times(self, random: Random) -> Iterator[float]:
        """See `Service`."""
        return iter(lambda: self.mean, None)


@attrs.frozen
class Exponential(Noun):
    """So many seconds on average, mostly less and now and then much more. Raises `ConfigError`."""

    mean: float

    def _mistakes(self) -> Iterator[str]:
        yield from seconds("mean", self.mean, like=0.05)

    def times(self, random: Random) -> Iterator[float]:
        """See `Service`."""
        return iter(lambda: random.expovariate(1 / self.mean), None)


@attrs.frozen
class LogNormal(Noun):
    """So many seconds on average, with a tail that is the longer the larger `sigma` is. Raises `ConfigError`.

    With a `sigma` of 1 one in a hundred takes six times the average, with 2 fourteen times.
    """

    mean: float
    sigma: float = 1.0

    def _mistakes(self) -> Iterator[str]:
        yield from seconds("mean", self.mean, like=0.05)
        yield from positive("sigma", self.sigma, like=1)

    def times(self, random: Random) -> Iterator[float]:
        """See `Service`."""
        middle = log(self.mean) - self.sigma**2 / 2
        return iter(lambda: random.lognormvariate(middle, self.sigma), None)


def _numbers(given: Iterable[float]) -> tuple[Any, ...]:
    return as_tuple(given)


@attrs.frozen
class Recorded(Noun):
    """The seconds that requests took, in that order, again and again. Raises `ConfigError`."""

    values: tuple[float, ...] = attrs.field(converter=_numbers)

    def _mistakes(self) -> Iterator[str]:
        yield from _wrong_times("values", self.values)

    @property
    def mean(self) -> float:
        """See `Service`."""
        return sum(self.values) / len(self.values)

    def times(self, random: Random) -> Iterator[float]:
        """See `Service`."""
        return cycle(self.values)


@attrs.frozen
class Poisson(Noun):
    """So many a second on average, each whenever it likes. Raises `ConfigError`."""

    rate: float

    def _mistakes(self) -> Iterator[str]:
        yield from positive("rate", self.rate, like=100)

    def gaps(self, random: Random) -> Iterator[float]:
        """See `Arrivals`."""
        return iter(lambda: random.expovariate(self.rate), None)


@attrs.frozen
class Steady(Noun):
    """So many a second, at equal distances. Raises `ConfigError`."""

    rate: float

    def _mistakes(self) -> Iterator[str]:
        yield from positive("rate", self.rate, like=100)

    def gaps(self, random: Random) -> Iterator[float]:
        """See `Arrivals`."""
        return iter(lambda: 1 / self.rate, None)


@attrs.frozen
class At(Noun):
    """At these times, in seconds of any clock; the first is the start. Raises `ConfigError`."""

    times: tuple[float, ...] = attrs.field(converter=_numbers)

    def _mistakes(self) -> Iterator[str]:
        wrong = list(_wrong_times("times", self.times))
        yield from wrong
        if not wrong and list(self.times) != sorted(self.times):
            yield "times: they are not in order; give sorted(times)"

    def gaps(self, random: Random) -> Iterator[float]:
        """See `Arrivals`."""
        yield 0.0
        yield from (after - before for before, after in pairwise(self.times))


def _wrong_times(field: str, values: tuple[Any, ...]) -> Iterator[str]:
    """Expect numbers of seconds, from 0 up, one at least."""
    if not values:
        yield f"{field}: there is none; give at least one number of seconds"
    wrong = [value for value in values if not is_number(value) or value < 0]
    if wrong:
        yield f"{field}: {shown(wrong[0])} is not a number of seconds from 0 up; leave it out"
