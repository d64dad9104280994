"""Faulty algorithms that show only in another process, in another pool, after a while or with many backends."""

from __future__ import annotations

import itertools
import random as module_random
import time
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.testing.faulty.listing import Faulty, address


class OwnChance:
    """Draws from Python's own random numbers, which nobody can repeat."""

    name = "own-chance"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return lambda _session: module_random.choice(backends)  # noqa: TID251  that is what is wrong with it


class SharedTurn:
    """Keeps whose turn it is on the class: what one pool does moves all others."""

    name = "shared-turn"
    turn = itertools.count()

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return lambda _session: backends[next(self.turn) % len(backends)]


class HashOfTheProcess:
    """Hashes as Python does, which is different in every process."""

    name = "hash-of-the-process"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return lambda session: backends[hash(session.client[0]) % len(backends)]


class OrderOfASet:
    """Takes names in turn in the order of a set, which is different in every process."""

    name = "order-of-a-set"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        named = {one.name: one for one in backends}
        order = itertools.cycle(list(set(named)))
        return lambda _session: named[next(order)]


class NeverForgets:
    """Remembers the backend of every client there ever was."""

    name = "never-forgets"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        chosen: dict[Any, Any] = {}
        return lambda session: chosen.setdefault(session.client, random.choice(backends))


class _Recording:
    def __init__(self, backends: Sequence[Any], random: Random) -> None:
        self._backends, self._random, self._outcomes = backends, random, list[Any]()

    def __call__(self, _session: Any) -> Any:
        return self._random.choice(self._backends)

    def released(self, backend: Any, outcome: Any) -> None:
        """Keep the time it took."""
        self._outcomes.append(outcome.duration)


class KeepsEveryOutcome:
    """Keeps how long every session took."""

    name = "keeps-every-outcome"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return _Recording(backends, random)


class KeepsEveryBackend:
    """Keeps a line on every backend there ever was, also when addresses come and go."""

    name = "keeps-every-backend"

    def __init__(self) -> None:
        self.known: dict[str, float] = {}

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        self.known.update({one.name: one.weight for one in backends})
        return lambda _session: random.choice(backends)


class Quadratic:
    """Compares each with all others: quick with eight backends, and slow with five hundred."""

    name = "quadratic"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""

        def busier(one: Any) -> int:
            return len([other for other in backends if other.active < one.active])

        return lambda _session: min(backends, key=busier)


class Sleeping:
    """Waits, as one does who asks another machine."""

    name = "sleeping"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""

        def pick(_session: Any) -> Any:
            time.sleep(0.02)  # noqa: TID251  that is what is wrong with it
            return random.choice(backends)

        return pick


class AsksWhileBuilding:
    """Waits for another machine whenever a picker is made."""

    name = "asks-while-building"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        time.sleep(0.02)  # noqa: TID251  that is what is wrong with it
        return lambda _session: random.choice(backends)


class ClockOfItsOwn:
    """Goes by the clock of the machine, where the session says what time it is."""

    name = "clock-of-its-own"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return lambda _session: backends[int(time.time() / 600) % len(backends)]  # noqa: TID251  that is wrong with it


class PlaceInMemory:
    """Goes by where a backend stands in memory, which is elsewhere in every process."""

    name = "place-in-memory"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        order = sorted(backends, key=lambda one: id(one) * 2654435761 % 4294967296)
        return lambda session: order[session.client[1] % len(order)]


class BuildsAtOnce:
    """Fills a large table in one go, while everything else waits."""

    name = "builds-at-once"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        table = [min(backends[place % 7 :: 7] or backends, key=lambda one: one.active) for place in range(20011)]
        return lambda _session: random.choice(table)


class _TakingTurns:
    """Takes a turn when it is asked to explain itself, too."""

    def __init__(self, backends: Sequence[Any]) -> None:
        self.backends, self.turn = backends, 0

    def __call__(self, _session: Any) -> Any:
        """The next."""
        self.turn += 1
        return self.backends[self.turn % len(self.backends)]

    def explain(self, session: Any) -> Any:
        """Which that would be, found out by taking it."""
        return [(self(session), 0.0, "is next")]


class ExplainsByDoing:
    """Takes a turn for each explanation, so that asking where sessions go sends them elsewhere."""

    name = "explains-by-doing"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return _TakingTurns(backends)


class _Ranking:
    def __init__(self, backends: Sequence[Any], random: Random) -> None:
        self._backends, self._random, self._ranks = backends, random, dict[Any, int]()

    def __call__(self, _session: Any) -> Any:
        return self._random.choice(self._backends)

    def responded(self, session: Any, backend: Any, head: Any) -> Any:
        """Rank all anew, for one has answered."""
        for one in self._backends:
            self._ranks[one] = sum(1 for other in self._backends if (other.latency or 0) < (one.latency or 0))
        return head


class RanksWithEachAnswer:
    """Picks quickly, and compares each backend with all others whenever one of them answers."""

    name = "ranks-with-each-answer"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return _Ranking(backends, random)


LASTING = [
    Faulty(OwnChance, "determinism"),
    Faulty(SharedTurn, "determinism"),
    Faulty(HashOfTheProcess, "hash_seeds", {"affinity": address}),
    Faulty(OrderOfASet, "hash_seeds"),
    Faulty(NeverForgets, "memory"),
    Faulty(KeepsEveryOutcome, "memory"),
    Faulty(KeepsEveryBackend, "memory"),
    Faulty(Quadratic, "budget"),
    Faulty(RanksWithEachAnswer, "budget"),
    Faulty(Sleeping, "budget"),
    Faulty(BuildsAtOnce, "budget"),
    Faulty(AsksWhileBuilding, "budget"),
    Faulty(ClockOfItsOwn, "determinism"),
    Faulty(PlaceInMemory, "hash_seeds"),
    Faulty(ExplainsByDoing, "determinism"),
]
