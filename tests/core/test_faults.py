"""Failures counted, and told of now and then."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from balancer.core.faults import Faults, Tally, named


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


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_each_kind_is_told_for_itself(kinds: list[str]) -> None:
    """What befell sessions is counted kind by kind, and a flood of one kind hides no other."""
    told: list[str] = []
    tally = Tally(told.append)
    for kind in kinds:
        tally.note(kind, f"it was {kind}")
    assert tally.counts == Counter(kinds)
    for kind in "abc":
        powers = [1 << bit for bit in range(kinds.count(kind).bit_length())]
        assert [line for line in told if kind in line.split()[2]] == [f"it was {kind}, {one} so far" for one in powers]


def test_what_cannot_be_shown_is_named_by_its_type() -> None:
    """An object whose `repr` fails is named all the same, so that its failure can be told."""

    class Shy:
        def __repr__(self) -> str:
            raise SystemExit

    assert (named(Shy()), named("plain")) == ("<Shy>", "'plain'")
