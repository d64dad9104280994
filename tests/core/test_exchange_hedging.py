"""Two tries at a time: the answer that counts is one, whole, and the client's; of the other nothing is left."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.core.backend import Backend
from balancer.core.exchange import Exchange
from balancer.core.messages import END, Message, RequestHead, ResponseHead
from balancer.core.retries import RetryPolicy
from balancer.errors import (
    BackendDown,
    ConnectFailed,
    DownstreamGone,
    Overtaken,
    ResponseInvalid,
    Side,
    UpstreamGone,
)
from balancer.interfaces import Phase
from tests.core.stage import ANSWER, GET, Stage

BUSY: tuple[Message, ...] = (ResponseHead(503, "Busy", length=2), b"no", END)
ELSE = Backend("else", "else:80", ("else", 80), seconds=lambda: 0.0)


def hedged(head: RequestHead = GET, **policy: Any) -> tuple[Stage, Exchange]:
    """An exchange whose first try is on its way for a while, so that a second one is asked for."""
    policy = {"attempts": 3, "share": 0.0, "floor": 5, "hedge": 1.0, "statuses": frozenset({503}), **policy}
    stage = Stage(policy=RetryPolicy(**policy))
    exchange = stage.asked(END, head=head)
    stage.connect()
    stage.transcript.take()
    stage.clock.advance(1)
    return stage, exchange


def test_the_second_is_answered_first() -> None:
    """The answer of the second try is the client's, the first is cut, and its backend is not blamed."""
    stage, exchange = hedged()
    rival = stage.waiting[0]
    stage.connect()
    rival.response(ANSWER)
    assert stage.transcript.take() == [
        *("dial", "u2 >> GET /a; end", "u1 cut"),
        *("client << 200; 'hi'; end", "u2 kept", "client done"),
    ]
    first, second = stage.algorithm.ends
    assert isinstance(first.error, Overtaken)
    assert (second.status, second.error, second.phase) == (200, None, Phase.DONE)
    assert (exchange.session.attempt, stage.backend.failed, stage.budget.reasons) == (2, 0, {"hedge": 1})
    assert stage.at_rest()


def test_the_first_is_answered_first() -> None:
    """The answer of the first try is the client's, and the second is cut."""
    stage, exchange = hedged()
    stage.connect()
    exchange.response(ANSWER)
    assert stage.transcript.take()[-4:] == ["u2 cut", "client << 200; 'hi'; end", "u1 kept", "client done"]
    assert stage.backend.failed == 0
    assert stage.at_rest()


def test_the_first_is_answered_before_the_second_is_connected() -> None:
    """A second try that has no connection yet is given up."""
    stage, exchange = hedged()
    exchange.response(ANSWER)
    assert stage.transcript.take()[:2] == ["dial", "dial cancelled"]
    assert stage.at_rest()


def test_an_answer_that_comes_bit_by_bit() -> None:
    """From its head on, all that the second try brings is passed on, pressure included."""
    stage, exchange = hedged()
    rival = stage.waiting[0]
    second = stage.connect()
    exchange.pressure(Side.DOWNSTREAM, high=True)
    rival.pressure(Side.UPSTREAM, high=True)
    assert not second.paused
    rival.response([])
    rival.response([ResponseHead(103)])
    assert "u1 cut" not in stage.transcript.take()
    rival.response(ANSWER[:1])
    assert second.paused
    exchange.pressure(Side.DOWNSTREAM, high=False)
    rival.pressure(Side.UPSTREAM, high=True)
    assert stage.line.paused
    rival.response(ANSWER[1:])
    assert stage.line.result == "answered"
    assert stage.at_rest()


def test_a_long_answer_of_the_second() -> None:
    """The body of a second try may go past the exchange like any other, as soon as it is the one that counts."""
    stage, _ = hedged()
    stage.line.way = "down"
    rival = stage.waiting[0]
    stage.connect()
    assert rival.answer_sink(2) is None
    rival.response(ANSWER[:1])
    assert rival.answer_sink(2) == "down"
    rival.answer_passed(2)
    rival.response([END])
    assert stage.line.skipped == 2
    assert stage.at_rest()


def test_the_second_breaks_in_its_answer() -> None:
    """Once the second try stands in for the first its end is the end of the exchange."""
    stage, _ = hedged()
    rival = stage.waiting[0]
    stage.connect()
    rival.response(ANSWER[:1])
    rival.upstream_failed(UpstreamGone())
    assert stage.line.result == "cut"
    assert stage.at_rest()


def test_the_first_fails() -> None:
    """A first try that fails in any way leaves the second, which is waited for."""
    for error in (UpstreamGone(), ResponseInvalid("nonsense")):
        stage, exchange = hedged()
        rival = stage.waiting[0]
        stage.connect()
        exchange.upstream_failed(error)
        assert stage.transcript.take()[-1] == "u1 cut"
        assert stage.algorithm.ends[0].error is error
        rival.response(ANSWER)
        assert stage.line.result == "answered"
        assert stage.at_rest()


def test_both_fail() -> None:
    """When both tries have failed there is a third, if there may be one."""
    stage, exchange = hedged()
    rival = stage.waiting[0]
    stage.connect()
    exchange.upstream_failed(UpstreamGone())
    rival.upstream_failed(UpstreamGone())
    assert stage.transcript.take()[-2:] == ["u2 cut", "dial fresh"]
    stage.connect()
    exchange.response(ANSWER)
    assert exchange.session.attempt == 3
    assert stage.at_rest()


