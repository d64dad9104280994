"""Trust: lost by faults in a row, on probation after a rest, regained by what goes well."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from balancer.core.quarantine import IN_A_ROW, LONGEST, REST, Trust


def faults(trust: Trust, count: int) -> list[float]:
    """What comes of so many faults."""
    return [trust.fault() for _ in range(count)]


def test_faults_in_a_row_are_needed() -> None:
    """All but the last of so many faults in a row change nothing."""
    assert faults(Trust(), IN_A_ROW) == [0.0] * (IN_A_ROW - 1) + [REST]


@given(st.lists(st.integers(0, IN_A_ROW - 1)))
def test_what_works_now_and_then_is_never_left_alone(rows: list[int]) -> None:
    """Faults with something between them that went well never add up."""
    trust = Trust()
    for count in rows:
        assert not any(faults(trust, count))
        trust.regain()


def test_on_probation_one_fault_is_enough() -> None:
    """After a rest every fault brings another, twice as long up to the longest."""
    trust = Trust()
    faults(trust, IN_A_ROW)
    rests = [REST, *faults(trust, 50)]
    assert all(later == min(LONGEST, 2 * rest) for rest, later in pairwise(rests))


def test_trust_is_regained_at_once() -> None:
    """When something has gone well all is as in the beginning."""
    trust = Trust()
    faults(trust, 3 * IN_A_ROW)
    trust.regain()
    assert faults(trust, IN_A_ROW) == [0.0] * (IN_A_ROW - 1) + [REST]
