"""What a chain is made of: functions, filters of one step, filters that take their time, and those that want bodies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from balancer.core.filters import Chain, Pause, chain_of
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.session import Session
from balancer.core.transforms import Transforms
from balancer.errors import FilterFailed
from balancer.interfaces import Direction, Filter, Kind, Reply

SESSION = Session(Kind.HTTP, ("192.0.2.1", 1), 0.0)
REQUEST = RequestHead("POST", "/a", "example.com", fields=(("range", "bytes=0-1"), ("if-range", '"x"')), length=5)
RESPONSE = ResponseHead(200, "OK", fields=(("etag", '"x"'), ("accept-ranges", "bytes"), ("digest", "y")), length=5)


class Marks(Filter):
    """Marks requests only."""

    def request(self, head: RequestHead, session: Session) -> RequestHead:
        return head.with_added("x-mark", "class")


class Upper(Filter):
    """Puts one of the bodies in capitals, and notes what it was asked about."""

    def __init__(self, name: bytes = b"", direction: Direction | None = None) -> None:
        self.name, self.direction, self.asked = name, direction, list[Any]()

    def body(self, head: Any, session: Session, direction: Direction) -> Upper | None:
        self.asked.append(head)
        return self if direction is self.direction else None

    def feed(self, data: bytes) -> bytes:
        return self.name + data.upper()

    def finish(self) -> bytes:
        return b""


def marked(head: RequestHead, session: Session) -> RequestHead:
    """A filter that is a function."""
    return head.with_added("x-mark", "function")


async def slow(head: RequestHead, session: Session) -> RequestHead:
    """A filter that takes its time."""
    return head.with_added("x-mark", "slow")


def chain(*filters: Any) -> Chain:
    """The chain that they make."""
    made = chain_of(filters)
    assert made is not None
    return made


def result(pause: Any) -> Any:
    """What a coroutine that waits for nothing returns."""
    assert isinstance(pause, Pause)
    with pytest.raises(StopIteration) as caught:
        pause.awaitable.send(None)  # type: ignore[attr-defined]  # a coroutine, as the test knows
    return caught.value.value


def test_no_filters_are_no_chain() -> None:
    """A route without filters has no chain, so that it costs nothing."""
    assert chain_of(()) is None


def test_functions_and_methods_pass_in_the_order_written() -> None:
    """A function stands for a filter of requests, beside objects that are filters."""
    head = chain(marked, Marks(), marked).request(REQUEST, SESSION)
    assert isinstance(head, RequestHead)
    assert head.get_all("x-mark") == ["function", "class", "function"]
    assert chain(marked).answer(RESPONSE, SESSION)[0] is RESPONSE


def test_steps_that_do_nothing_are_not_called() -> None:
    """What a filter inherits from `Filter` is left out of the chain, and so are the steps that it has not."""
    made = chain(Marks(), Filter(), marked)
    assert (len(made.requests), made.responses, made.bodies) == (2, (), ())


def test_a_function_that_fails_is_named() -> None:
    """A function that raises is contained and named like any filter."""
    with pytest.raises(FilterFailed, match=r"filter test_a_function.*<lambda>: raised AttributeError") as caught:
        chain(lambda head, _session: head.nothing).request(REQUEST, SESSION)
    assert (caught.value.status, caught.value.reason) == (500, "filter-failed")


@pytest.mark.parametrize("part", ["method", "target", "authority", "fields", "length"])
def test_no_head_is_changed_in_place(part: str) -> None:
    """A filter that writes into the head it was given, past all checks, fails, whatever it returns."""
    for answer in (None, RequestHead("GET", "/"), Reply(200)):
        head = attrs.evolve(REQUEST)

        def writes(head: RequestHead, _session: Session, answer: Any = answer) -> Any:
            setattr(head, part, (("x", "y"),))
            return answer or head

        with pytest.raises(FilterFailed, match=r"changed a head in place; return a copy, as of head\.with_field"):
            chain(marked, writes).request(head, SESSION)


@pytest.mark.parametrize("part", ["status", "phrase", "fields", "length"])
def test_no_answer_is_changed_in_place(part: str) -> None:
    """Nor may a filter write into the head of an answer; nobody else sees what it wrote."""

    class Writes(Filter):
        def response(self, head: ResponseHead, session: Session) -> ResponseHead:
            setattr(head, part, 101)
            return head

    with pytest.raises(FilterFailed, match="changed a head in place"):
        chain(Writes()).answer(RESPONSE, SESSION)
    assert getattr(RESPONSE, part) != 101


def test_no_head_is_changed_in_place_later() -> None:
    """Nor may a filter that takes its time do so meanwhile."""
    head = attrs.evolve(REQUEST)
    pause = chain(slow).request(head, SESSION)
    result(pause)
    head.target = "/b"
    with pytest.raises(FilterFailed, match="changed a head in place"):
        pause.resume(head)  # type: ignore[union-attr]  # a pause, as its result shows


def test_fields_that_stay_are_known_as_they_were() -> None:
    """A filter that leaves the fields alone leaves what is known of how they are sent."""
    head = attrs.evolve(REQUEST)
    head.lines = "known"
    moved = chain(lambda head, _session: attrs.evolve(head, target="/b")).request(head, SESSION)
    assert isinstance(moved, RequestHead)
    assert (moved.target, moved.lines) == ("/b", "known")
    added = chain(marked).request(head, SESSION)
    assert isinstance(added, RequestHead)
    assert added.lines is None


def test_a_filter_that_takes_its_time_pauses_the_chain() -> None:
    """A coroutine is not run here: the chain goes on with its result, behind it, when it is there."""
    waiting = chain(slow).request(REQUEST, SESSION)
    result(waiting)
    assert isinstance(waiting, Pause)
    assert waiting.resume(REQUEST) is REQUEST
    pause = chain(marked, slow, Marks(), slow).request(REQUEST, SESSION)
    assert isinstance(pause, Pause)
    assert "slow" in pause.named
    again = pause.resume(result(pause))
    assert isinstance(again, Pause)
    head = again.resume(result(again))
    assert isinstance(head, RequestHead)
    assert head.get_all("x-mark") == ["function", "slow", "class", "slow"]


def test_a_late_answer_may_be_a_reply() -> None:
    """A filter that took its time may answer itself, and nothing behind it is asked."""
    pause = chain(slow, lambda _head, _session: 1 / 0).request(REQUEST, SESSION)
    reply = Reply(401)
    assert isinstance(pause, Pause)
    result(pause)
    assert pause.resume(reply) is reply


@pytest.mark.parametrize("answer", [None, "head", RESPONSE, attrs.evolve(REQUEST, method="A B")])
def test_a_late_answer_is_judged_like_any(answer: object) -> None:
    """What cannot be sent is the filter's failure, however late it comes; no awaitable is awaited twice."""
    pause = chain(slow).request(REQUEST, SESSION)
    assert isinstance(pause, Pause)
    result(pause)
    with pytest.raises(FilterFailed):
        pause.resume(answer)
    with pytest.raises(FilterFailed, match="answered a coroutine"):
        pause.resume(slow(REQUEST, SESSION))


