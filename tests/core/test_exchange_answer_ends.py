"""What an answer that is out, or half out, costs whom: its connection, the rest of its request, its client."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from balancer.core.exchange import LEFT_OVER_TIME, Exchange
from balancer.core.messages import END, ResponseHead
from balancer.core.retries import RetryPolicy
from balancer.errors import DownstreamGone, Side, UpstreamGone
from balancer.interfaces import Reply
from tests.core.stage import ANSWER, OK, POST, Stage


def test_a_long_answer_may_go_past_it() -> None:
    """Bytes of a body that nobody has to see go to the client by themselves, and are counted once its head is out."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    stage.line.way = "down"
    assert exchange.answer_sink(2) is None
    exchange.response([OK])
    assert exchange.answer_sink(2) == "down"
    stage.clock.advance(5)
    exchange.answer_passed(0)
    assert (exchange.since, stage.line.skipped) == (stage.deadlines.now, 0)
    exchange.answer_passed(2)
    assert stage.line.skipped == 2
    exchange.response([END])
    assert (stage.ends, stage.at_rest()) == ([None], True)


def test_an_answer_that_nobody_wants_goes_nowhere() -> None:
    """Of an answer that is thrown away for another try the client sees nothing, and all is given back in the end."""
    stage = Stage(policy=RetryPolicy(3, statuses=frozenset({503})))
    exchange = stage.asked(END)
    stage.connect()
    exchange.response([ResponseHead(503), END])
    stage.connect()
    exchange.response(ANSWER)
    assert [line for line in stage.transcript.take() if "client" in line] == ["client << 200; 'hi'; end", "client done"]
    assert stage.at_rest()


@pytest.mark.parametrize("last", ["end", "late"])
def test_the_rest_of_a_request_is_awaited_where_the_client_stays(last: str) -> None:
    """A connection that goes on after an early answer is read on, for as long as what is left may take."""
    stage = Stage()
    stage.line.stays = True
    exchange = stage.asked(head=POST)
    stage.connect()
    stage.transcript.take()
    exchange.response(ANSWER)
    assert (stage.transcript.take(), stage.ends) == (["client << 200; 'hi'; end", "client resumed"], [])
    if last == "end":
        exchange.request([END])
        assert stage.transcript.take() == ["u1 >> end", "u1 kept", "client done"]
    else:
        stage.clock.advance(LEFT_OVER_TIME + 2)
        assert stage.transcript.take() == ["u1 cut", "client done, request unfinished"]
    assert (stage.ends, stage.at_rest()) == ([None], True)


def test_what_needs_no_backend_counts_on_none() -> None:
    """A request that a filter answers at once has no connection to part with, and a failure after that is nobody's."""
    stage = Stage()
    exchange = stage.asked(END, filters=[lambda _head, _session: Reply(204)])
    exchange.fail(UpstreamGone())
    assert stage.transcript.take() == ["client replied 204", "client done"]
    assert (stage.ends, stage.at_rest()) == ([None], True)


@pytest.mark.parametrize("cue", ["client << 200; 'hi'; end", "u1 kept"])
def test_a_connection_is_never_kept_deaf(cue: str) -> None:
    """A client that is slow to read the end of an answer does not keep the connection that brought it from reading."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.transcript.when[cue] = lambda: exchange.pressure(Side.DOWNSTREAM, high=True)
    stage.connect()
    exchange.response(ANSWER)
    assert not stage.upstreams[0].paused
    assert stage.at_rest()


def test_an_answer_that_ends_while_it_is_held_gives_back_a_connection_that_reads() -> None:
    """A connection whose last bytes came in spite of the pause is read again before it is given back."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    exchange.pressure(Side.DOWNSTREAM, high=True)
    exchange.response(ANSWER)
    assert stage.transcript.take()[2:6] == ["u1 paused", "client << 200; 'hi'; end", "u1 resumed", "u1 kept"]


def leaving(exchange: Exchange) -> Callable[[], None]:
    """The client goes away."""
    return lambda: exchange.fail(DownstreamGone())


@pytest.mark.parametrize("cue", ["client send 200", "client send 'hi'", "client send end", "u1 kept", "u1 cut"])
def test_a_client_may_leave_while_it_is_spoken_to(cue: str) -> None:
    """A client that goes in the middle of a call ends the exchange once, and nothing more is said to either side."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.transcript.when[cue] = leaving(exchange)
    stage.connect()
    exchange.response(ANSWER)
    assert len(stage.ends) == stage.line.done == 1
    assert stage.at_rest()
