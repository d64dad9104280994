"""The exchange where its route asks for retries: answers nobody wants, late tries, bodies, pauses and the budget."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.core.exchange_states import State
from balancer.core.messages import END, Message, RequestHead, ResponseHead
from balancer.core.retries import RetryPolicy
from balancer.errors import DownstreamGone, NoBackend, Side, StatusUnwanted, TryTimeout, UpstreamGone
from balancer.interfaces import Phase
from tests.core.stage import ANSWER, GET, Stage

BUSY: tuple[Message, ...] = (ResponseHead(503, "Busy", length=2), b"no", END)
PUT = RequestHead("PUT", "/a", "example.com", length=None)


def asking(**policy: Any) -> Stage:
    """A stage whose route has this policy."""
    return Stage(
        policy=RetryPolicy(**{"attempts": 3, "share": 0.0, "floor": 5, "statuses": frozenset({503}), **policy})
    )


def wanted(fields: tuple[tuple[str, str], ...]) -> tuple[Message, ...]:
    """A 503 with these fields."""
    return (ResponseHead(503, "Busy", fields=fields, length=2), b"no", END)


def test_an_unwanted_answer_is_thrown_away() -> None:
    """The client sees the answer of the next backend alone; a connection whose answer was whole is kept."""
    stage = asking()
    exchange = stage.asked(END)
    stage.connect()
    exchange.response(BUSY)
    assert exchange.session.tried == (stage.backend,)
    stage.connect()
    exchange.response(ANSWER)
    first = ["dial", "u1 >> GET /a; end", "u1 kept", "dial fresh"]
    second = ["u2 >> GET /a; end", "client << 200; 'hi'; end", "u2 kept", "client done"]
    assert stage.transcript.take() == first + second
    assert [(end.status, end.error, end.phase) for end in stage.algorithm.ends] == [
        (503, None, Phase.RESPONSE),
        (200, None, Phase.DONE),
    ]
    assert stage.at_rest()


def test_an_unwanted_answer_that_is_not_whole() -> None:
    """Nobody waits for the rest of an answer that is thrown away: its connection is cut."""
    stage = asking()
    exchange = stage.asked(END)
    stage.connect()
    exchange.response(BUSY[:1])
    assert stage.transcript.take()[-2:] == ["u1 cut", "dial fresh"]


def test_the_last_answer_is_passed_on() -> None:
    """When the attempts are used up what the last backend said is what the client hears."""
    stage = asking(attempts=2)
    exchange = stage.asked(END)
    for _ in range(2):
        stage.connect()
        exchange.response(BUSY)
    assert stage.transcript.take()[-3:] == ["client << 503; 'no'; end", "u2 kept", "client done"]
    assert stage.at_rest()


@pytest.mark.parametrize(
    ("policy", "others", "fields", "head"),
    [
        ({}, False, (), GET),
        ({"floor": 0}, True, (), GET),
        ({}, True, (("retry-after", "30"),), GET),
        ({"statuses": frozenset({502})}, True, (), GET),
        ({}, True, (), RequestHead("POST", "/a")),
    ],
    ids=["nobody else", "budget", "retry-after", "other status", "method"],
)
def test_an_answer_that_is_passed_on_at_once(
    policy: dict[str, Any], others: bool, fields: tuple[tuple[str, str], ...], head: RequestHead
) -> None:
    """An answer is not thrown away where there can be no other try."""
    stage = asking(**policy)
    stage.others = others
    exchange = stage.asked(END, head=head)
    stage.connect()
    exchange.response(wanted(fields))
    assert stage.transcript.take()[-3:] == ["client << 503; 'no'; end", "u1 kept", "client done"]
    assert stage.at_rest()


def test_nobody_left_after_an_unwanted_answer() -> None:
    """When no other backend is there after all the client is told the status that it was about."""
    stage = asking()
    exchange = stage.asked(END)
    stage.connect()
    exchange.response(BUSY)
    exchange.fail(NoBackend("every backend that is up was tried"))
    assert stage.transcript.take()[-2:] == ["client refused 503 status-unwanted", "client done"]
    assert isinstance(stage.ends[0], StatusUnwanted)
    assert stage.at_rest()


def test_an_interim_answer_that_the_client_has_seen() -> None:
    """After early hints have gone out the answer behind them is the client's, whatever its status."""
    stage = asking()
    exchange = stage.asked(END)
    stage.connect()
    exchange.response([ResponseHead(103)])
    exchange.response(BUSY)
    assert stage.transcript.take()[-3:] == ["client << 503; 'no'; end", "u1 kept", "client done"]


