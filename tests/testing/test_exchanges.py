"""An exchange in memory: filters see what they see in service, and what they make of it comes out."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from balancer.errors import FilterFailed
from balancer.interfaces import Direction, Filter, Reply
from balancer.plugins.filters import StripPrefix
from balancer.testing import MemoryExchange


class Upper(Filter):
    """Puts both bodies in capitals."""

    def body(self, head: Any, session: Any, direction: Direction) -> Upper:
        return self

    def feed(self, data: bytes) -> bytes:
        return data.upper()

    def finish(self) -> bytes:
        return b"!"


class Signs(Filter):
    """Says on the answer who asked, and for what."""

    def response(self, head: Any, session: Any) -> Any:
        return head.with_field("x-for", f"{session.client[0]} {session.request.target} {session.captures['user']}")


def test_heads_go_both_ways_through_the_filters() -> None:
    """The backend gets the head that the filters made, and they see that request when they are given the answer."""
    exchange = MemoryExchange(StripPrefix("/v1"), Signs(), captures={"user": "ada"})
    request = exchange.request("/v1/x", fields=(("x-a", "1"),))
    assert not isinstance(request, Reply)
    assert (request[0].target, request[0].get("x-a"), request[1]) == ("/x", "1", b"")
    answer = exchange.answer(204)
    assert not isinstance(answer, Reply)
    assert (answer[0].status, answer[0].get("x-for")) == (204, "192.0.2.1 /x ada")


def test_bodies_go_through_their_transforms() -> None:
    """A transform of a body is fed and finished, and the head tells no length that no longer holds."""
    exchange = MemoryExchange(Upper())
    request = exchange.request(body=b"hello", method="POST")
    assert not isinstance(request, Reply)
    assert (request[0].length, request[1]) == (None, b"HELLO!")
    answer = exchange.answer(body=b"hi")
    assert not isinstance(answer, Reply)
    assert answer[1] == b"HI!"


def test_without_filters_nothing_changes() -> None:
    """What is sent is what came."""
    exchange = MemoryExchange()
    request, answer = exchange.request(body=b"a"), exchange.answer(body=b"b")
    assert not isinstance(request, Reply)
    assert not isinstance(answer, Reply)
    assert (request[1], answer[1]) == (b"a", b"b")


def test_a_filter_may_answer_itself() -> None:
    """A reply of a filter ends the matter, in either direction."""
    exchange = MemoryExchange(lambda _head, _session: Reply(403))
    assert exchange.request() == Reply(403)

    class Hides(Filter):
        def response(self, head: Any, session: Any) -> Any:
            return Reply(404)

    assert MemoryExchange(Hides()).answer(200, b"secret") == Reply(404)


async def later(head: Any, session: Any) -> Any:
    """A filter that is a coroutine."""
    return head.with_field("x-later", await succeed("1"))


def test_a_filter_may_take_its_time() -> None:
    """A coroutine, or a Deferred that has fired, is seen through, and those behind it go on."""
    request = MemoryExchange(later, lambda head, _: succeed(head.with_field("x-b", "2"))).request()
    assert not isinstance(request, Reply)
    assert (request[0].get("x-later"), request[0].get("x-b")) == ("1", "2")


async def sulks(_head: Any, _session: Any) -> Any:
    """A filter that fails after a while."""
    raise ValueError


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (sulks, "raised ValueError"),
        (lambda *_: Deferred(), "waits for what has not happened"),
        (lambda *_: None, "answered a NoneType"),
    ],
)
def test_what_fails_in_service_fails_here(one: Any, why: str) -> None:
    """A filter that raises, never answers, or answers nonsense is named by the error, with what it did."""
    with pytest.raises(FilterFailed, match=why):
        MemoryExchange(one).request()
