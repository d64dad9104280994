"""Exchanges that end in a change of protocol: who has a say in it, and that its end is the exchange's."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.core.exchange import Exchange
from balancer.core.exchange_states import State
from balancer.core.messages import END, RequestHead, ResponseHead
from balancer.errors import BalancerError, DownstreamGone, IdleTimeout, UpstreamGone
from balancer.interfaces import Phase, Reply
from tests.core.stage import Stage
from tests.core.test_exchange_answer import Filter

ASK = RequestHead("GET", "/chat", "site", fields=(("sec-websocket-key", "x"),), upgrade=("websocket", "h2c"))
FIELDS = (("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", "y"), ("keep-alive", "5"))
CONSENT = ResponseHead(101, fields=FIELDS, length=None)
TOLD = (("sec-websocket-accept", "y"), ("connection", "upgrade"), ("upgrade", "websocket"))


def asked(head: RequestHead = ASK, *filters: Any) -> tuple[Stage, Exchange]:
    """An exchange whose request has reached a backend."""
    stage = Stage()
    exchange = stage.asked(END, head=head, filters=filters)
    stage.connect()
    stage.transcript.take()
    return stage, exchange


def test_what_is_asked_for() -> None:
    """The backend is asked for those protocols that the route allows, and a change is what is expected then."""
    stage, _ = asked()
    head = stage.upstreams[0].said[0]
    assert isinstance(head, RequestHead)
    assert head.fields == (*ASK.fields, ("connection", "upgrade"), ("upgrade", "websocket"))
    assert head.upgrade == ("websocket",)
    assert stage.algorithm.sessions[0].request is head


def test_what_a_filter_leaves_of_it() -> None:
    """A filter that takes the wish away makes an ordinary request of it."""

    class Refusing(Filter):
        def request(self, head: RequestHead, session: Any) -> RequestHead:
            return RequestHead(head.method, head.target, head.authority, fields=head.fields)

    stage, _ = asked(ASK, Refusing(lambda head: head))
    head = stage.upstreams[0].said[0]
    assert isinstance(head, RequestHead)
    assert (head.upgrade, head.fields) == ((), ASK.fields)


@pytest.mark.parametrize(
    ("error", "phase"), [(None, Phase.DONE), (IdleTimeout("quiet"), Phase.DATA), (UpstreamGone("gone"), Phase.DATA)]
)
def test_the_end_of_it_is_the_end_of_the_exchange(error: BalancerError | None, phase: Phase) -> None:
    """The backend is given back once, when both connections have ended, with what ended them."""
    stage, exchange = asked()
    exchange.response([CONSENT, b"behind it"])
    assert stage.transcript.take() == ["client << 101; 'behind it'", "client and u1 change"]
    assert stage.line.said[0] == ResponseHead(101, fields=TOLD, length=None)
    assert (exchange.state, exchange.status, stage.backend.active, stage.ends) == (State.UPGRADED, 101, 1, [])
    stage.line.changed(error, (3, 4))
    assert stage.transcript.take() == ["client done"]
    (outcome,) = stage.algorithm.ends
    assert (outcome.phase, outcome.status, outcome.error) == (phase, 101, error)
    assert (stage.ends, exchange.moved, stage.at_rest()) == ([error], (3, 4), True)
    stage.line.changed(DownstreamGone("told twice"), (9, 9))
    assert (len(stage.ends), stage.transcript.take()) == (1, [])


@pytest.mark.parametrize("upgrade", ["h2c", "mqtt", ""])
def test_a_change_to_something_else_is_no_answer(upgrade: str) -> None:
    """A 101 to what was not asked for, as far as the route allows it, is a bad answer of the backend's."""
    stage, exchange = asked()
    exchange.response([ResponseHead(101, fields=(("connection", "upgrade"), ("upgrade", upgrade)), length=None)])
    assert stage.transcript.take() == ["u1 cut", "client refused 502 response-invalid", "client done"]
    assert stage.at_rest()


def test_another_answer_is_an_answer() -> None:
    """A backend that does not consent answers as ever, and its connection is kept."""
    stage, exchange = asked()
    exchange.response([ResponseHead(403, length=0), END])
    assert stage.transcript.take() == ["client << 403; end", "u1 kept", "client done"]


def test_filters_see_the_consent() -> None:
    """A filter may add to it, though not change what it is."""
    stage, exchange = asked(ASK, Filter(lambda head: head.with_field("x-seen", "yes")))
    exchange.response([CONSENT])
    (said,) = stage.line.said
    assert isinstance(said, ResponseHead)
    assert said.fields == (TOLD[0], ("x-seen", "yes"), *TOLD[1:])


def test_a_filter_may_answer_in_its_place() -> None:
    """A filter's own answer goes out in place of the consent, and that backend's connection is cut."""
    stage, exchange = asked(ASK, Filter(lambda _head: Reply(403)))
    exchange.response([CONSENT, b"behind it"])
    assert stage.transcript.take() == ["client replied 403", "u1 cut", "client done"]
    assert stage.at_rest()


def test_a_client_that_leaves_while_it_is_told() -> None:
    """Nothing changes with one who is gone."""
    stage, exchange = asked()
    stage.transcript.when["client send 101"] = lambda: exchange.fail(DownstreamGone("left"))
    exchange.response([CONSENT])
    assert stage.transcript.take() == ["u1 cut", "client refused 499 downstream-gone", "client done"]
    assert stage.at_rest()


def test_what_breaks_before_is_tried_again() -> None:
    """A request for a change is sent again like any other, as long as nothing has come."""
    stage, exchange = asked()
    exchange.upstream_failed(UpstreamGone("gone"))
    stage.connect()
    exchange.response([CONSENT])
    assert stage.transcript.take()[-2:] == ["client << 101", "client and u2 change"]
    stage.line.changed(None, (0, 0))
    assert stage.at_rest()
