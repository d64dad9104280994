"""Figures of a simulation: what they mean, and that they can be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from balancer.testing.simulation import Result, Share, report


def result(**given: Any) -> Result:
    """Of ten requests to three backends, of which one is a spare."""
    shares = Share("b1", 6, 1, 0.6, 0.75), Share("b2", 4, 0, 0.4, 0.25), Share("spare", 0, 0, 0.0, 0.0)
    told: dict[str, Any] = {
        "algorithm": "mine",
        "requests": 10,
        "seconds": 2.0,
        "latencies": [number / 1000 for number in range(1, 11)],
        "backends": shares,
        "reasons": {"status 500": 1},
        "retries": 2,
        "downs": 3,
        "ejections": 4,
        "panics": 6,
        "waited": 5,
    }
    return Result(**{**told, **given})


def test_what_the_figures_mean() -> None:
    """Half of the requests were over within p50, and the skew is that of the backend with most for its weight."""
    found = result()
    assert (found.p50, found.p90, found.p99) == (0.005, 0.009, 0.01)
    assert (found.errors, found.skew) == pytest.approx((1, 1.6))
    assert found.shares == {"b1": 0.6, "b2": 0.4, "spare": 0.0}


def test_json_has_all_figures() -> None:
    """What is written as JSON is read back as the same figures."""
    read = json.loads(result().to_json())
    assert read == result().figures()
    assert read["backends"][0] == {"name": "b1", "tries": 6, "failed": 1, "share": 0.6, "due": 0.75}
    assert (read["p99"], read["reasons"], read["retries"]) == (0.01, {"status 500": 1}, 2)


def test_it_reads_as_a_table() -> None:
    """One policy is a line of figures, its shares below, and why requests failed."""
    assert (
        str(result())
        == """\
algorithm  p50   p90   p99    skew  errors  retries  waited  downs  ejections  panics
mine       5 ms  9 ms  10 ms  1.60  1       2        5       3      4          6

backend  due    mine
b1       75.0%  60.0% (1 failed)
b2       25.0%  40.0%
spare    0.0%   0.0%

mine: 1 status 500"""
    )


def test_policies_stand_beside_each_other() -> None:
    """Two policies are two lines, and two columns of shares; times over a second are told in seconds."""
    lines = list(report([result(reasons={}), result(algorithm="other", latencies=[2.5], reasons={})]))
    assert [line.split()[:3] for line in lines[1:3]] == [["mine", "5", "ms"], ["other", "2.5", "s"]]
    assert lines[4].split() == ["backend", "due", "mine", "other"]
    assert len(lines) == 8
