"""Backends in turn, as `RoundRobin` has them: all alike, or a heavier one more often; knows no session."""

from __future__ import annotations

import random as chance  # only for the name of a type: chance itself is handed in
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice
from typing import Self

from balancer.interfaces import IBackend, ISession

Offer = tuple[IBackend, float]
"""A backend and its weight, above 0, when the picker was made."""

Words = list[tuple[IBackend, float, str]]
"""What a picker says of backends when it explains itself: a score, and a note."""


class InTurn(partial[IBackend]):
    """Each once a round, from a random one on.

    It is `next` of an endless order, for which a session is but the answer at an end that never comes: so no Python
    runs in a pick, which takes half the time.
    """

    _backends: Sequence[IBackend]

    def __new__(cls, backends: Sequence[IBackend], random: chance.Random) -> Self:
        picker = super().__new__(cls, next, islice(cycle(backends), random.randrange(len(backends)), None))
        picker._backends = backends
        return picker

    def explain(self, _session: ISession) -> Words:
        """All have the same share."""
        return [(backend, 1 / len(self._backends), "in turn") for backend in self._backends]


_Queue = deque[tuple[float, int, IBackend]]
"""What each has paid so far (0 or less), its place as a number that falls, and the backend."""


class Rotation:
    """nginx's smooth weighted round robin, choice for choice.

    At every turn each backend gains its weight, and the one that has most, the first among equals, pays the total and
    is chosen. Backends of one weight gain alike, so among them it is a plain queue and only its head can win.
    """

    __slots__ = ("_offers", "_queues", "_total", "_turn")

    def __init__(self, offers: Sequence[Offer]) -> None:
        queues: dict[float, _Queue] = {}
        for place, (backend, weight) in enumerate(offers):
            queues.setdefault(weight, deque()).append((0.0, -place, backend))
        self._offers, self._queues = offers, list(queues.items())
        self._total = sum(weight for _, weight in offers)
        self._turn = 0

    def __call__(self, _session: ISession | None = None) -> IBackend:
        self._turn += 1
        queue = max(self._queues, key=self._credit)[1]
        paid, place, backend = queue.popleft()
        queue.append((paid - self._total, place, backend))
        return backend

    def explain(self, _session: ISession) -> Words:
        """The share of each."""
        return [(backend, weight / self._total, f"in turn, weight {weight:g}") for backend, weight in self._offers]

    def _credit(self, lane: tuple[float, _Queue]) -> tuple[float, int]:
        """What the head of a queue has now; the place decides among equals."""
        weight, queue = lane
        paid, place, _ = queue[0]
        return weight * self._turn + paid, place
