"""The exchange: what each side hears, who is blamed, and that it ends once and leaves nothing."""

from __future__ import annotations

from itertools import product

import pytest

from balancer.core.exchange import LEFT_OVER_TIME, Exchange
from balancer.core.exchange_states import PHASES, TRANSITIONS, Input, State
from balancer.core.messages import END, End, Message, RequestHead, ResponseHead
from balancer.errors import (
    BalancerError,
    ConnectFailed,
    DownstreamGone,
    DownstreamTimeout,
    ResponseInvalid,
    Side,
    UpstreamGone,
    UpstreamTimeout,
)
from balancer.interfaces import Phase, Reply
from tests.core.stage import ANSWER, GET, OK, PATIENCE, POST, Stage


def gone() -> UpstreamGone:
    """What a port says when the backend has closed."""
    return UpstreamGone("closed")


def test_an_exchange_reads_as_a_conversation() -> None:
    """A request goes up in one piece, its answer comes down in one, and everything is given back."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    stage.clock.advance(3)
    exchange.response(ANSWER)
    said = ["dial", "u1 >> GET /a; end", "client << 200; 'hi'; end", "u1 kept", "client done"]
    assert stage.transcript.take() == said
    assert (stage.ends, exchange.status, stage.at_rest()) == ([None], 200, True)
    (outcome,) = stage.algorithm.ends
    assert (outcome.phase, outcome.status, outcome.error, outcome.first_byte) == (Phase.DONE, 200, None, 3)


def test_an_exchange_has_its_members_from_the_start() -> None:
    """It comes to have no other member later, for which CPython would make each exchange a dictionary."""
    stage = Stage()
    exchange = stage.exchange()
    members = set(vars(exchange))
    exchange.start([END])
    stage.connect()
    exchange.response(ANSWER)
    assert (exchange.state, set(vars(exchange))) == (State.DONE, members)


def test_a_body_is_read_once_a_connection_stands() -> None:
    """Of a request with a body no more is read until a backend can take it; what came before is sent, in order."""
    stage = Stage()
    exchange = stage.asked(b"1", head=POST)
    exchange.request([b"2"])
    stage.connect()
    exchange.request([b"3", End((("x-sum", "6"), ("host", "evil")))])
    said = ["dial", "client paused", "u1 >> POST /a; '1'; '2'", "client resumed", "u1 >> '3'; end"]
    assert stage.transcript.take() == said
    assert stage.upstreams[0].said[-1] == End((("x-sum", "6"),))


def test_a_body_that_ends_in_spite_of_the_pause_leaves_nothing_paused() -> None:
    """When the rest of a request came before the connection stood, the client is listened to again all the same."""
    stage = Stage()
    exchange = stage.asked(b"1", head=POST)
    exchange.request([END])
    stage.connect()
    assert not stage.line.paused


def test_what_comes_after_the_end_is_for_nobody() -> None:
    """An exchange that is over neither speaks nor counts nor arms anything, whatever it is told."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    exchange.response(ANSWER)
    stage.transcript.take()
    exchange.request([b"late"])
    exchange.response([b"late"])
    exchange.upstream_failed(gone())
    exchange.fail(DownstreamGone())
    for side, high in product((Side.UPSTREAM, Side.DOWNSTREAM), (True, False)):
        exchange.pressure(side, high=high)
    assert stage.transcript.take() == []
    assert (len(stage.ends), stage.line.done, stage.at_rest()) == (1, 1, True)


def brought(stage: Stage, state: State, head: RequestHead = POST, *, reused: bool = False) -> Exchange:
    """An exchange in that state."""
    if state is State.PREPARING:
        return stage.exchange(head)
    exchange = stage.asked(head=head)
    if state is not State.CONNECTING:
        stage.connect(reused=reused)
        if state in {State.WAITING, State.ANSWERING, State.DONE}:
            exchange.request([END])
        if state in {State.EARLY, State.ANSWERING, State.DONE}:
            exchange.response([OK])
        if state is State.DONE:
            exchange.response([b"hi", END])
    assert exchange.state is state
    stage.transcript.take()
    return exchange


def step(stage: Stage, exchange: Exchange, what: Input) -> None:
    """Let that happen."""
    if what is Input.PREPARED:
        exchange.start()
    elif what is Input.CONNECTED:
        stage.connect()
    elif exchange.state is State.PREPARING and what is Input.RESPONSE_END:
        exchange.reply(Reply(200))
    elif what is Input.REQUEST_END:
        exchange.request([END])
    elif what in {Input.RESPONSE_HEAD, Input.RESPONSE_END}:
        exchange.response([OK] if what is Input.RESPONSE_HEAD else [b"hi", END])
    elif what is Input.RETRY:
        exchange.upstream_failed(gone())
    else:
        exchange.fail(DownstreamGone())


ORDINARY = [way for way in TRANSITIONS if way[0] is not State.UPGRADED and way[1] is not Input.UPGRADE]
"""What happens to exchanges that end with an answer; `test_exchange_answer_upgrade.py` has the others."""


