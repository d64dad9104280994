"""The everyday balancing policies: in turn, at random, to the least busy, the fastest or the first.

They look at backends alone, never at what a session is about, and know nothing of health, of retries or of limits:
which backends are eligible is the pool's business, and whatever a picker chooses was offered to it. All but `First`
honour weights.
"""

from __future__ import annotations

import random as chance  # only for the name of a type: chance itself is handed in
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import ClassVar, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, IBackend, ISession, Picker
from balancer.plugins.failures import Failures
from balancer.plugins.rotation import InTurn, Offer, Rotation, Words
from balancer.plugins.settings import is_number, told

LEAD: Final = 1024
"""The most comparisons spent on finding a random place to start in a weighted rotation."""


def weighed(backends: Sequence[IBackend]) -> list[Offer]:
    """Those with a weight above 0; when none has, all of them alike, since a picker must answer."""
    weighted = [(backend, backend.weight) for backend in backends]
    return [offer for offer in weighted if offer[1] > 0] or [(backend, 1.0) for backend in backends]


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class RoundRobin:
    """Each in turn, a heavier one more often and evenly spread: weights 5, 1, 1 give a a b a c a a.

    It starts at a random place of that order, lest a pool that is rebuilt often favour its first backend. A pick is
    O(1) when all weights are equal, else O(number of distinct weights).
    """

    name: ClassVar[str] = "round-robin"

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        offers = weighed(backends)
        distinct = len({weight for _, weight in offers})
        if distinct == 1:
            return InTurn([backend for backend, _ in offers], random)
        rotation = Rotation(offers)
        for _ in range(random.randrange(max(1, LEAD // distinct))):
            rotation()
        return rotation


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class Random:
    """Any of them, in proportion to the weights; a pick is O(log n)."""

    name: ClassVar[str] = "random"

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        return ByChance(weighed(backends), random)


class ByChance:
    """Draws by weight."""

    __slots__ = ("_cumulative", "_offers", "_random")

    def __init__(self, offers: Sequence[Offer], random: chance.Random) -> None:
        self._offers, self._random = offers, random
        self._cumulative = list(accumulate(weight for _, weight in offers))

    def __call__(self, _session: ISession) -> IBackend:
        return self._random.choices(self._offers, cum_weights=self._cumulative)[0][0]

    def explain(self, _session: ISession) -> Words:
        """The share of each."""
        return [(backend, weight / self._cumulative[-1], f"weight {weight:g}") for backend, weight in self._offers]


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class First:
    """The first in the order of the config, the next one when that is full or has failed the session, and so on.

    Give the backends `max_connections`. Weights do not count.
    """

    name: ClassVar[str] = "first"

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        return _FirstLeft(backends)


class _FirstLeft:
    """Chooses the first that was not tried."""

    __slots__ = ("_backends",)

    def __init__(self, backends: Sequence[IBackend]) -> None:
        self._backends = backends

    def __call__(self, session: ISession) -> IBackend:
        return next((each for each in self._backends if each not in session.tried), self._backends[0])

    def explain(self, _session: ISession) -> Words:
        """The place of each, from 1. The lowest is chosen."""
        return [(backend, float(place), "in this order") for place, backend in enumerate(self._backends, 1)]


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class LeastConnections:
    """The one with the fewest active sessions for its weight; a pick is O(n).

    Among those equally busy it draws by weight, so that an idle pool honours the weights too.
    """

    name: ClassVar[str] = "least-connections"

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        return _LeastBusy(weighed(backends), random)


class _LeastBusy:
    """Compares `active / weight`: division is correctly rounded, so loads that are equal as fractions tie."""

    __slots__ = ("_offers", "_random")

    def __init__(self, offers: Sequence[Offer], random: chance.Random) -> None:
        self._offers, self._random = offers, random

    def __call__(self, session: ISession) -> IBackend:
        loads = self._loads(session.now)
        least = min(loads)
        tied = [offer for offer, load in zip(self._offers, loads, strict=True) if load == least]
        if len(tied) == 1:
            return tied[0][0]
        return self._random.choices(tied, [weight for _, weight in tied])[0][0]

    def explain(self, session: ISession) -> Words:
        """The load of each. The lowest is chosen."""
        told = zip(self._offers, self._loads(session.now), strict=True)
        return [(backend, load, f"weight {weight:g}") for (backend, weight), load in told]

    def _loads(self, _now: float) -> list[float]:
        return [backend.active / weight for backend, weight in self._offers]


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class LeastTime:
    """The one that is likely to answer first: least `latency * (active / share + 1)`; a pick is O(n).

    Its share is its weight over the average weight. Among equals it draws by weight. One that has not answered yet
    counts as fast as the others on average. One that failed (an error of its own, a 429 or a 5xx) counts as `penalty`
    seconds slow, which fades with a half-life of `half_life` seconds: so one that fails at once does not draw all the
    traffic. Raises `ConfigError`.
    """

    penalty: float = 5.0
    half_life: float = 10.0

    name: ClassVar[str] = "least-time"

    def __attrs_post_init__(self) -> None:
        told(self, **_wrong_penalty(self))

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        return _LeastSlow(self, weighed(backends), random)


def _wrong_penalty(settings: LeastTime | PeakEWMA) -> dict[str, tuple[bool, str]]:
    """Whether what failures cost is sound, and what to say if it is not."""
    return {
        "penalty": (is_number(settings.penalty), "is not a number of seconds from 0 up; give 0 for none"),
        "half_life": (
            is_number(settings.half_life, above=0),
            "is not a number of seconds above 0; give one such as 10",
        ),
    }


class _LeastSlow(_LeastBusy):
    """The same, with the time that each takes beside the number it has."""

    __slots__ = ("_failures", "_shares", "released")

    def __init__(self, settings: LeastTime, offers: Sequence[Offer], random: chance.Random) -> None:
        super().__init__(offers, random)
        self._shares = _shares(offers)
        self._failures = Failures(settings.penalty, settings.half_life)
        self.released = self._failures.note

    def _loads(self, now: float) -> list[float]:
        times = [backend.latency for backend, _ in self._offers]
        known = [time for time in times if time is not None]
        usual = sum(known) / len(known) if known else 1.0
        likely = [usual if time is None else time for time in times]
        if self._failures:
            likely = [
                max(time, self._failures.slow(each, now)) for time, each in zip(likely, self._shares, strict=True)
            ]
        timed = zip(self._shares.items(), likely, strict=True)
        return [time * (backend.active / share + 1) for (backend, share), time in timed]


def _shares(offers: Sequence[Offer]) -> dict[IBackend, float]:
    """The weight of each over the average weight."""
    average = sum(weight for _, weight in offers) / len(offers)
    return {backend: weight / average for backend, weight in offers}


Measure = Callable[[IBackend], float]
"""How loaded a backend is."""


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class PowerOfTwo:
    """The less loaded of two that are drawn by weight; a pick is O(log n).

    `measure` tells the load of a backend, such as `lambda backend: backend.latency or 0`. None is the
    active sessions for one of weight. Raises `ConfigError`.
    """

    measure: Measure | None = None

    name: ClassVar[str] = "power-of-two"

    def __attrs_post_init__(self) -> None:
        told(self, measure=(self.measure is None or callable(self.measure), "cannot be called; give a function"))

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        offers = weighed(backends)
        weights = dict(offers)
        measure = self.measure or (lambda backend: backend.active / weights[backend])
        return _LessLoaded(measure, offers, random)


class _LessLoaded:
    """Draws two and compares them."""

    __slots__ = ("_draw", "_measure", "_offers")

    def __init__(self, measure: Measure, offers: Sequence[Offer], random: chance.Random) -> None:
        self._measure, self._offers, self._draw = measure, offers, _TwoDrawn(offers, random)

    def __call__(self, _session: ISession) -> IBackend:
        one, other = self._draw()
        return one if self._measure(one) <= self._measure(other) else other

    def explain(self, _session: ISession) -> Words:
        """The load of each. The lower of two that are drawn is chosen."""
        return [(backend, self._measure(backend), f"weight {weight:g}") for backend, weight in self._offers]


class _TwoDrawn:
    """Draws two by weight, two different ones if there are two. The order of a pair is by chance."""

    __slots__ = ("_backends", "_last", "_marks", "_random", "_total")

    def __init__(self, offers: Sequence[Offer], random: chance.Random) -> None:
        self._backends = [backend for backend, _ in offers]
        self._marks = list(accumulate((weight for _, weight in offers), initial=0.0))[1:]
        self._total, self._last, self._random = self._marks[-1], len(offers) - 1, random.random

    def __call__(self) -> tuple[IBackend, IBackend]:
        marks, last = self._marks, self._last
        first = bisect(marks, self._random() * self._total, 0, last)
        start = marks[first - 1] if first else 0.0
        width = marks[first] - start
        place = self._random() * (self._total - width)
        second = bisect(marks, place if place < start else place + width, 0, last)
        return self._backends[first], self._backends[second]


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class PeakEWMA:
    """The likely faster of two that are drawn by weight: least `latency * (active / share + 1)`; a pick is O(log n).

    Its share is its weight over the average weight. One that has not answered yet counts as `initial` seconds fast. One
    that failed (an error of its own, a 429 or a 5xx) counts as `penalty` seconds slow, which fades with a half-life of
    `half_life` seconds: so one that fails at once does not draw all the traffic. Raises `ConfigError`.
    """

    initial: float = 0.03
    penalty: float = 5.0
    half_life: float = 10.0

    name: ClassVar[str] = "peak-ewma"

    def __attrs_post_init__(self) -> None:
        known = is_number(self.initial, above=0)
        told(self, initial=(known, "is not a number of seconds above 0; give one such as 0.03"), **_wrong_penalty(self))

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        return _LikelyFaster(self, weighed(backends), random)


class _LikelyFaster:
    """Compares two by the time they are likely to take, or by what is left of a penalty."""

    __slots__ = ("_draw", "_failures", "_initial", "_shares", "released")

    def __init__(self, settings: PeakEWMA, offers: Sequence[Offer], random: chance.Random) -> None:
        self._initial, self._shares, self._draw = settings.initial, _shares(offers), _TwoDrawn(offers, random)
        self._failures = Failures(settings.penalty, settings.half_life)
        self.released = self._failures.note

    def __call__(self, session: ISession) -> IBackend:
        one, other = self._draw()
        return one if self._cost(one, session.now) <= self._cost(other, session.now) else other

    def explain(self, session: ISession) -> Words:
        """The cost of each, in seconds. The lower of two that are drawn is chosen."""
        return [(each, self._cost(each, session.now), f"share {share:g}") for each, share in self._shares.items()]

    def _cost(self, backend: IBackend, now: float) -> float:
        latency = backend.latency
        slow = self._initial if latency is None else latency
        if self._failures:
            slow = max(slow, self._failures.slow(backend, now))
        return slow * (backend.active / self._shares[backend] + 1)
