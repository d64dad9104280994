"""The tries of one request: what is kept for the next, when it comes, and that nothing of it is left at the end."""

from __future__ import annotations

from random import Random

import pytest

from balancer.core.backend import Backend
from balancer.core.messages import END, RequestHead, ResponseHead
from balancer.core.retries import Budget, Retries, RetryPolicy
from balancer.core.session import Session
from balancer.core.tries import Tries
from balancer.errors import BackendDown, BalancerError, Overtaken, UpstreamGone
from balancer.interfaces import Kind
from tests.core.virtual_time import VirtualTime

GET = RequestHead("GET", "/")
PUT = RequestHead("PUT", "/", length=None)
GONE = UpstreamGone("gone")


class Case:
    """The tries of one request, with this policy."""

    def __init__(self, head: RequestHead = GET, **policy: object) -> None:
        self.clock, self.budget = VirtualTime(0.0), Budget(lambda: 100)
        policy = {"attempts": 3, "share": 0.0, "floor": 1, **policy}
        retries = Retries(RetryPolicy(**policy), self.budget, Random(1), self.clock.later)  # type: ignore[arg-type]  # any settings
        self.session = Session(Kind.HTTP, ("192.0.2.1", 5000), 0.0, request=head)
        self.tries = Tries(retries, head, self.session)
        self.called: list[str] = []

    def no_hedge(self) -> None:
        """What is not to be called."""
        self.called.append("hedge")


class Other:
    """A try beside the first; knows why it was ended."""

    ended: BalancerError | None = None

    def end(self, error: BalancerError) -> None:
        self.ended = error


def test_a_request_without_a_body_goes_out_again_as_it_was() -> None:
    """Where nothing is kept, what was sent behind the head is what the exchange says: an end, or nothing yet."""
    case = Case()
    case.tries.keep([END])
    assert case.tries.again(GONE) is not None
    assert case.tries.kept(end=[END]) == [END]
    assert case.tries.head is GET


def test_a_body_goes_out_again() -> None:
    """A body that was kept is sent once more, with its end if that came."""
    case = Case(PUT, body=9)
    case.tries.keep([b"ab"])
    case.tries.keep([b"c", END])
    assert case.tries.keeps
    assert case.tries.again(GONE) is not None
    assert case.tries.kept(end=[END]) == [b"abc", END]


@pytest.mark.parametrize(("head", "body"), [(PUT, 2), (PUT, 0), (RequestHead("POST", "/", length=3), 9)])
def test_what_is_not_kept_is_not_sent_again(head: RequestHead, body: int) -> None:
    """A body that is too long, of a route that keeps none, or of a method that is never sent twice, ends the matter."""
    case = Case(head, body=body)
    case.tries.keep([b"abc", END])
    assert case.tries.again(GONE) is None
    assert case.tries.cause is None


def test_backends_are_told_which_try_it_is() -> None:
    """The field that a route asks for has the number of the try, whatever the client wrote there."""
    case = Case(RequestHead("GET", "/", fields=(("x-attempt", "7"),)), header="X-Attempt")
    assert case.tries.head.get_all("x-attempt") == ["1"]
    case.session.become(attempt=2)
    assert case.tries.head.get_all("x-attempt") == ["2"]


def test_the_budget_is_given_back_once() -> None:
    """However many tries there were, a request takes one part of the budget, and gives it back when it is over."""
    case = Case()
    for attempt in (1, 2):
        case.session.become(attempt=attempt)
        assert case.tries.again(GONE) is not None
        assert case.budget.under_way == 1
    assert case.tries.cause is GONE
    case.tries.end()
    case.tries.end()
    assert case.budget.under_way == 0


def test_a_request_that_was_never_tried_again_owes_nothing() -> None:
    """Without a retry nothing is given back."""
    case = Case()
    assert case.tries.again(GONE, begun=True) is None
    case.tries.end()
    assert case.budget.under_way == 0


def test_a_stale_connection_costs_nothing() -> None:
    """What a kept connection made necessary is tried again without a part of the budget."""
    case = Case()
    again = case.tries.again(GONE, reused=True)
    assert again is not None
    assert not again.elsewhere
    assert case.budget.under_way == 0