def test_there_is_no_time_on_the_way_down() -> None:
    """An answer's filter that wants time fails, and its coroutine is closed, so that nothing complains of it."""

    class Slow(Filter):
        async def response(self, head: ResponseHead, session: Session) -> ResponseHead:
            return head

    with pytest.raises(FilterFailed, match="answered a coroutine; expected a ResponseHead or a Reply"):
        chain(Slow()).answer(RESPONSE, SESSION)


def test_a_part_is_not_asked_for_where_bodies_are_transformed() -> None:
    """A request for a part of a body goes on as one for the whole, if a filter of the route may rewrite that."""
    head = chain(Upper()).request(REQUEST, SESSION)
    assert isinstance(head, RequestHead)
    assert head.fields == ()
    assert chain(marked).request(REQUEST, SESSION).fields[:2] == REQUEST.fields  # type: ignore[union-attr]  # a head
    whole = attrs.evolve(REQUEST, fields=())
    assert chain(Upper()).request(whole, SESSION) is whole


def body_of(found: tuple[Any, Transforms | None]) -> bytes:
    """What becomes of the body `x`."""
    assert found[1] is not None
    (data,) = found[1].passed(b"x")
    assert isinstance(data, bytes)
    return data


def test_bodies_pass_the_filters_as_their_heads_do() -> None:
    """The first filter is the client's neighbour on both ways."""
    up = chain(Upper(b"1", Direction.REQUEST), Upper(), Upper(b"2", Direction.REQUEST))
    assert body_of(up.request_body(REQUEST, SESSION)) == b"21X"
    down = chain(Upper(b"1", Direction.RESPONSE), Upper(), Upper(b"2", Direction.RESPONSE))
    assert body_of(down.answer(RESPONSE, SESSION)) == b"12X"


def test_a_body_that_is_transformed_has_no_length() -> None:
    """The heads of transformed bodies say nothing that holds for the original alone."""
    head, _ = chain(Upper(b"", Direction.REQUEST)).request_body(REQUEST, SESSION)
    assert (head.length, head.fields) == (None, REQUEST.fields)
    answer, _ = chain(Upper(b"", Direction.RESPONSE)).answer(RESPONSE, SESSION)
    assert isinstance(answer, ResponseHead)
    assert (answer.length, answer.fields) == (None, (("etag", 'W/"x"'),))


@pytest.mark.parametrize("filters", [[marked], [Upper()]])
def test_a_body_that_nobody_wants_is_left_alone(filters: list[Callable[..., Any]]) -> None:
    """Heads are the very same when no filter of the chain wants their body."""
    assert chain(*filters).request_body(REQUEST, SESSION) == (REQUEST, None)
    assert chain(*filters).answer(RESPONSE, SESSION) == (RESPONSE, None)


def test_where_there_is_no_body_nobody_is_asked() -> None:
    """A message without a body, and what follows a 101, is no filter's matter."""
    asked = Upper(b"", Direction.REQUEST)
    empty = attrs.evolve(REQUEST, length=0)
    switching = ResponseHead(101, length=None)
    assert chain(asked).request_body(empty, SESSION) == (empty, None)
    assert chain(asked).answer(switching, SESSION) == (switching, None)
    assert asked.asked == []


def test_an_answer_about_a_body_makes_no_claims_either() -> None:
    """An answer to HEAD, or a 304, does not tell the length of a body that would be another."""
    told = ResponseHead(304, fields=(("content-length", "5"), ("etag", '"x"')), length=0)
    upper = Upper(b"", Direction.RESPONSE)
    head, body = chain(upper).answer(told, SESSION)
    assert isinstance(head, ResponseHead)
    assert (head.fields, head.length, body, upper.asked) == ((("etag", 'W/"x"'),), 0, None, [])