def test_an_interim_answer_that_came_with_it() -> None:
    """Early hints that are here together with an unwanted answer are thrown away with it."""
    stage = asking()
    exchange = stage.asked(END)
    stage.connect()
    exchange.response([ResponseHead(103), *BUSY])
    assert stage.transcript.take()[-1] == "dial fresh"


def test_bytes_that_come_late() -> None:
    """What is heard on behalf of an exchange that waits for its next connection, or is over, changes nothing."""
    stage = asking()
    exchange = stage.asked(END)
    stage.connect()
    exchange.response(BUSY)
    stage.transcript.take()
    exchange.upstream_failed(UpstreamGone())
    exchange.fail(DownstreamGone())
    exchange.response(BUSY)
    assert stage.transcript.take() == ["dial cancelled", "client refused 499 downstream-gone", "client done"]


@pytest.mark.parametrize(("backoff", "fields", "least", "most"), [(1.0, (), 0, 1), (0, (("retry-after", "1"),), 1, 1)])
def test_a_retry_has_its_time(backoff: float, fields: tuple[tuple[str, str], ...], least: float, most: float) -> None:
    """The next backend is asked after a pause of chance, or after the one that the last has asked for."""
    stage = asking(backoff=backoff)
    exchange = stage.asked(END)
    stage.connect()
    exchange.response(wanted(fields))
    assert stage.transcript.take()[-1] == "u1 kept"
    assert least <= stage.timers[-1].due <= most
    assert exchange.waits() is None
    stage.clock.advance(1.1)
    assert stage.transcript.take() == ["dial fresh"]
    stage.connect()
    exchange.response(ANSWER)
    assert stage.at_rest()


def test_a_client_that_leaves_in_the_pause() -> None:
    """Nothing is left of a retry whose client did not wait for it, and nothing of the budget is lost."""
    stage = asking(backoff=1.0)
    exchange = stage.asked(END)
    stage.connect()
    exchange.response(BUSY)
    assert stage.budget.under_way == 1
    exchange.fail(DownstreamGone())
    assert stage.at_rest()


def test_the_connection_of_a_pause_stands_at_once() -> None:
    """What comes of a pause may come within the call that ends it."""
    stage = asking(backoff=1.0)
    stage.transcript.when["u2 >> GET /a; end"] = lambda: stage.carried.response(ANSWER)
    exchange = stage.asked(END)
    stage.connect()
    stage.at_once.append(stage.connect)
    exchange.response(BUSY)
    stage.clock.advance(1.1)
    assert stage.transcript.take()[-3:] == ["client << 200; 'hi'; end", "u2 kept", "client done"]
    assert exchange.pending is None
    assert stage.at_rest()


def test_a_body_is_sent_once_more() -> None:
    """A body that was kept goes to the next backend from its beginning, and what comes later goes on behind it."""
    stage = asking(body=9)
    exchange = stage.asked(b"ab", head=PUT)
    stage.connect()
    exchange.request([b"cd"])
    exchange.upstream_failed(UpstreamGone())
    assert stage.line.paused
    stage.connect()
    assert not stage.line.paused
    exchange.request([b"e", END])
    sent = [line for line in stage.transcript.take() if ">>" in line]
    assert sent == ["u1 >> PUT /a; 'ab'", "u1 >> 'cd'", "u2 >> PUT /a; 'abcd'", "u2 >> 'e'; end"]
    exchange.response(ANSWER)
    assert stage.at_rest()


def test_a_body_that_comes_before_the_next_connection() -> None:
    """What the client had sent already when its backend failed is sent once, and in order."""
    stage = asking(body=9)
    exchange = stage.asked(head=PUT)
    stage.connect()
    exchange.upstream_failed(UpstreamGone())
    exchange.request([b"ab"])
    stage.connect()
    assert stage.transcript.take()[-2:] == ["u2 >> PUT /a; 'ab'", "client resumed"]


def test_a_body_that_is_too_long() -> None:
    """A request whose body was let go is not sent again, neither for a failure nor for its answer."""
    for ending in ("fails", "answers"):
        stage = asking(body=3)
        exchange = stage.asked(b"abcd", END, head=PUT)
        stage.connect()
        if ending == "fails":
            exchange.upstream_failed(UpstreamGone())
        else:
            exchange.response(BUSY)
        assert stage.waiting == []
        assert stage.at_rest()


