"""Consistent hashing: from the hash of a key to a backend, so that few keys move when a backend comes or goes.

A table depends on the names and weights of the backends alone, not on their order, the process or the machine: every
hash is BLAKE2b's, of 8 bytes, big-endian. Refuses to know what a key is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from hashlib import blake2b
from heapq import heapify, heapreplace
from itertools import cycle
from math import isqrt, log
from typing import Any, Final, Protocol

import attrs

from balancer.interfaces import IBackend
from balancer.plugins.rotation import Offer
from balancer.plugins.settings import is_count, told

STEPS: Final = 1024
"""Steps of the work on a table that are one slice: well below a millisecond's."""

MOST_POINTS: Final = 1 << 18
"""Points on a ring, of all backends together."""

_BITS: Final = 64
_ALL: Final = (1 << _BITS) - 1
_ODD: Final = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9)  # the factors of SplitMix64 (Steele, Lea, Flood 2014)


def hashed(data: bytes) -> int:
    """The hash of a key: 64 bits, the same everywhere."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


class Table(Protocol):
    """Made for one snapshot of backends."""

    def owner(self, key: int) -> IBackend:
        """Who has the key of that hash."""

    def heirs(self, key: int) -> Iterator[IBackend]:
        """Who would have it, in turn: the owner, then others, some perhaps more than once and some not at all."""


class Hashing(Protocol):
    """A way of consistent hashing: `Maglev`, `Ketama`, `Rendezvous` or one's own."""

    def table(self, offers: Sequence[Offer]) -> Generator[None, None, Table]:
        """Make the table in slices, for backends with their weights above 0, at least one, in the order of names."""


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, isqrt(number) + 1))


@attrs.frozen
class Maglev:
    """A table of `size` slots, a prime, that the backends claim in turn, as in Google's Maglev (Eisenbud 2016, 3.4).

    A look-up is O(1), and shares are even to a slot or two. When a backend leaves or comes, besides the keys that must
    move some others do, about 1 % with a hundred backends; a larger table moves fewer. Raises `ConfigError`.
    """

    size: int = 65537

    def __attrs_post_init__(self) -> None:
        right = is_count(self.size, 2, 655_373) and _is_prime(self.size)
        told(self, size=(right, "is no prime up to 655373; give one such as 65537"))

    def table(self, offers: Sequence[Offer]) -> Generator[None, None, Table]:
        """See `Hashing`."""
        slots: list[Any] = [None] * self.size
        seeds = [blake2b(_name(backend), digest_size=16).digest() for backend, _ in offers]
        places = [int.from_bytes(seed[:8], "big") % self.size for seed in seeds]
        skips = [int.from_bytes(seed[8:], "big") % (self.size - 1) + 1 for seed in seeds]
        turns, steps, left = _turns([weight for _, weight in offers]), 0, self.size
        turn = next(turns)
        while left:
            place = places[turn]
            places[turn] = (place + skips[turn]) % self.size
            if slots[place] is None:
                slots[place] = offers[turn][0]
                turn = next(turns)
                left -= 1
            steps += 1
            if not steps % STEPS:
                yield
        return _Slots(slots)


def _name(backend: IBackend) -> bytes:
    return backend.name.encode("utf-8", "surrogatepass")


def _turns(weights: Sequence[float]) -> Iterator[int]:
    """Whose turn it is, without end: each once a round, or as often as its weight says, evenly spread."""
    if len(set(weights)) == 1:
        yield from cycle(range(len(weights)))
    due = [(1 / weight, turn, 1) for turn, weight in enumerate(weights)]
    heapify(due)
    while True:
        _, turn, had = due[0]
        yield turn
        heapreplace(due, ((had + 1) / weights[turn], turn, had + 1))


class _Slots:
    """What Maglev makes."""

    __slots__ = ("_size", "_slots")

    def __init__(self, slots: Sequence[IBackend]) -> None:
        self._slots, self._size = slots, len(slots)

    def owner(self, key: int) -> IBackend:
        return self._slots[key % self._size]

    def heirs(self, key: int) -> Iterator[IBackend]:
        return (self._slots[(key + step) % self._size] for step in range(self._size))


