"""One algorithm for tiers that share sessions out: a picker for each tier, and chance between them.

What becomes of a session is its backend's tier's to know. Refuses to know what the shares come from.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import Any, Final

from balancer.core.backend import Backend
from balancer.core.standing import Standing
from balancer.interfaces import Outcome, Phase

_OPTIONAL: Final = ("released", "responded", "requested", "belongs", "explain")
"""What a picker may have beside the choice itself."""

Make = Callable[[Sequence[Backend]], Any]
"""Makes a picker for some backends, or the work on it."""


class Tiered:
    """An algorithm that has another one choose among the backends of each tier; it has a keeper if that has one."""

    def __init__(self, algorithm: Any, standing: Standing) -> None:
        self.name: Any = getattr(algorithm, "name", algorithm)
        self._algorithm, self._standing = algorithm, standing
        if hasattr(algorithm, "keeper"):
            self.keeper = lambda: _Keeper(algorithm.keeper(), standing)

    def picker(self, backends: Sequence[Backend], random: Random) -> Any:
        """See `IAlgorithm`."""
        return _made(lambda some: self._algorithm.picker(some, random), backends, self._standing, random)


class _Keeper:
    """What such an algorithm keeps for a pool; the backends of other tiers get nothing new of one tier's picker."""

    def __init__(self, keeper: Any, standing: Standing) -> None:
        self._keeper, self._standing = keeper, standing
        if hasattr(keeper, "still"):
            self.still = lambda: _Keeper(keeper.still(), standing)

    def picker(self, backends: Sequence[Backend], others: Sequence[Backend], random: Random) -> Any:
        """See `IKeeper`."""

        def make(some: Sequence[Backend]) -> Any:
            offered = frozenset(some)
            rest = [backend for backend in backends if backend not in offered]
            return self._keeper.picker(some, (*rest, *others), random)

        return _made(make, backends, self._standing, random)


def _made(make: Make, backends: Sequence[Backend], standing: Standing, random: Random) -> Any:
    """The picker, or the work on it, which is one tier's own where there is but one."""
    tiers: dict[int, list[Backend]] = {}
    for backend in backends:
        tiers.setdefault(backend.tier, []).append(backend)
    if len(tiers) < 2:
        return make(tuple(backends))
    return _making(make, tiers, standing.shares, random)


def _making(
    make: Make, tiers: Mapping[int, Sequence[Backend]], shares: Mapping[int, float], random: Random
) -> Generator[None, None, Any]:
    """All the pickers, in the slices that they take."""
    pickers: dict[int, Any] = {}
    for tier in sorted(tiers):
        made = make(tuple(tiers[tier]))
        pickers[tier] = (yield from made) if isinstance(made, Generator) else made
        if not callable(pickers[tier]):
            raise TypeError(f"{pickers[tier]!r} is not a picker: it cannot be called")
    return _Spread(pickers, [shares.get(tier, 0.0) for tier in pickers], random)


class _Spread:
    """The picker: draws a tier, and asks the others in turn where that one has nobody."""

    def __init__(self, pickers: Mapping[int, Any], shares: Sequence[float], random: Random) -> None:
        self._pickers, self._random = pickers, random
        self._tiers, self._sums = list(pickers), list(accumulate(shares))
        self.waits = any(getattr(picker, "waits", False) for picker in pickers.values())
        for name in _OPTIONAL:
            if any(hasattr(picker, name) for picker in pickers.values()):
                setattr(self, name, getattr(self, f"_{name}"))

    def __call__(self, session: Any) -> Backend | None:
        (drawn,) = self._random.choices(self._tiers, cum_weights=self._sums)
        for tier in (drawn, *(other for other in self._tiers if other != drawn)):
            backend: Backend | None = self._pickers[tier](session)
            if backend is not None:
                return backend if self._tier(backend) == tier else self._of_its_own(tier, backend, session)
        return None

    def _tier(self, backend: Backend) -> int:
        """Whose picker looks after it; the lowest tier's after those whose tier has none."""
        return backend.tier if backend.tier in self._pickers else self._tiers[0]

    def _of_its_own(self, tier: int, backend: Backend, session: Any) -> Backend | None:
        """A session that belongs to a backend of another tier is for that tier's picker. Raises `LookupError`."""
        self._tell(tier, backend, Outcome(session.now, 0.0, phase=Phase.PICK, session=session))
        own = self._tier(backend)
        again: Backend | None = self._pickers[own](session)
        if again is not None and self._tier(again) != own:
            raise LookupError(f"{again.name!r} is not of tier {own}, whose picker chose it")
        return again

    def _tell(self, tier: int, backend: Backend, outcome: Outcome) -> None:
        if released := getattr(self._pickers[tier], "released", None):
            released(backend, outcome)

    def _released(self, backend: Backend, outcome: Outcome) -> None:
        self._tell(self._tier(backend), backend, outcome)

    def _responded(self, session: Any, backend: Backend, head: Any) -> Any:
        responded = getattr(self._pickers[self._tier(backend)], "responded", None)
        return head if responded is None else responded(session, backend, head)

    def _requested(self, session: Any, backend: Backend, head: Any) -> Any:
        requested = getattr(self._pickers[self._tier(backend)], "requested", None)
        return head if requested is None else requested(session, backend, head)

    def _belongs(self, session: Any, backend: Backend) -> bool:
        belongs = getattr(self._pickers[self._tier(backend)], "belongs", None)
        return belongs is not None and bool(belongs(session, backend))

    def _explain(self, session: Any) -> list[tuple[Backend, float, str]]:
        asked = (getattr(picker, "explain", None) for picker in self._pickers.values())
        return [word for explain in asked if explain is not None for word in explain(session)]
