"""Which backends stand out from their group by how the sessions of one interval ended; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from balancer.core.outlier_counts import Record, Stage
from balancer.core.outlier_rules import FailureShare, Rules, SuccessRate, Verdict


def standing_out(rules: Rules, records: Sequence[Record]) -> Iterator[tuple[Record, Verdict]]:
    """Each backend that a rule wants ejected, rule by rule and the worst first, and what it says of it.

    What one rule had ejected is not in the group of the next.
    """
    if rules.success_rate is not None:
        yield from _below(rules.success_rate, _group(records, rules.success_rate))
    if rules.failure_share is not None:
        yield from _above(rules.failure_share, _group(records, rules.failure_share))


def _group(records: Sequence[Record], rule: SuccessRate | FailureShare) -> list[Record]:
    """Those in use with enough sessions to be compared, the worst first; empty if they are too few."""
    group = [one for one in records if one.stage is Stage.IN and one.ends >= rule.requests]
    return sorted(group, key=lambda one: one.rate) if len(group) >= rule.backends else []


def _below(rule: SuccessRate, group: list[Record]) -> Iterator[tuple[Record, Verdict]]:
    rates = [record.rate for record in group]
    least = rule.least(rates) if rates else 0.0
    for record, rate in zip(group, rates, strict=True):
        if rate < least:
            evidence = f"{record.well} of {record.ends} sessions ended well"
            yield record, Verdict("success_rate", f"success rate {rate:.1%}, less than {least:.1%}", evidence)


def _above(rule: FailureShare, group: list[Record]) -> Iterator[tuple[Record, Verdict]]:
    for record in group:
        if record.badly >= rule.share * record.ends:
            evidence = f"{record.badly} of {record.ends} sessions failed"
            yield record, Verdict("failure_share", f"failure share {record.badly / record.ends:.1%}", evidence)