@pytest.mark.parametrize(("state", "what"), ORDINARY, ids=lambda value: value.name)
def test_the_table_is_what_happens(state: State, what: Input) -> None:
    """Every listed input leads where the table says, and everything is given back just when it ends there."""
    stage = Stage()
    exchange = brought(stage, state, GET if what is Input.RETRY else POST, reused=True)
    step(stage, exchange, what)
    assert exchange.state is TRANSITIONS[state, what]
    assert (stage.line.done == 1) is (exchange.state is State.DONE)
    assert exchange.state is not State.DONE or stage.at_rest()


@pytest.mark.parametrize("error", [gone(), ResponseInvalid("nonsense"), DownstreamGone(), UpstreamTimeout()], ids=repr)
@pytest.mark.parametrize(
    "state",
    [state for state in PHASES if state not in {State.PREPARING, State.CONNECTING, State.UPGRADED}],
    ids=str,
)
def test_a_failure_is_told_or_shown_by_a_cut(state: State, error: BalancerError) -> None:
    """Before an answer begins the client is told, after that it is cut; the backend is let go, the picker is told."""
    stage = Stage()
    exchange = brought(stage, state, reused=True)
    (exchange.fail if error.side is Side.DOWNSTREAM else exchange.upstream_failed)(error)
    begun = state in {State.EARLY, State.ANSWERING}
    complete = "" if state in {State.WAITING, State.ANSWERING} else ", request unfinished"
    verdict = "client cut" if begun else f"client refused {error.status} {error.reason}"
    assert stage.transcript.take() == ["u1 cut", verdict, f"client done{complete}"]
    (outcome,) = stage.algorithm.ends
    assert (outcome.phase, outcome.error, outcome.status) == (PHASES[state], error, 200 if begun else None)
    assert stage.ends == [error]
    assert stage.at_rest()


@pytest.mark.parametrize("messages", [(), (END,)])
def test_a_client_that_leaves_ends_the_dialing(messages: tuple[Message, ...]) -> None:
    """While no connection stands a failure takes back the wish for one, and tells whether the request was whole."""
    stage = Stage()
    exchange = stage.asked(*messages, head=POST)
    exchange.fail(DownstreamGone())
    complete = "" if messages else ", request unfinished"
    said = ["dial cancelled", "client refused 499 downstream-gone", f"client done{complete}"]
    assert stage.transcript.take()[-3:] == said
    assert stage.at_rest()


def test_no_connection_is_an_answer_at_once() -> None:
    """A backend that cannot be reached is what the client is told."""
    stage = Stage()
    stage.at_once.append(lambda exchange: exchange.fail(ConnectFailed("refused")))
    stage.asked(END)
    assert stage.transcript.take() == ["dial", "client refused 502 connect-failed", "client done"]
    assert stage.at_rest()


def test_the_backend_gets_its_time_to_answer() -> None:
    """Once the request is complete it is the backend that is waited for, as long as its own patience says."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    stage.clock.advance(PATIENCE.first - 1)
    exchange.response([ResponseHead(102)])
    stage.clock.advance(PATIENCE.first - 1)
    assert stage.ends == []
    exchange.response([])  # a part of a head
    stage.clock.advance(2)
    assert [type(end) for end in stage.ends] == [UpstreamTimeout]
    assert stage.transcript.take()[3:] == ["u1 cut", "client refused 504 upstream-timeout", "client done"]
    assert stage.backend.failed == 1
    assert stage.at_rest()


def test_the_client_gets_its_time_to_go_on() -> None:
    """While the request is not complete it is the client that is waited for."""
    stage = Stage()
    exchange = stage.asked(head=POST)
    stage.connect()
    stage.clock.advance(PATIENCE.body - 1)
    exchange.request([b"1"])
    stage.clock.advance(PATIENCE.body - 1)
    assert stage.ends == []
    stage.clock.advance(2)
    assert [type(end) for end in stage.ends] == [DownstreamTimeout]
    assert stage.at_rest()


def test_the_little_that_is_left_of_a_request_is_passed_on() -> None:
    """Where the client's connection stays, an early answer costs no connection: the rest of the body comes."""
    stage = Stage()
    stage.line.stays = True
    exchange = stage.asked(b"1", head=POST)
    stage.connect()
    stage.transcript.take()
    exchange.response(ANSWER)
    exchange.pressure(Side.UPSTREAM, high=True)
    exchange.pressure(Side.UPSTREAM, high=False)
    exchange.request([b"2"])
    assert stage.ends == []
    exchange.request([b"3", END])
    said = ["client << 200; 'hi'; end", "client resumed", "client paused", "client resumed", "u1 >> '2'"]
    assert stage.transcript.take() == [*said, "u1 >> '3'; end", "u1 kept", "client done"]
    assert (stage.ends, stage.at_rest()) == ([None], True)


