"""Faulty algorithms that go wrong where tiers, health and failures decide who is offered, and all is well elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from tests.testing.faulty.listing import Faulty


class OnlyThoseUp:
    """Looks once more for those that are up, and in a panic those that are offered are down."""

    name = "only-those-up"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return lambda _session: random.choice([one for one in backends if one.state == "up"])


class FirstTierOnly:
    """Sets the spares aside, and when the others are down only spares are left."""

    name = "first-tier-only"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        first = [one for one in backends if one.tier == 0]
        return lambda _session: min(first, key=lambda one: one.active)


class _Blaming:
    def __init__(self, backends: Sequence[Any], random: Random) -> None:
        self._backends, self._random, self._failures = backends, random, list[Any]()

    def __call__(self, _session: Any) -> Any:
        return self._random.choice(self._backends)

    def released(self, backend: Any, outcome: Any) -> None:
        """Write down what failed."""
        if outcome.error is not None:
            self._failures.append((backend, outcome.now))


class KeepsEveryFailure:
    """Keeps every failure there ever was, and nothing of what went well."""

    name = "keeps-every-failure"

    def picker(self, backends: Sequence[Any], random: Random) -> Any:
        """See `IAlgorithm`."""
        return _Blaming(backends, random)


SHARING = [
    Faulty(OnlyThoseUp, "safety"),
    Faulty(FirstTierOnly, "safety"),
    Faulty(KeepsEveryFailure, "memory"),
]
