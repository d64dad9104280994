"""Who watches how the sessions of a pool end, from what a user wrote, and what follows; judges no session itself."""

from __future__ import annotations

from functools import partial

import attrs

from balancer import config as nouns
from balancer.assembly.changes import judged, settle_connections
from balancer.assembly.parts import Parts
from balancer.config.ejection import ROWS
from balancer.core.outlier_rules import FailureShare, Rules, SuccessRate
from balancer.core.outliers import EJECTED, Change, Outliers


def make_outliers(parts: Parts, settings: nouns.Pool, ejection: nouns.Ejection) -> Outliers:
    """Who ejects the backends of a pool, which has been made."""
    return Outliers(
        rules(ejection.within(len(settings.backends))),
        parts.pools[settings],
        later=parts.reactor.callLater,
        told=partial(_changed, parts, settings),
    )


def rules(ejection: nouns.Ejection) -> Rules:
    """The same as the core has it."""
    rate, failures = ejection.success_rate, ejection.failure_share
    return Rules(
        {name: getattr(ejection, name) for name in ROWS if getattr(ejection, name) is not None},
        success_rate=None if rate is None else SuccessRate(**attrs.asdict(rate)),
        failure_share=None if failures is None else FailureShare(**attrs.asdict(failures)),
        observed=ejection.observed,
        every=ejection.every,
        time=ejection.time,
        longest=ejection.longest,
        jitter=ejection.jitter,
        most=ejection.most,
        trials=ejection.trials,
        back_by_check=ejection.back_by_check,
    )


def _changed(parts: Parts, settings: nouns.Pool, change: Change) -> None:
    """Tell of it at once, and do the rest in the next turn: it may be in the middle of a session's end."""
    judged(parts, settings, change)
    parts.reactor.callLater(0, _follow, parts, settings, change)


def _follow(parts: Parts, settings: nouns.Pool, change: Change) -> None:
    """Have the connections to it that it is to have now, and checks look at once at one that was ejected."""
    if parts.pools[settings].watch is None:
        return  # the balancer stops
    settle_connections(parts, settings, change.backend)
    if change.what == EJECTED:
        for checks in parts.checks:
            checks.hurry(change.backend)
