"""Failures counted, and told of now and then."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from balancer.core.faults import Faults


@given(st.integers(0, 100))
def test_every_doubling_is_told(failures: int) -> None:
    """Each failure is counted, and those whose number is a power of two are told with their cause."""
    told: list[tuple[str, BaseException]] = []
    faults, error = Faults(lambda what, why: told.append((what, why))), ValueError()
    for _ in range(failures):
        faults.note("filter 'a'", error)
    assert faults.count == failures
    powers = [1 << bit for bit in range(failures.bit_length())]
    assert told == [(f"filter 'a' failed, {number} times so far", error) for number in powers]
