"""The bound of bodies: known at once where a length is declared, and else as soon as it is passed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.allowance import allowance
from balancer.core.messages import END, RequestHead
from balancer.errors import RequestRefused


@pytest.mark.parametrize(("length", "most"), [(0, 0), (5, 5), (4, 5)])
def test_a_declared_length_within_bounds_needs_no_counting(length: int, most: int) -> None:
    """The codec sees to it that no more comes than was declared."""
    assert allowance(most, RequestHead("PUT", "/", length=length)) is None


def test_a_declared_length_beyond_is_refused_at_once() -> None:
    """Before anything of the body has come."""
    with pytest.raises(RequestRefused, match="longer than 5 bytes") as caught:
        allowance(5, RequestHead("PUT", "/", length=6))
    assert caught.value.status == 413


@given(st.lists(st.binary(max_size=5)), st.integers(0, 20))
def test_what_was_not_declared_is_counted(pieces: list[bytes], most: int) -> None:
    """It is refused with the first piece that goes beyond, and never before, however the pieces come."""
    counted = allowance(most, RequestHead("PUT", "/", length=None))
    assert counted is not None
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            with pytest.raises(RequestRefused):
                counted.take([piece, END])
            return
        counted.take([piece])
    counted.take([END])
