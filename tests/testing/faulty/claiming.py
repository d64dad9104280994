"""Faulty algorithms that do not do what they claim: keep loads level, honour weights, be faithful to a key."""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.testing.faulty.listing import Faulty, address


class NegativeCounts:
    """Forgets the count of a backend that leaves; the sessions that end there afterwards take it below zero.

    SkyPilot's issue 10444: from then on the backend that came back drew more than its share.
    """

    name = "negative-counts"

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        self.counts = {one.name: self.counts.get(one.name, 0) for one in backends}
        return _Counting(backends, self.counts)


class _Counting:
    """Picks the least of its own counts."""

    def __init__(self, backends: Sequence[Any], counts: dict[str, int]) -> None:
        self._backends, self._counts = backends, counts

    def __call__(self, _session: Any) -> Any:
        chosen = min(self._backends, key=lambda one: self._counts.get(one.name, 0))
        self._counts[chosen.name] = self._counts.get(chosen.name, 0) + 1
        return chosen

    def released(self, backend: Any, outcome: Any) -> None:
        """One fewer."""
        self._counts[backend.name] = self._counts.get(backend.name, 0) - 1


class _CountingSuccesses(_Counting):
    def released(self, backend: Any, outcome: Any) -> None:
        """One fewer, if it ended well."""
        if outcome.error is None:
            super().released(backend, outcome)


class NeverBalanced:
    """Counts what fails as active for ever."""

    name = "never-balanced"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return _CountingSuccesses(backends, {})


class LostOnRebuild:
    """Counts for itself, and from nothing again whenever the picker is rebuilt, whatever is still alive."""

    name = "lost-on-rebuild"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return _Counting(backends, {})


class FrozenLoads:
    """Looks at who is busy when the picker is made, and never again."""

    name = "frozen-loads"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        order = sorted(backends, key=lambda one: one.active)
        return lambda _session: order[0]


class Favourite:
    """Settles on one: of four backends it draws 94 %.

    LiteLLM's issue 40401: the one that was first to be measured kept winning.
    """

    name = "favourite"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        favourite = random.choice(backends)
        return lambda _session: favourite if random.random() < 0.92 else random.choice(backends)


class IgnoresWeights:
    """Takes all in turn, and claims to honour weights."""

    name = "ignores-weights"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        order = itertools.islice(itertools.cycle(backends), random.randrange(len(backends)), None)
        return lambda _session: next(order)


class WeightsAtFirst:
    """Notes the weight of a backend when it first sees it; what an operator changes later does not count."""

    name = "weights-at-first"

    def __init__(self) -> None:
        self.weights: dict[str, float] = {}

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        weights = [self.weights.setdefault(one.name, one.weight) for one in backends]
        return lambda _session: random.choices(backends, weights)[0]


class StarvesTheLast:
    """Draws a place from one too few: the last backend never gets anything."""

    name = "starves-the-last"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        several = backends[:-1] or backends
        return lambda _session: random.choices(several, [one.weight for one in several])[0]


class CountsOnlyGrow:
    """Evens out the totals ever served, so that one that returns gets everything until it has caught up."""

    name = "counts-only-grow"

    def __init__(self) -> None:
        self.served = Counter[str]()

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""

        def pick(_session: Any) -> Any:
            chosen = min(backends, key=lambda one: self.served[one.name])
            self.served[chosen.name] += 1
            return chosen

        return pick


class KeyedByPort:
    """Says that it goes by the client's address, and goes by the port too, which is another each time."""

    name = "keyed-by-port"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return lambda session: backends[zlib.crc32(repr(session.client).encode()) % len(backends)]


class Modulo:
    """Hashes by the number of backends: when one leaves, nearly all keys move."""

    name = "modulo"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return lambda session: backends[zlib.crc32(session.client[0].encode()) % len(backends)]


class RandomKeys:
    """Builds its table anew from chance each time: a key has another backend after every rebuild."""

    name = "random-keys"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        table = [random.choice(backends) for _ in range(64)]
        return lambda session: table[zlib.crc32(session.client[0].encode()) % len(table)]


CLAIMING = [
    Faulty(NegativeCounts, "load_bound", {"load_bound": 1}),
    Faulty(NeverBalanced, "load_bound", {"load_bound": 1}),
    Faulty(LostOnRebuild, "load_bound", {"load_bound": 1}),
    Faulty(FrozenLoads, "load_bound", {"load_bound": 1}),
    Faulty(CountsOnlyGrow, "load_bound", {"load_bound": 1}),
    Faulty(Favourite, "weights", {"weighted": True}),
    Faulty(IgnoresWeights, "weights", {"weighted": True}),
    Faulty(WeightsAtFirst, "weights", {"weighted": True}),
    Faulty(StarvesTheLast, "weights", {"weighted": True}),
    Faulty(KeyedByPort, "affinity", {"affinity": address}),
    Faulty(RandomKeys, "affinity", {"affinity": address}),
    Faulty(Modulo, "movement", {"affinity": address, "movement": 0.02}),
]
