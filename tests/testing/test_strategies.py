"""The strategies: whole, varied, and honest about what they need."""

import sys

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from balancer.testing import FakeBackend, backends, splits


@given(st.binary(max_size=40).flatmap(lambda data: st.tuples(st.just(data), splits(data))))
def test_pieces_make_the_whole(case: tuple[bytes, list[bytes]]) -> None:
    """The pieces are never empty and their join is the data; no data gives no pieces."""
    data, pieces = case
    assert b"".join(pieces) == data
    assert all(pieces)


def test_every_byte_alone() -> None:
    """The split into single bytes is among those tried, and so is none at all."""
    assert find(splits(b"abcdef"), lambda pieces: len(pieces) == 6) == [b"a", b"b", b"c", b"d", b"e", b"f"]
    assert find(splits(b"abcdef"), lambda pieces: len(pieces) == 1) == [b"abcdef"]


@given(backends(min_size=2, max_size=5))
def test_backends_have_names_of_their_own(drawn: list[FakeBackend]) -> None:
    """As many backends as asked for, of different names and addresses, each of a weight above 0."""
    assert 2 <= len(drawn) <= 5
    assert len({backend.name for backend in drawn}) == len({backend.address for backend in drawn}) == len(drawn)
    assert all(backend.weight > 0 for backend in drawn)


def test_without_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Hypothesis the error names the extra to install."""
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(ModuleNotFoundError, match=r"balancer\[testing\]"):
        splits(b"data")
