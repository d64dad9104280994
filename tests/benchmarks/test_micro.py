"""The measurements of single parts: each works, again and again."""

from __future__ import annotations

from functools import partial

import pytest

from benchmarks import micro


@pytest.mark.parametrize("case", micro.cases(), ids=lambda case: case.name)
def test_parts_can_be_measured(case: micro.Case) -> None:
    """Preparing and calling works more than once, and takes time."""
    assert case.measure(repeats=2, calls=3) > 0


def test_every_plain_algorithm_is_measured() -> None:
    """The built-in algorithms that need no settings are found by themselves."""
    names = {algorithm.name for algorithm in micro.algorithms()}
    assert {"round-robin", "random", "least-connections", "power-of-two", "peak-ewma", "source-hash"} <= names


def test_many_routes_cost_no_more_than_a_few() -> None:
    """A choice of five hundred routes takes at most twice as long as one of five."""
    few, many = (micro.Case("", partial(micro.choose, count)).measure(calls=300) for count in (5, 500))
    assert many <= 2 * few
