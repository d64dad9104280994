"""The everyday balancing policies: in turn, at random, to the least busy; each honours weights.

They look at weight and active sessions, never at the session, and know nothing of health, of retries or of limits:
which backends are eligible is the pool's business, and whatever a picker chooses was offered to it.
"""

from __future__ import annotations

import random as chance  # only for the name of a type: chance itself is handed in
from collections import deque
from collections.abc import Sequence
from itertools import accumulate, cycle, islice
from typing import ClassVar, Final

import attrs
from twisted.plugin import IPlugin
from zope.interface import implementer, provider

from balancer.interfaces import IAlgorithm, IAlgorithmPlugin, IBackend, ISession, Picker

LEAD: Final = 1024
"""The most comparisons spent on finding a random place to start in a weighted rotation."""

Offer = tuple[IBackend, float]
"""A backend and its weight, above 0, when the picker was made."""


def _offers(backends: Sequence[IBackend]) -> list[Offer]:
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
        offers = _offers(backends)
        distinct = len({weight for _, weight in offers})
        if distinct == 1:
            return _in_turn([backend for backend, _ in offers], random)
        rotation = _Rotation(offers)
        for _ in range(random.randrange(max(1, LEAD // distinct))):
            rotation()
        return rotation


def _in_turn(backends: Sequence[IBackend], random: chance.Random) -> Picker:
    order = islice(cycle(backends), random.randrange(len(backends)), None)
    return lambda _session: next(order)


_Queue = deque[tuple[float, int, IBackend]]
"""What each has paid so far (0 or less), its place as a number that falls, and the backend."""


class _Rotation:
    """nginx's smooth weighted round robin, choice for choice.

    At every turn each backend gains its weight, and the one that has most, the first among equals, pays the total and
    is chosen. Backends of one weight gain alike, so among them it is a plain queue and only its head can win.
    """

    __slots__ = ("_queues", "_total", "_turn")

    def __init__(self, offers: Sequence[Offer]) -> None:
        queues: dict[float, _Queue] = {}
        for place, (backend, weight) in enumerate(offers):
            queues.setdefault(weight, deque()).append((0.0, -place, backend))
        self._queues = list(queues.items())
        self._total = sum(weight for _, weight in offers)
        self._turn = 0

    def __call__(self, _session: ISession | None = None) -> IBackend:
        self._turn += 1
        queue = max(self._queues, key=self._credit)[1]
        paid, place, backend = queue.popleft()
        queue.append((paid - self._total, place, backend))
        return backend

    def _credit(self, lane: tuple[float, _Queue]) -> tuple[float, int]:
        """What the head of a queue has now; the place decides among equals."""
        weight, queue = lane
        paid, place, _ = queue[0]
        return weight * self._turn + paid, place


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class Random:
    """Any of them, in proportion to the weights; a pick is O(log n)."""

    name: ClassVar[str] = "random"

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        offers = _offers(backends)
        cumulative = list(accumulate(weight for _, weight in offers))
        return lambda _session: random.choices(offers, cum_weights=cumulative)[0][0]


@provider(IPlugin, IAlgorithmPlugin)
@implementer(IAlgorithm)
@attrs.frozen
class LeastConnections:
    """The one with the fewest active sessions for its weight; a pick is O(n).

    Among those equally busy it draws by weight, so that an idle pool honours the weights too.
    """

    name: ClassVar[str] = "least-connections"

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        return _LeastBusy(_offers(backends), random)


class _LeastBusy:
    """Compares `active / weight`: division is correctly rounded, so loads that are equal as fractions tie."""

    __slots__ = ("_offers", "_random")

    def __init__(self, offers: Sequence[Offer], random: chance.Random) -> None:
        self._offers, self._random = offers, random

    def __call__(self, _session: ISession) -> IBackend:
        loads = [backend.active / weight for backend, weight in self._offers]
        least = min(loads)
        tied = [offer for offer, load in zip(self._offers, loads, strict=True) if load == least]
        if len(tied) == 1:
            return tied[0][0]
        return self._random.choices(tied, [weight for _, weight in tied])[0][0]

    def explain(self, _session: ISession) -> list[tuple[IBackend, float, str]]:
        """The load of each: active sessions for one of weight. The lowest is chosen."""
        return [(backend, backend.active / weight, f"weight {weight:g}") for backend, weight in self._offers]
