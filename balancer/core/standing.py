"""Which of a pool's backends serve now where tiers share sessions out, or panic may set health aside; draws nothing.

Refuses to know what sessions are for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from balancer.core.backend import Backend
from balancer.core.panic import panicking
from balancer.core.tiers import Tier, shares, tiers_of


class Standing:
    """The standing of some backends as of the last time that it was settled.

    `shares` are those of the tiers that serve, `panicking` the tiers of these in which all that are open do, fit or
    not, and `panics` counts how often one has begun to. `changed` is told what, by which rule, and on what evidence.
    """

    def __init__(
        self,
        backends: Sequence[Backend],
        *,
        spill: float | None,
        panic: float | None,
        changed: Callable[[str, str, str], object],
    ) -> None:
        self.shares: Mapping[int, float] = {}
        self.panicking, self.panics = frozenset[int](), 0
        self._backends, self._spill, self._threshold, self._changed = backends, spill, panic, changed

    def settle(self) -> None:
        """What makes backends usable has changed: say anew who serves, and press or release those that are not fit."""
        tiers, before = tiers_of(self._backends), self.panicking
        found = frozenset[int]() if self._threshold is None else panicking(tiers, self._threshold, self._spill)
        self.shares = shares(tiers, self._spill, found)
        self.panicking = found & self.shares.keys()
        for backend in self._backends:
            pressed = backend.tier in self.panicking
            if backend.pressed is not pressed:
                backend.become(pressed=pressed)
        for tier in tiers:
            if (tier.number in before) is not (tier.number in self.panicking):
                self._tell(tier, began=tier.number in self.panicking)

    def eligible(self) -> list[Backend]:
        """Those that serve, in the order of the config."""
        return [backend for backend in self._backends if backend.usable and backend.tier in self.shares]

    def _tell(self, tier: Tier, *, began: bool) -> None:
        self.panics += began
        what = "panic: all backends are used, up or not" if began else "the panic is over"
        evidence = f"{tier.fit} of {tier.open} are fit"
        self._changed(f"tier {tier.number}: {what}", f"panic={self._threshold:g}", evidence)
