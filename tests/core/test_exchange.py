"""The exchange: what each side hears, who is blamed, and that it ends once and leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from balancer.core.exchange import Exchange
from balancer.core.exchange_states import PHASES, TRANSITIONS, Input, State
from balancer.core.messages import END, End, Message, RequestHead, ResponseHead
from balancer.errors import (
    BalancerError,
    ConnectFailed,
    DownstreamGone,
    DownstreamTimeout,
    PolicyFailed,
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
    said = ["dial", "u1 >> GET /a; end", "u1 kept", "client << 200; 'hi'; end", "client done"]
    assert stage.transcript.take() == said
    assert (stage.ends, exchange.status, stage.at_rest()) == ([None], 200, True)
    (outcome,) = stage.algorithm.ends
    assert (outcome.phase, outcome.status, outcome.error, outcome.first_byte) == (Phase.DONE, 200, None, 3)


def test_a_body_is_read_once_a_connection_stands() -> None:
    """Of a request with a body no more is read until a backend can take it; what came before is sent, in order."""
    stage = Stage()
    exchange = stage.asked(b"1", head=POST)
    exchange.request([b"2"])
    stage.connect()
    exchange.request([b"3", End((("x-sum", "6"), ("host", "evil")))])
    said = ["client paused", "dial", "u1 >> POST /a; '1'; '2'", "client resumed", "u1 >> '3'; end"]
    assert stage.transcript.take() == said
    assert stage.upstreams[0].said[-1] == End((("x-sum", "6"),))


def test_interim_heads_pass_and_do_not_answer() -> None:
    """Heads below 200 go to the client as they come, without what belongs to the backend's connection."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    exchange.response([ResponseHead(103, fields=(("link", "</a>"), ("keep-alive", "1")))])
    exchange.response([ResponseHead(200, fields=(("alt-svc", "h3"),), length=2)])
    exchange.response([b"hi", End((("x-sum", "1"), ("date", "now")))])
    said = ["client << 103", "client << 200", "u1 kept", "client << 'hi'; end", "client done"]
    assert stage.transcript.take()[2:] == said
    assert stage.line.said[:2] == [ResponseHead(103, fields=(("link", "</a>"),)), ResponseHead(200, length=2)]
    assert stage.line.said[-1] == End((("x-sum", "1"),))


def test_a_body_that_ends_in_spite_of_the_pause_leaves_nothing_paused() -> None:
    """When the rest of a request came before the connection stood, the client is listened to again all the same."""
    stage = Stage()
    exchange = stage.asked(b"1", head=POST)
    exchange.request([END])
    stage.connect()
    assert not stage.line.paused


def test_an_early_answer_that_ends_first_costs_the_connection() -> None:
    """An answer that is complete before its request is goes out whole; the connection serves no other exchange."""
    stage = Stage()
    exchange = stage.asked(b"1", head=POST)
    stage.connect()
    stage.transcript.take()
    exchange.response(ANSWER[:1])
    exchange.request([b"2"])
    exchange.response(ANSWER[1:])
    exchange.request([b"3", END])
    said = ["client << 200", "u1 >> '2'", "u1 cut", "client << 'hi'; end", "client done, request unfinished"]
    assert stage.transcript.take() == said
    assert stage.at_rest()


def test_an_early_answer_may_outlive_its_request() -> None:
    """When the request is complete before the early answer is, the connection is kept."""
    stage = Stage()
    exchange = stage.asked(head=POST)
    stage.connect()
    exchange.response(ANSWER[:1])
    exchange.request([END])
    exchange.response(ANSWER[1:])
    assert stage.transcript.take()[-3:] == ["u1 kept", "client << 'hi'; end", "client done"]


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
    if what is Input.CONNECTED:
        stage.connect()
    elif what is Input.REQUEST_END:
        exchange.request([END])
    elif what in {Input.RESPONSE_HEAD, Input.RESPONSE_END}:
        exchange.response([OK] if what is Input.RESPONSE_HEAD else [b"hi", END])
    elif what is Input.RETRY:
        exchange.upstream_failed(gone())
    else:
        exchange.fail(DownstreamGone())


@pytest.mark.parametrize(("state", "what"), list(TRANSITIONS), ids=lambda value: value.name)
def test_the_table_is_what_happens(state: State, what: Input) -> None:
    """Every listed input leads where the table says, and everything is given back just when it ends there."""
    stage = Stage()
    exchange = brought(stage, state, GET if what is Input.RETRY else POST, reused=True)
    step(stage, exchange, what)
    assert exchange.state is TRANSITIONS[state, what]
    assert (stage.line.done == 1) is (exchange.state is State.DONE)
    assert exchange.state is not State.DONE or stage.at_rest()


@pytest.mark.parametrize("error", [gone(), ResponseInvalid("nonsense"), DownstreamGone(), UpstreamTimeout()], ids=repr)
@pytest.mark.parametrize("state", [state for state in PHASES if state is not State.CONNECTING], ids=str)
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


