"""Makes the pickers of one pool: by its algorithm, or by what the algorithm keeps for that pool as long as it lives.

Refuses to contain what goes wrong in them; see `core.pickers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from balancer.core.backend import Backend


class Maker:
    """An algorithm as one pool asks it. `keeps` tells whether it has a keeper, see `IAlgorithm`."""

    def __init__(self, algorithm: Any, members: Iterable[Backend]) -> None:
        self.keeps = hasattr(algorithm, "keeper")
        self._algorithm: Any = algorithm
        self._keeper: Any = None
        self._members = tuple(members)

    def picker(self, backends: Sequence[Backend], random: Random) -> Any:
        """What should be a picker for these, or the work on it. Raises what the algorithm raises."""
        if not self.keeps:
            return self._algorithm.picker(tuple(backends), random)
        if self._keeper is None:
            self._keeper = self._algorithm.keeper()
        offered = frozenset(backends)
        others = tuple(backend for backend in self._members if backend not in offered)
        return self._keeper.picker(tuple(backends), others, random)
