"""The exchange when connections break: what is sent again, and ports that break in the middle of a call."""

from __future__ import annotations

import pytest

from balancer.core.backend import Backend
from balancer.core.exchange_states import State
from balancer.core.messages import END, Message, RequestHead, ResponseHead
from balancer.errors import BackendDown, BalancerError, DownstreamGone, NoBackend, ResponseInvalid, UpstreamGone
from balancer.interfaces import Phase
from tests.core.stage import ANSWER, GET, Stage


def test_a_stale_connection_is_replaced_by_a_fresh_one() -> None:
    """A request that met the end of a kept connection is sent once more, whole, on a connection that is new."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect(reused=True)
    exchange.upstream_failed(UpstreamGone())
    assert exchange.session.attempt == 2
    stage.connect()
    exchange.response(ANSWER)
    first = ["dial", "u1 >> GET /a; end", "u1 cut"]
    second = ["dial fresh", "u2 >> GET /a; end", "client << 200; 'hi'; end", "u2 kept", "client done"]
    assert stage.transcript.take() == first + second
    assert [outcome.phase for outcome in stage.algorithm.ends] == [Phase.RESPONSE, Phase.DONE]
    assert stage.at_rest()


def test_a_connection_that_is_given_up_is_closed() -> None:
    """When the backend is not to be waited for any longer, its connection is cut before another one is asked."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    exchange.upstream_failed(BackendDown())
    assert stage.transcript.take()[-2:] == ["u1 cut", "dial fresh"]
    assert exchange.session.tried == (stage.backend,)
    assert isinstance(stage.algorithm.ends[0].error, BackendDown)
    exchange.fail(NoBackend("every backend that is up was tried"))
    assert stage.transcript.take()[-2:] == ["client refused 502 backend-down", "client done"]
    assert stage.at_rest()


def test_only_the_backend_that_it_is_on_is_left() -> None:
    """A backend that is not to be used any more is given up while it is connected to, and later; any other is not."""
    stage = Stage()
    other = Backend("other", "o:80", ("o", 80), seconds=stage.clock.seconds)
    exchange = stage.asked(END)
    exchange.leave(stage.backend, BackendDown())
    stage.connect()
    exchange.leave(other, BackendDown())
    assert stage.transcript.take() == ["dial", "dial leaves b", "u1 >> GET /a; end"]
    exchange.leave(stage.backend, BackendDown())
    assert stage.transcript.take() == ["u1 cut", "dial fresh"]


def test_the_end_of_a_request_is_sent_once_more_only_if_it_came() -> None:
    """A request whose end has not come yet when its connection breaks is not ended by the retry."""
    stage = Stage()
    exchange = stage.asked()
    stage.connect(reused=True)
    exchange.upstream_failed(UpstreamGone())
    stage.connect()
    assert exchange.state is State.SENDING
    exchange.request([END])
    assert [line for line in stage.transcript.take() if ">>" in line] == ["u1 >> GET /a", "u2 >> GET /a", "u2 >> end"]


def test_a_request_is_sent_so_often_and_no_more() -> None:
    """Retries end with the attempts that the pool allows, so that nothing loops."""
    stage = Stage()
    exchange = stage.asked(END)
    for _ in range(stage.attempts):
        stage.connect()
        exchange.upstream_failed(UpstreamGone())
    assert stage.transcript.take()[-3:] == ["u3 cut", "client refused 502 upstream-gone", "client done"]
    assert stage.at_rest()


def test_a_backend_that_breaks_a_new_connection_is_avoided() -> None:
    """A retry goes elsewhere; if there is nobody else, there was none, and the client is told of the failure itself."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    exchange.upstream_failed(UpstreamGone())
    assert exchange.session.tried == (stage.backend,)
    exchange.fail(NoBackend("every backend that is up was tried"))
    assert stage.transcript.take()[-2:] == ["client refused 502 upstream-gone", "client done"]
    assert (exchange.session.attempt, exchange.session.retries) == (1, ())


def test_a_kept_connection_that_ends_speaks_for_itself_alone() -> None:
    """The backend behind a stale connection may be asked again: it may be the only one."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect(reused=True)
    exchange.upstream_failed(UpstreamGone())
    assert exchange.session.tried == ()