class Filter:
    """Does to every answer what it was made for."""

    def __init__(self, step: Callable[[ResponseHead], Any]) -> None:
        self._step = step

    def response(self, head: ResponseHead, session: Any) -> Any:
        return self._step(head)


def failing(_head: ResponseHead) -> ResponseHead:
    """Stands for a plugin with a mistake."""
    raise LookupError


def test_filters_see_the_answer_last() -> None:
    """The picker has its say on the head of an answer, then the filters, and the client gets what they made of it."""
    stage = Stage()
    stage.algorithm.rewrites = lambda head: head.with_field("x-by", "picker")
    exchange = stage.asked(END, filters=[Filter(lambda head: head.with_field("x-by", f"{head.get('x-by')}, filter"))])
    stage.connect()
    exchange.response(ANSWER)
    head = stage.line.said[0]
    assert isinstance(head, ResponseHead)
    assert head.get("x-by") == "picker, filter"


def test_a_filter_may_answer_instead() -> None:
    """A `Reply` to the answer's head ends the matter: the client gets it, the backend's body is not waited for."""
    stage = Stage()
    exchange = stage.asked(END, filters=[Filter(lambda _: Reply(418))])
    stage.connect()
    exchange.response(ANSWER)
    assert stage.transcript.take()[2:] == ["client replied 418", "u1 cut", "client done"]
    (outcome,) = stage.algorithm.ends
    assert (outcome.status, outcome.error, exchange.status) == (418, None, 418)
    assert stage.at_rest()


@pytest.mark.parametrize("culprit", ["filter", "picker"])
def test_a_plugin_that_fails_is_contained(culprit: str) -> None:
    """A filter or a picker that raises over an answer costs that answer and nothing else: the client is told 503."""
    stage = Stage()
    if culprit == "picker":
        stage.algorithm.rewrites = failing
    exchange = stage.asked(END, filters=[Filter(failing)] if culprit == "filter" else ())
    stage.connect()
    exchange.response(ANSWER)
    assert stage.transcript.take()[2:] == ["u1 cut", "client refused 503 policy-failed", "client done"]
    assert stage.backend.failed == 0
    assert stage.at_rest()


def unfit() -> None:
    """What an encoder does with a message that cannot be written."""
    raise PolicyFailed("unfit")


@pytest.mark.parametrize(
    ("cue", "verdict"),
    [
        ("u1 send GET /a", "refused 503 policy-failed"),
        ("u1 send end", "refused 503 policy-failed"),
        ("client send 103", "refused 503 policy-failed"),
        ("client send 200", "refused 503 policy-failed"),
        ("client send 'hi'", "cut"),
        ("client send end", "cut"),
    ],
)
def test_a_message_that_cannot_be_written_ends_it(cue: str, verdict: str) -> None:
    """A port that refuses to encode is a failure like any other: told while it can be, a cut after that."""
    stage = Stage()
    stage.transcript.when[cue] = unfit
    exchange = stage.asked(END)
    stage.connect()
    exchange.response([ResponseHead(103), *ANSWER])
    assert stage.transcript.take()[-3:] == ["u1 cut", f"client {verdict}", "client done"]
    assert stage.at_rest()


def test_a_reply_that_cannot_be_written_is_told() -> None:
    """A filter's own answer that does not encode is refused in its place, since nothing of it went out."""
    stage = Stage()
    stage.transcript.when["client send reply"] = unfit
    exchange = stage.asked(END, filters=[Filter(lambda _: Reply(418))])
    stage.connect()
    exchange.response(ANSWER)
    assert stage.transcript.take()[2:] == ["u1 cut", "client refused 503 policy-failed", "client done"]
    assert stage.at_rest()


def test_the_backend_gets_its_time_to_answer() -> None:
    """Once the request is complete it is the backend that is waited for, as long as its own patience says."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    stage.clock.advance(PATIENCE.upstream - 1)
    exchange.response([])
    stage.clock.advance(PATIENCE.upstream - 1)
    assert stage.ends == []
    stage.clock.advance(2)
    assert [type(end) for end in stage.ends] == [UpstreamTimeout]
    assert stage.transcript.take()[2:] == ["u1 cut", "client refused 504 upstream-timeout", "client done"]
    assert stage.backend.failed == 1
    assert stage.at_rest()


def test_the_client_gets_its_time_to_go_on() -> None:
    """While the request is not complete it is the client that is waited for."""
    stage = Stage()
    exchange = stage.asked(head=POST)
    stage.connect()
    stage.clock.advance(PATIENCE.downstream - 1)
    exchange.request([b"1"])
    stage.clock.advance(PATIENCE.downstream - 1)
    assert stage.ends == []
    stage.clock.advance(2)
    assert [type(end) for end in stage.ends] == [DownstreamTimeout]
    assert stage.at_rest()