@pytest.mark.parametrize("last", ["end", "late", "fail"])
@pytest.mark.parametrize("how", ["answered", "refused"])
def test_what_is_left_of_a_request_may_be_for_nobody(how: str, last: str) -> None:
    """When the backend is gone what still comes is dropped, within ten seconds; and the client has its answer."""
    stage = Stage()
    stage.line.stays = True
    exchange = stage.asked(head=POST)
    stage.connect()
    if how == "answered":
        exchange.response(ANSWER)
    exchange.upstream_failed(gone())
    exchange.request([b"2"])
    stage.transcript.take()
    if last == "end":
        exchange.request([END])
    elif last == "late":
        stage.clock.advance(LEFT_OVER_TIME + 2)
    else:
        exchange.fail(DownstreamGone())
    assert stage.transcript.take() == ["client done" if last == "end" else "client done, request unfinished"]
    assert [type(end) for end in stage.ends] == [type(None) if how == "answered" else UpstreamGone]
    assert stage.at_rest()


def test_a_body_may_go_past_it() -> None:
    """Bytes that nobody has to see go from port to port by themselves, and are counted; silence is counted anew."""
    stage = Stage()
    exchange = stage.asked(head=POST)
    assert exchange.request_sink(9) is None
    upstream = stage.connect()
    upstream.way, stage.line.way = "up", "down"
    assert (exchange.request_sink(9), exchange.answer_sink(9)) == ("up", None)
    exchange.request_passed(9)
    exchange.request([END])
    exchange.response([OK])
    assert exchange.answer_sink(2) == "down"
    stage.clock.advance(5)
    exchange.answer_passed(0)
    assert exchange.since == stage.deadlines.now
    exchange.answer_passed(2)
    assert (upstream.skipped, stage.line.skipped) == (9, 2)
    exchange.response([END])
    assert (stage.ends, stage.at_rest()) == ([None], True)
    exchange.request_passed(0)


@pytest.mark.parametrize(("who", "error"), [("client", UpstreamTimeout), ("backend", DownstreamTimeout)])
def test_who_takes_nothing_of_what_goes_past_is_to_blame(who: str, error: type[BalancerError]) -> None:
    """Bytes that wait unseen for one side are that side's silence."""
    stage = Stage()
    exchange = stage.asked(head=POST)
    upstream = stage.connect()
    if who == "backend":
        exchange.request([END])
    (stage.line if who == "client" else upstream).congested = True
    stage.clock.advance(max(PATIENCE.first, PATIENCE.reading, PATIENCE.body) + 5)
    assert [type(end) for end in stage.ends] == [error]


@pytest.mark.parametrize("side", [Side.DOWNSTREAM, Side.UPSTREAM])
def test_who_takes_some_is_not_silent(side: Side) -> None:
    """A side that reads, if ever so slowly, is borne with; as soon as it takes nothing any more, its time runs."""
    stage = Stage()
    exchange = stage.asked(head=POST)
    port = stage.connect() if side is Side.UPSTREAM else stage.line
    if side is Side.DOWNSTREAM:
        stage.connect()
    exchange.request([END])
    exchange.pressure(side, high=True)
    port.takes = True
    stage.clock.advance(200)
    assert stage.ends == []
    port.takes = False
    stage.clock.advance(max(PATIENCE.first, PATIENCE.reading) + 5)
    assert [type(end) for end in stage.ends] == [UpstreamTimeout if side is Side.UPSTREAM else DownstreamTimeout]
    assert stage.at_rest()


@pytest.mark.parametrize("early", [False, True])
def test_a_body_beyond_its_bound_is_refused(early: bool) -> None:
    """A body in chunks that grows beyond what the route allows is told as 413, or cut once an answer has begun."""
    stage = Stage()
    stage.max_body = 2
    exchange = stage.asked(b"1", head=POST)
    stage.connect()
    assert exchange.request_sink(1) is None
    if early:
        exchange.response([OK])
    stage.transcript.take()
    exchange.request([b"2"])
    exchange.request([b"3", END])
    verdict = "client cut" if early else "client refused 413 request-refused"
    assert stage.transcript.take() == ["u1 >> '2'", "u1 cut", verdict, "client done"]
    assert stage.at_rest()


def test_a_body_that_is_too_long_meets_no_backend() -> None:
    """One that is declared to be longer, or whose first bytes are more, is refused before a connection is asked for."""
    for head in (POST, RequestHead("POST", "/", length=3)):
        stage = Stage()
        stage.max_body = 2
        stage.asked(b"123", head=head)
        assert stage.transcript.take() == ["client refused 413 request-refused", "client done, request unfinished"]


def test_a_body_within_its_bound_is_not_counted() -> None:
    """One that is declared to be no longer than it may be needs no count, and may go past."""
    stage = Stage()
    stage.max_body = 3
    exchange = stage.asked(b"1", head=RequestHead("POST", "/", length=3))
    stage.connect().way = "up"
    assert exchange.request_sink(2) == "up"
