"""Whom the rates of an interval show to be worse than its group."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.core.outlier_counts import Record, Stage
from balancer.core.outlier_rates import standing_out
from balancer.core.outlier_rules import FailureShare, Rules, SuccessRate
from tests.core.policies import backend

RATE = SuccessRate(deviations=1.9, gap=0.1, requests=100, backends=5)
SHARE = FailureShare(share=0.85, requests=50, backends=5)


def group(*rates: tuple[int, int]) -> list[Record]:
    """Backends with so many sessions that ended well, and badly."""
    return [ended(Record(backend(f"b{number}")), *counts) for number, counts in enumerate(rates)]


def ended(record: Record, well: int, badly: int) -> Record:
    """The record after so many sessions."""
    record.well, record.badly = well, badly
    return record


def found(records: list[Record], **rules: Any) -> list[tuple[str, str]]:
    """The names of those that stand out, each with the rule."""
    return [(record.backend.name, verdict.rule) for record, verdict in standing_out(Rules({}, **rules), records)]


@pytest.mark.parametrize(("last", "stands_out"), [(60, True), (90, False)])
def test_a_low_success_rate_stands_out(last: int, stands_out: bool) -> None:
    """Of five backends the one far below the others is found, with the evidence, and one a little below is not."""
    records = group((100, 0), (100, 0), (100, 0), (98, 2), (last, 100 - last))
    assert found(records, success_rate=RATE) == [("b4", "success_rate")] * stands_out


def test_what_is_said_of_a_low_rate() -> None:
    """A verdict tells the rate, what the group allows, and how many sessions they are of."""
    records = group((100, 0), (100, 0), (100, 0), (100, 0), (60, 40))
    [(_, verdict)] = standing_out(Rules({}, success_rate=RATE), records)
    assert verdict.why == "success rate 60.0%, less than 61.6%"
    assert verdict.evidence == "60 of 100 sessions ended well"


@pytest.mark.parametrize("rule", [{"success_rate": RATE}, {"failure_share": SHARE}])
def test_too_small_a_group_is_not_judged(rule: dict[str, SuccessRate | FailureShare]) -> None:
    """Four backends are too few, and so are five of which one had too few sessions, or is ejected."""
    bad, good, rare = (0, 1000), (1000, 0), (0, 49)
    assert found(group(bad, good, good, good), **rule) == []
    assert found(group(bad, good, good, good, rare), **rule) == []
    records = group(bad, good, good, good, good)
    assert [name for name, _ in found(records, **rule)] == ["b0"]
    records[0].enter(Stage.OUT, 0.0)
    assert found(records, **rule) == []


@pytest.mark.parametrize(("badly", "stands_out"), [(85, True), (84, False)])
def test_a_large_share_of_failures_stands_out(badly: int, stands_out: bool) -> None:
    """From 85 % on a backend is found, whatever the others are like."""
    records = group(*[(100 - badly, badly)] * 5)
    assert found(records, failure_share=SHARE) == [(f"b{number}", "failure_share") for number in range(5)] * stands_out


def test_the_worst_comes_first() -> None:
    """Where only some may be ejected it is the worst of them."""
    records = group((10, 90), (5, 95), (0, 100), (100, 0), (100, 0))
    assert found(records, failure_share=SHARE) == [(f"b{number}", "failure_share") for number in (2, 1, 0)]


def test_no_rule_finds_nobody() -> None:
    """What is off finds nobody."""
    assert found(group(*[(0, 1000)] * 9)) == []