def test_a_body_that_may_be_needed_is_seen() -> None:
    """Only what is not kept, or not any more, may go past the exchange."""
    stage = asking(body=3)
    exchange = stage.asked(b"ab", head=PUT)
    stage.connect().way = "up"
    assert exchange.request_sink(9) is None
    exchange.request([b"cd"])
    assert exchange.request_sink(9) == "up"


def test_an_answer_before_the_end_of_its_request() -> None:
    """A backend that refuses a request which is not complete is not kept, and the next one gets all of it."""
    stage = asking(body=9)
    exchange = stage.asked(b"ab", head=PUT)
    stage.connect()
    exchange.response(BUSY)
    assert "u1 cut" in stage.transcript.take()
    stage.connect()
    exchange.request([b"cd", END])
    assert stage.transcript.take() == ["u2 >> PUT /a; 'ab'", "client resumed", "u2 >> 'cd'; end"]
    assert exchange.state is State.WAITING


@pytest.mark.parametrize("side", [Side.UPSTREAM, Side.DOWNSTREAM])
def test_a_slow_side_of_a_try_that_is_given_up(side: Side) -> None:
    """That a backend did not read says nothing of the next; a client that does not read holds the next as well."""
    stage = asking(body=9)
    exchange = stage.asked(b"ab", END, head=PUT)
    stage.connect()
    exchange.pressure(side, high=True)
    exchange.response(BUSY)
    second = stage.connect()
    assert second.paused is (side is Side.DOWNSTREAM)
    assert not stage.line.paused
    exchange.pressure(Side.DOWNSTREAM, high=False)
    exchange.response(ANSWER)
    assert stage.at_rest()


def test_a_late_try_is_given_up() -> None:
    """A try without an answer after `per_try` seconds is cut, blamed, and made elsewhere."""
    stage = asking(per_try=2)
    exchange = stage.asked(END)
    stage.connect()
    stage.clock.advance(2)
    assert stage.transcript.take()[-2:] == ["u1 cut", "dial fresh"]
    assert isinstance(stage.algorithm.ends[0].error, TryTimeout)
    stage.connect()
    exchange.response(ANSWER[:1])
    stage.clock.advance(3)
    exchange.response(ANSWER[1:])
    assert stage.transcript.take()[-1] == "client done"
    assert stage.at_rest()


@pytest.mark.parametrize("why", ["nobody else", "last", "budget", "half a head", "method"])
def test_a_late_try_without_a_next_goes_on(why: str) -> None:
    """A late try is not given up where there can be no other: it may still be answered."""
    stage = asking(per_try=2, floor=0 if why == "budget" else 5)
    stage.others = why != "nobody else"
    exchange = stage.asked(END, head=RequestHead("POST", "/a") if why == "method" else GET)
    exchange.session.become(attempt=3 if why == "last" else 1)
    stage.connect()
    if why == "half a head":
        exchange.response([])
    stage.clock.advance(29)
    exchange.response(ANSWER)
    assert stage.transcript.take()[-3:] == ["client << 200; 'hi'; end", "u1 kept", "client done"]
    assert stage.at_rest()


def test_backends_are_told_which_try_it_is() -> None:
    """Each backend sees the number of its try, and all else as it was."""
    stage = asking(header="x-attempt")
    exchange = stage.asked(END)
    first = stage.connect()
    exchange.response(BUSY)
    second = stage.connect()
    numbers = [up.said[0].get("x-attempt") for up in (first, second) if isinstance(up.said[0], RequestHead)]
    assert numbers == ["1", "2"]
    assert exchange.head is GET


def test_how_often_it_is_tried_is_known_with_its_route() -> None:
    """Whoever connects for an exchange is told when to stop."""
    exchange = asking(attempts=7).exchange()
    assert exchange.attempts == 0
    exchange.start([END])
    assert exchange.attempts == 7


@pytest.mark.parametrize("end", ["answered", "failed", "left"])
def test_the_budget_is_whole_again(end: str) -> None:
    """However a request ends that was on its retry, it gives back what it had of the budget, once."""
    stage = asking()
    exchange = stage.asked(END)
    stage.connect()
    exchange.upstream_failed(UpstreamGone())
    stage.connect()
    assert stage.budget.under_way == 1
    if end == "answered":
        exchange.response(ANSWER)
    else:
        exchange.fail(DownstreamGone() if end == "left" else NoBackend("none"))
    assert stage.budget.under_way == 0
    assert stage.at_rest()
