"""The body that is kept to be sent once more: all of it or nothing, and never more than its bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.messages import END, End, Message, RequestHead
from balancer.core.replay import Replay, replay_of

pieces = st.lists(st.binary(max_size=9), max_size=9)


@given(pieces, st.integers(0, 40), st.booleans())
def test_all_or_nothing(body: list[bytes], limit: int, ended: bool) -> None:
    """However a body is cut, what is kept is all of it, with the end if that came; too much of it is not whole."""
    subject = Replay(limit)
    for piece in body:
        subject.keep([piece])
    end: list[Message] = [END] if ended else []
    subject.keep(end)
    everything = b"".join(body)
    assert subject.whole == (len(everything) <= limit)
    if subject.whole:
        assert subject.messages() == ([everything] if everything else []) + end


def test_trailers_are_kept() -> None:
    """The fields behind a body are sent once more as well."""
    subject, end = Replay(9), End((("x-sum", "1"),))
    subject.keep([b"ab", end])
    assert subject.messages() == [b"ab", end]


def test_too_much_is_let_go() -> None:
    """Once a body is too long nothing of it stays, and nothing that comes later is kept."""
    subject = Replay(4)
    for piece in (b"abc", b"de", b"f"):
        subject.keep([piece])
    assert not subject.whole
    assert subject.messages() == []


@pytest.mark.parametrize(("length", "kept"), [(0, False), (4, True), (5, False), (None, True)])
def test_what_is_worth_a_store(length: int | None, kept: bool) -> None:
    """There is no store for a request without a body, nor for one that says that its body is too long."""
    assert (replay_of(RequestHead("PUT", "/", length=length), 4) is not None) == kept


def test_no_store_where_nothing_may_be_kept() -> None:
    """With a bound of 0 a body of unknown length is not kept, for its first byte would be too much."""
    subject = replay_of(RequestHead("PUT", "/", length=None), 0)
    assert subject is not None
    subject.keep([b"a"])
    assert not subject.whole