def test_what_a_route_wants_tried_again() -> None:
    """An answer is unwanted if its status is listed, and what was kept is let go once one counts."""
    case = Case(PUT, statuses=frozenset({503}), body=9)
    assert case.tries.unwanted(ResponseHead(503))
    assert not case.tries.unwanted(ResponseHead(500))
    case.tries.answered()
    case.tries.keep([b"late", END])
    assert case.tries.kept(end=()) == ()


def test_a_pause() -> None:
    """The next try comes when its time has come, unless it is no longer wanted; it is on its way to no backend."""
    case = Case()
    pause = case.tries.pause(0.5, lambda: case.called.append("over"))
    pause.leave(Backend("b", "b:80", ("b", 80), seconds=lambda: 0.0), BackendDown("down"))
    case.clock.advance(0.4)
    assert case.called == []
    case.clock.advance(0.2)
    assert case.called == ["over"]
    pause.cancel()
    case.tries.pause(0.5, lambda: case.called.append("unwanted")).cancel()
    case.clock.advance(1)
    assert case.called == ["over"]


def test_a_try_that_is_late() -> None:
    """A try without an answer is late after `per_try` seconds; each has its own time, and an answer ends it."""
    case = Case(per_try=2)
    case.tries.sent(lambda: case.called.append("first"), case.no_hedge)
    case.clock.advance(1.9)
    assert case.called == []
    case.clock.advance(0.2)
    assert case.called == ["first"]
    case.tries.sent(lambda: case.called.append("second"), case.no_hedge)
    case.clock.advance(1)
    assert case.tries.again(GONE) is not None
    case.clock.advance(9)
    case.tries.sent(lambda: case.called.append("third"), case.no_hedge)
    case.tries.end()
    case.clock.advance(9)
    assert case.called == ["first"]
    assert case.clock.calls == []


def test_a_try_without_a_limit() -> None:
    """Where nothing is said of it, a try is never late."""
    case = Case()
    case.tries.sent(lambda: case.called.append("late"), case.no_hedge)
    assert case.clock.calls == []


def test_a_try_beside_another() -> None:
    """A safe request that waits for `hedge` seconds may be made twice at a time, within the attempts and the budget."""
    case = Case(hedge=1, floor=1)
    case.tries.sent(lambda: case.called.append("late"), case.no_hedge)
    case.clock.advance(1)
    assert case.called == ["hedge"]
    assert case.tries.beside()
    assert case.tries.beside()
    assert (case.budget.under_way, case.budget.reasons) == (1, {"hedge": 2})
    case.session.become(attempt=3)
    assert not case.tries.beside()
    case.tries.end()
    assert case.budget.under_way == 0


def test_a_try_beside_another_that_is_not_to_be_had() -> None:
    """What may not be made twice at a time is not, nor what the budget does not allow."""
    for case in (
        Case(RequestHead("PUT", "/"), hedge=1),
        Case(hedge=None),
        Case(RequestHead("GET", "/", length=2), hedge=1),
    ):
        case.tries.sent(lambda: None, case.no_hedge)
        assert case.clock.calls == []
    assert not Case(floor=0).tries.beside()
    free = Case(share=None)
    assert free.tries.beside()
    assert free.budget.under_way == 0


@pytest.mark.parametrize("how", ["answered", "again", "end"])
def test_the_try_beside_ends_with_the_first(how: str) -> None:
    """When the first try is answered, or all is over, the other is ended, once."""
    case, other = Case(), Other()
    case.tries.second = other
    if how == "again":
        case.tries.again(GONE)
    else:
        getattr(case.tries, how)()
    assert isinstance(other.ended, Overtaken)
    assert case.tries.second is None


def test_nothing_is_tried_again_once_it_is_settled() -> None:
    """When something of an answer has gone to the client, there is no other try."""
    case = Case()
    case.tries.answered()
    assert case.tries.settled
    assert case.tries.again(GONE) is None
