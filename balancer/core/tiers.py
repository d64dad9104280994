"""Which tiers of a pool serve, and what share of its sessions each has; looks at no session, and draws nothing.

With a spill it is Envoy's arithmetic for priorities: a tier that loses backends keeps all sessions as long as those
left are enough by that factor, and hands the rest to the next tier. Shares are exact, not rounded to whole percents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from typing import Final

import attrs

from balancer.core.backend import Backend

FINEST: Final = 10_000
"""A spill is taken as a fraction with a denominator of at most so much, so that sums are exact."""


@attrs.frozen
class Tier:
    """How many backends it has in all, how many of these are open (not draining, of some weight), and fit as well."""

    number: int
    total: int
    open: int
    fit: int

    def health(self, spill: float) -> Fraction:
        """The share of all sessions that it can take, 1 at most."""
        return min(Fraction(1), Fraction(spill).limit_denominator(FINEST) * self.fit / self.total)


def tiers_of(backends: Iterable[Backend]) -> list[Tier]:
    """The tiers of these, lowest first."""
    total, is_open, fit = Counter[int](), Counter[int](), Counter[int]()
    for backend in backends:
        total[backend.tier] += 1
        if not backend.drains and backend.weight > 0:
            is_open[backend.tier] += 1
            fit[backend.tier] += backend.fit
    return [Tier(number, total[number], is_open[number], fit[number]) for number in sorted(total)]


def shares(tiers: Sequence[Tier], spill: float | None, panicking: Collection[int] = ()) -> dict[int, float]:
    """What share of the sessions each tier has, of those that have any; of no tier at all if none can serve.

    Without a spill the lowest tier that has anybody fit has them all. In a panic of all tiers sessions are shared out
    by the numbers of those that are open.
    """
    weights = _weights(tiers, spill, panicking)
    whole = sum(weights.values())
    return {number: float(weight / whole) for number, weight in weights.items() if weight}


def _weights(tiers: Sequence[Tier], spill: float | None, panicking: Collection[int]) -> dict[int, Fraction]:
    able = [tier for tier in tiers if tier.open]
    if spill is None:
        serving = [tier for tier in able if tier.fit] or [tier for tier in able if tier.number in panicking]
        return {tier.number: Fraction(1) for tier in serving[:1]}
    if all(tier.number in panicking for tier in able):
        return {tier.number: Fraction(tier.open) for tier in able}
    return _spilled(able, spill)


def _spilled(tiers: Sequence[Tier], spill: float) -> dict[int, Fraction]:
    """Each tier has what the lower ones leave, as far as it can take it."""
    weights, left = {}, Fraction(1)
    for tier in tiers:
        weights[tier.number] = min(left, tier.health(spill))
        left -= weights[tier.number]
    return weights