NEVER: list[tuple[str, RequestHead, BalancerError, list[list[Message]]]] = [
    ("method", RequestHead("POST", "/a"), UpstreamGone(), []),
    ("body", RequestHead("PUT", "/a", length=3), UpstreamGone(), []),
    ("error", GET, ResponseInvalid("nonsense"), []),
    ("interim", GET, UpstreamGone(), [[ResponseHead(103)]]),
    ("half a head", GET, UpstreamGone(), [[]]),
    ("head", GET, UpstreamGone(), [[ANSWER[0]]]),
]


@pytest.mark.parametrize(("head", "error", "heard"), [case[1:] for case in NEVER], ids=[case[0] for case in NEVER])
def test_what_may_not_be_sent_twice_is_not(head: RequestHead, error: BalancerError, heard: list[list[Message]]) -> None:
    """No retry for what is not idempotent, for a body, for nonsense, nor once any byte of an answer has come."""
    stage = Stage()
    exchange = stage.asked(END, head=head)
    stage.connect(reused=True)
    for messages in heard:
        exchange.response(messages)
    exchange.upstream_failed(error)
    assert stage.ends == [error]
    assert stage.waiting == []
    assert stage.at_rest()


def test_a_connection_may_stand_at_once() -> None:
    """A port that has a connection, and even its answer, before it returns is as good as any."""
    stage = Stage()
    stage.transcript.when["u1 >> GET /a; end"] = lambda: stage.carried.response(ANSWER)
    stage.at_once.append(stage.connect)
    stage.asked(END)
    assert stage.transcript.take()[-3:] == ["client << 200; 'hi'; end", "u1 kept", "client done"]
    assert stage.at_rest()


@pytest.mark.parametrize("cue", ["u1 send GET /a", "u1 send end", "u1 >> GET /a; end"])
def test_a_connection_may_break_while_it_is_spoken_to(cue: str) -> None:
    """A kept connection that breaks in the middle of a call is replaced and left alone, and no dial is lost."""
    stage = Stage()
    stage.transcript.when[cue] = lambda: stage.carried.upstream_failed(UpstreamGone())
    stage.at_once.append(lambda exchange: stage.connect(exchange, reused=True))
    exchange = stage.asked(END)
    assert exchange.state is State.CONNECTING
    assert stage.transcript.take()[-1] == "dial fresh"
    exchange.fail(DownstreamGone())
    assert stage.transcript.take() == ["dial cancelled", "client refused 499 downstream-gone", "client done"]
    assert stage.at_rest()


@pytest.mark.parametrize("cue", ["u1 send GET /a", "u1 send end", "u1 >> GET /a; end"])
def test_a_broken_request_reaches_the_next_connection_whole(cue: str) -> None:
    """A connection that breaks in the middle of a call takes nothing of the request with it."""
    stage = Stage()
    stage.transcript.when[cue] = lambda: stage.carried.upstream_failed(UpstreamGone())
    exchange = stage.asked(END)
    stage.connect(reused=True)
    stage.connect()
    assert stage.transcript.take()[-1] == "u2 >> GET /a; end"
    assert exchange.state is State.WAITING


@pytest.mark.parametrize("cue", ["u1 send POST /a", "u1 send '1'", "u1 >> POST /a; '1'"])
def test_a_connection_that_fails_for_good_while_it_is_spoken_to(cue: str) -> None:
    """When what breaks in the middle of a call cannot be sent again, it ends there, and the client is not read on."""
    stage = Stage()
    stage.transcript.when[cue] = lambda: stage.carried.upstream_failed(UpstreamGone())
    stage.asked(b"1", head=RequestHead("POST", "/a", length=2))
    stage.connect()
    said = ["u1 cut", "client refused 502 upstream-gone", "client done, request unfinished"]
    assert stage.transcript.take()[-3:] == said
    assert stage.at_rest()


def test_a_backend_that_leaves_before_the_rest_of_a_request_it_has_answered() -> None:
    """When the answer is out the end of its connection is no failure: what is left of the request is for nobody."""
    stage = Stage()
    stage.line.stays = True
    exchange = stage.asked(head=RequestHead("POST", "/a", length=None))
    stage.connect()
    exchange.response(ANSWER)
    exchange.upstream_failed(UpstreamGone())
    assert stage.transcript.take()[-1] == "u1 cut"
    exchange.request([END])
    assert stage.line.result == "answered"
    assert stage.algorithm.ends[0].error is None
    assert stage.at_rest()
