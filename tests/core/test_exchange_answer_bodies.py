"""Bodies of answers that are rewritten on their way down: as they come, whole, or so that nobody takes them for it."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.core.messages import END, End, ResponseHead
from balancer.interfaces import Direction, Filter, Reply
from tests.core.stage import ANSWER, OK, Stage


class Rewrites(Filter):
    """Puts the bodies of answers in capitals, with a mark behind; fails at a question mark."""

    def body(self, head: Any, session: Any, direction: Direction) -> Rewrites | None:
        return self if direction is Direction.RESPONSE else None

    def feed(self, data: bytes) -> bytes:
        if b"?" in data:
            raise LookupError
        return data.upper().replace(b"-", b"")

    def finish(self) -> bytes:
        return b"!"


DOWN = Rewrites()


class Replies(Filter):
    """Answers in place of every backend."""

    def response(self, head: ResponseHead, session: Any) -> Reply:
        return Reply(418)


def test_the_body_of_an_answer_is_rewritten_as_it_comes() -> None:
    """Each piece goes down as the transform lets it go, whether it comes with the head or later."""
    stage = Stage()
    exchange = stage.asked(END, filters=[DOWN])
    stage.connect()
    stage.transcript.take()
    exchange.response([OK, b"h"])
    exchange.response([b"-"])
    exchange.response([b"i", END])
    assert stage.transcript.take() == ["client << 200; 'H'", "client << 'I'; '!'; end", "u1 kept", "client done"]
    head = stage.line.said[0]
    assert isinstance(head, ResponseHead)
    assert head.length is None
    assert stage.at_rest()


def test_trailers_of_an_answer_lose_their_digests() -> None:
    """What was made of the original does not go down behind another body."""
    stage = Stage()
    exchange = stage.asked(END, filters=[DOWN])
    stage.connect()
    exchange.response([OK, b"hi", End((("x-a", "1"), ("repr-digest", "2"), ("via", "3")))])
    assert stage.line.said[-1] == End((("x-a", "1"),))


def test_a_transform_of_an_answer_that_fails_at_once_is_told() -> None:
    """While nothing of the answer is out, the client is told 500."""
    stage = Stage()
    exchange = stage.asked(END, filters=[DOWN])
    stage.connect()
    exchange.response([OK, b"?", END])
    assert stage.transcript.take()[-3:] == ["u1 cut", "client refused 500 filter-failed", "client done"]
    assert stage.at_rest()


def test_a_transform_of_an_answer_that_fails_later_cuts_it() -> None:
    """Once a part of the answer is out, it ends so that nobody takes it for a whole one."""
    stage = Stage()
    exchange = stage.asked(END, filters=[DOWN])
    stage.connect()
    exchange.response([OK, b"h"])
    exchange.response([b"?", END])
    assert stage.transcript.take()[-3:] == ["u1 cut", "client cut", "client done"]
    assert stage.at_rest()


@pytest.mark.parametrize("filters", [[], [lambda head, _session: head]])
def test_what_no_filter_wants_passes_untouched(filters: list[Any]) -> None:
    """An answer whose body nobody wants keeps its length."""
    stage = Stage()
    exchange = stage.asked(END, filters=filters)
    stage.connect()
    exchange.response(ANSWER)
    assert stage.line.said == list(ANSWER)
    assert exchange.answer_body is exchange.request_body is None


def test_a_reply_is_not_rewritten() -> None:
    """What a filter answers instead is sent as it is, behind the interim heads that came before."""
    stage = Stage()
    exchange = stage.asked(END, filters=[DOWN, Replies()])
    stage.connect()
    exchange.response([ResponseHead(103), *ANSWER])
    assert stage.transcript.take()[2:] == ["client << 103", "client replied 418", "u1 cut", "client done"]