def test_the_second_fails() -> None:
    """A second try that fails is forgotten, and its backend not asked again; the first goes on."""
    stage, exchange = hedged()
    rival = stage.waiting[0]
    stage.connect()
    rival.upstream_failed(UpstreamGone())
    assert stage.transcript.take()[-1] == "u2 cut"
    assert exchange.session.tried == (stage.backend,)
    exchange.response(ANSWER)
    assert stage.at_rest()


@pytest.mark.parametrize("at_once", [False, True])
def test_the_second_finds_no_backend(at_once: bool) -> None:
    """A second try that cannot be connected changes nothing."""
    policy = RetryPolicy(3, share=0.0, floor=5, hedge=1.0)
    stage = Stage(policy=policy)
    exchange = stage.asked(END)
    stage.connect()
    if at_once:
        stage.at_once.append(lambda carried: carried.fail(ConnectFailed()))
    stage.clock.advance(1)
    if not at_once:
        stage.waiting[0].fail(ConnectFailed())
    exchange.response(ANSWER)
    assert stage.line.result == "answered"
    assert stage.at_rest()


def test_the_first_fails_before_the_second_is_connected() -> None:
    """A second try that has no connection yet makes way for the usual one."""
    stage, exchange = hedged()
    exchange.upstream_failed(UpstreamGone())
    assert stage.transcript.take() == ["dial", "dial cancelled", "u1 cut", "dial fresh"]
    stage.connect(exchange)
    exchange.response(ANSWER)
    assert stage.at_rest()


def test_an_unwanted_answer_of_the_second() -> None:
    """A second try whose answer nobody wants has failed, and is not blamed for it; the first goes on."""
    stage, exchange = hedged()
    rival = stage.waiting[0]
    stage.connect()
    rival.response(BUSY)
    assert stage.transcript.take()[-1] == "u2 cut"
    assert (stage.algorithm.ends[0].status, stage.algorithm.ends[0].error) == (503, None)
    exchange.response(ANSWER)
    assert stage.line.result == "answered"
    assert stage.at_rest()


def test_an_unwanted_answer_of_the_first() -> None:
    """A second try that is under way is the other backend that such an answer makes necessary."""
    stage, exchange = hedged()
    rival = stage.waiting[0]
    stage.connect()
    exchange.response(BUSY)
    assert stage.transcript.take()[-1] == "u1 kept"
    rival.response(ANSWER)
    assert stage.line.result == "answered"
    assert stage.at_rest()


def test_the_connection_of_the_second_stands_at_once() -> None:
    """What comes of a second try may come within the call that begins it."""
    stage = Stage(policy=RetryPolicy(3, share=0.0, floor=5, hedge=1.0))
    stage.asked(END)
    stage.connect()
    stage.transcript.when["u2 >> GET /a; end"] = lambda: stage.carried.response(ANSWER)
    stage.at_once.append(stage.connect)
    stage.clock.advance(1)
    assert stage.line.result == "answered"
    assert stage.at_rest()


@pytest.mark.parametrize("connected", [False, True])
def test_a_client_that_leaves(connected: bool) -> None:
    """Of a client that left neither try is left."""
    stage, exchange = hedged()
    if connected:
        stage.connect()
    exchange.fail(DownstreamGone())
    assert ("u2 cut" if connected else "dial cancelled") in stage.transcript.take()
    assert stage.at_rest()


def test_no_second_where_there_can_be_none() -> None:
    """There is one try at a time if there is no other backend, budget or attempt, or the method is not safe."""
    put = RequestHead("PUT", "/a", "example.com")
    for stage, exchange in (hedged(floor=0), hedged(attempts=1), hedged(head=put)):
        assert stage.waiting == []
        exchange.response(ANSWER)
        assert stage.at_rest()
    stage = Stage(policy=RetryPolicy(3, share=0.0, floor=5, hedge=1.0))
    stage.others = False
    exchange = stage.asked(END)
    stage.connect()
    stage.clock.advance(1)
    assert stage.waiting == []


def test_an_answer_in_time_needs_no_second() -> None:
    """Nothing is made beside a try that is answered, even if only early hints have come."""
    stage = Stage(policy=RetryPolicy(3, share=0.0, floor=5, hedge=1.0))
    exchange = stage.asked(END)
    stage.connect()
    exchange.response([ResponseHead(103)])
    stage.clock.advance(2)
    assert stage.waiting == []
    exchange.response(ANSWER)
    assert stage.at_rest()


def test_the_backend_of_a_try_goes_down() -> None:
    """Whichever try is on a backend that is not to be used any more leaves it; others stay."""
    stage, exchange = hedged()
    exchange.leave(ELSE, BackendDown("down"))
    stage.connect()
    exchange.leave(ELSE, BackendDown("down"))
    assert stage.transcript.take() == ["dial", "dial leaves else", "u2 >> GET /a; end"]
    exchange.leave(stage.backend, BackendDown("down"))
    assert stage.transcript.take() == ["u2 cut", "u1 cut", "dial fresh"]
    exchange.leave(stage.backend, BackendDown("down"))
    assert stage.transcript.take() == ["dial leaves b"]
    stage.connect()
    exchange.response(ANSWER)
    assert stage.at_rest()
