"""When so few backends are fit that health is not to be believed: then all of a tier serve, rather than a few die.

The rule is Envoy's panic threshold. Refuses to know what made the others unfit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from balancer.core.tiers import Tier

ENOUGH: Final = 1.4
"""Tiers are enough together while their fit backends, so many times over, make up for all. Envoy's factor."""


def panicking(tiers: Sequence[Tier], threshold: float, spill: float | None = None) -> frozenset[int]:
    """The tiers of whose open backends less than that share is fit, while all tiers together cannot take everything.

    `spill` is the factor by which a tier that loses some keeps its sessions; `ENOUGH` where there is none.
    """
    if sum(tier.health(spill or ENOUGH) for tier in tiers) >= 1:
        return frozenset()
    return frozenset(tier.number for tier in tiers if tier.fit < threshold * tier.open)
