"""Faulty algorithms that go wrong only with sessions that come again, or among backends of different weights."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from hashlib import sha256
from random import Random
from typing import Any

from tests.testing.faulty.listing import Faulty


class KeepsRetries:
    """Keeps a note of every session that tried another backend before."""

    name = "keeps-retries"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        notes: list[Any] = []

        def pick(session: Any) -> Any:
            if session.tried:
                notes.append((session.now, session.client))
            return random.choice(backends)

        return pick


class PairsOnRetries:
    """Compares all with all for a session that tried another backend before."""

    name = "pairs-on-retries"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""

        def pick(session: Any) -> Any:
            if not session.tried:
                return random.choice(backends)
            left = [one for one in backends if one not in session.tried]
            return max(left, key=lambda one: sum(one.active <= other.active for other in left), default=None)

        return pick


class TableOfOnePicker:
    """Remembers which backend a client has, in a picker, and so until there is another picker."""

    name = "table-of-one-picker"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        table: dict[str, Any] = {}
        return lambda session: table.setdefault(session.client[0], random.choice(backends))


class PointsByShare:
    """Gives each backend points on a ring for its share of all weights, which changes with everybody else's."""

    name = "points-by-share"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        all_of_it = sum(one.weight for one in backends)
        points = sorted(
            (_hash(f"{one.name} {number}"), place)
            for place, one in enumerate(backends)
            for number in range(int(60 * len(backends) * one.weight / all_of_it) + 1)
        )
        ring = [point for point, _ in points]
        return lambda session: backends[points[bisect(ring, _hash(session.client[0])) % len(ring)][1]]


def _hash(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


class OneByteTurn:
    """Counts its turns in a byte, and is one too far when that is full."""

    name = "one-byte-turn"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        turn = 0

        def pick(session: Any) -> Any:
            nonlocal turn
            turn = (turn + 1) % 256
            return backends[turn % len(backends) if turn else len(backends)]

        return pick


COMING_AGAIN = [
    Faulty(KeepsRetries, "memory"),
    Faulty(PairsOnRetries, "budget"),
    Faulty(TableOfOnePicker, "affinity", {"affinity": True}),
    Faulty(PointsByShare, "movement", {"affinity": True, "movement": 0.01}),
    Faulty(OneByteTurn, "safety"),
]
