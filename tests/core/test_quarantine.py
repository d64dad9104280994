"""Trust: lost by faults in a row, on probation after a rest."""

from __future__ import annotations

from itertools import pairwise

from balancer.core.quarantine import IN_A_ROW, LONGEST, REST, Trust


def faults(trust: Trust, count: int) -> list[float]:
    """What comes of so many faults."""
    return [trust.fault() for _ in range(count)]


def test_faults_in_a_row_are_needed() -> None:
    """All but the last of so many faults in a row change nothing."""
    assert faults(Trust(), IN_A_ROW) == [0.0] * (IN_A_ROW - 1) + [REST]


def test_on_probation_one_fault_is_enough() -> None:
    """After a rest every fault brings another, twice as long up to the longest."""
    trust = Trust()
    faults(trust, IN_A_ROW)
    rests = [REST, *faults(trust, 50)]
    assert all(later == min(LONGEST, 2 * rest) for rest, later in pairwise(rests))