@attrs.frozen
class Ketama:
    """A ring with `points` for each backend and unit of weight, as libketama, nginx and Envoy (`ring_hash`) have it.

    A look-up is O(log n), and only the keys move that must. Shares are less even: with 160 points the largest is some
    10 % to 20 % above what the weights say. Where there would be more than 262144 points in all, each backend has half
    as many, or a quarter, and so on. Raises `ConfigError`.
    """

    points: int = 160

    def __attrs_post_init__(self) -> None:
        told(self, points=(is_count(self.points, 1, 10_000), "is not a number of points from 1 to 10000; give 160"))

    def table(self, offers: Sequence[Offer]) -> Generator[None, None, Table]:
        """See `Hashing`."""
        points, total = float(self.points), sum(weight for _, weight in offers)
        while points * total > MOST_POINTS:
            points /= 2
        steps, width, arcs = 0, len(offers).bit_length(), [list[int]() for _ in range(256)]
        for place, (backend, weight) in enumerate(offers):
            for mark in _marks(_name(backend), max(1, round(points * weight))):
                arcs[mark >> _BITS - 8].append(mark << width | place)
                steps += 1
                if not steps % STEPS:
                    yield
        ring = _Ring()
        for arc in arcs:
            steps += len(arc)
            ring.extend(sorted(arc), offers, width)
            arc.clear()
            if steps >= STEPS:
                steps = 0
                yield
        return ring


def _marks(name: bytes, count: int) -> Iterator[int]:
    """Where the first so many points of a backend are: each hash gives eight."""
    for place in range(count):
        if not place % 8:
            digest = blake2b(b"%b\0%d" % (name, place // 8)).digest()
        start = place % 8 * 8
        yield int.from_bytes(digest[start : start + 8], "big")


class _Ring:
    """What Ketama makes: a key belongs to the first point that is not below it."""

    __slots__ = ("_marks", "_owners")

    def __init__(self) -> None:
        self._marks = array("Q")  # a quarter of a million of Python's own numbers take 5 ms to free
        self._owners: list[IBackend] = []

    def extend(self, points: Sequence[int], offers: Sequence[Offer], width: int) -> None:
        """Add points that follow, each with its mark in front of so many bits for the place of its owner."""
        place = (1 << width) - 1
        self._marks.extend(point >> width for point in points)
        self._owners += [offers[point & place][0] for point in points]

    def owner(self, key: int) -> IBackend:
        place = bisect_left(self._marks, key)
        return self._owners[place if place < len(self._owners) else 0]

    def heirs(self, key: int) -> Iterator[IBackend]:
        first, size = bisect_left(self._marks, key), len(self._owners)
        return (self._owners[place % size] for place in range(first, first + size))


@attrs.frozen
class Rendezvous:
    """The backend with the highest score for the key (Thaler and Ravishankar 1998), weighted by its logarithm.

    No table is made, only the keys move that must, and shares are as even as chance has it. A look-up is O(n): for up
    to some thirty backends.
    """

    def table(self, offers: Sequence[Offer]) -> Generator[None, None, Table]:
        """See `Hashing`."""
        yield from ()
        return _Scores(offers)


class _Scores:
    """What Rendezvous makes."""

    __slots__ = ("_alike", "_offers", "_seeds")

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers = offers
        self._seeds = [hashed(_name(backend)) for backend, _ in offers]
        self._alike = len({weight for _, weight in offers}) == 1

    def owner(self, key: int) -> IBackend:
        scores = self._scores(key)
        return self._offers[scores.index(max(scores))][0]

    def heirs(self, key: int) -> Iterator[IBackend]:
        scores = self._scores(key)
        return (self._offers[place][0] for place in sorted(range(len(scores)), key=scores.__getitem__, reverse=True))

    def _scores(self, key: int) -> Sequence[float]:
        one, two = _ODD
        halves = [(key ^ seed) * one & _ALL for seed in self._seeds]
        mixed = [(half ^ half >> 32) * two & _ALL for half in halves]
        if self._alike:
            return mixed
        return [
            -weight / log(((each >> 12) + 0.5) / 2**52) for each, (_, weight) in zip(mixed, self._offers, strict=True)
        ]
