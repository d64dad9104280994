"""The answer's half of an exchange: what the client gets, who has a say in it, and what it costs the connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from balancer.core.messages import END, End, RequestHead, ResponseHead
from balancer.core.retries import RetryPolicy
from balancer.errors import PolicyFailed, ResponseInvalid
from balancer.interfaces import Reply
from tests.core.stage import ANSWER, POST, Stage


class Filter:
    """Does to every answer what it was made for."""

    def __init__(self, step: Callable[[ResponseHead], Any]) -> None:
        self._step = step

    def request(self, head: RequestHead, session: Any) -> RequestHead:
        return head

    def response(self, head: ResponseHead, session: Any) -> Any:
        return self._step(head)


def failing(_head: ResponseHead) -> ResponseHead:
    """Stands for a plugin with a mistake."""
    raise LookupError


def unfit() -> None:
    """What an encoder does with a message that cannot be written."""
    raise PolicyFailed("unfit")


def test_interim_heads_pass_and_do_not_answer() -> None:
    """Heads below 200 go to the client as they come, without what belongs to the backend's connection."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    exchange.response([ResponseHead(103, fields=(("link", "</a>"), ("keep-alive", "1")))])
    exchange.response([ResponseHead(200, fields=(("alt-svc", "h3"),), length=2)])
    exchange.response([b"hi", End((("x-sum", "1"), ("date", "now")))])
    said = ["client << 103", "client << 200", "client << 'hi'; end", "u1 kept", "client done"]
    assert stage.transcript.take()[2:] == said
    assert stage.line.said[:2] == [ResponseHead(103, fields=(("link", "</a>"),)), ResponseHead(200, length=2)]
    assert stage.line.said[-1] == End((("x-sum", "1"),))


def test_a_consent_to_a_change_of_protocol_goes_down_first() -> None:
    """A 101 is an answer's head, and what came behind it goes out with it, before anything changes."""
    stage = Stage()
    exchange = stage.asked(END, head=RequestHead("GET", "/", "site", upgrade=("websocket",)))
    stage.connect()
    fields = (("connection", "upgrade"), ("upgrade", "websocket"))
    exchange.response([ResponseHead(100), ResponseHead(101, fields=fields, length=None), b"behind"])
    assert stage.transcript.take()[2:] == ["client << 100; 101; 'behind'", "client and u1 change"]


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
    said = ["client << 200", "u1 >> '2'", "client << 'hi'; end", "u1 cut", "client done, request unfinished"]
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
    assert stage.transcript.take()[-3:] == ["client << 'hi'; end", "u1 kept", "client done"]


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


def test_a_picker_without_a_say_is_not_asked() -> None:
    """Where the picker has no say in answers, their heads go down as they are."""
    stage = Stage()
    stage.algorithm.rewrites = failing
    exchange = stage.asked(END)
    stage.connect()
    assert exchange.lease is not None
    exchange.lease.has_say = False
    exchange.response(ANSWER)
    assert stage.ends == [None]


def test_what_came_before_the_answer_of_a_filter_goes_out() -> None:
    """An interim head is not taken back by a filter that answers in place of the backend."""
    stage = Stage()
    exchange = stage.asked(END, filters=[Filter(lambda _: Reply(418))])
    stage.connect()
    exchange.response([ResponseHead(103), *ANSWER])
    assert stage.transcript.take()[2:] == ["client << 103", "client replied 418", "u1 cut", "client done"]


@pytest.mark.parametrize(("culprit", "told"), [("filter", "500 filter-failed"), ("picker", "503 policy-failed")])
def test_a_plugin_that_fails_is_contained(culprit: str, told: str) -> None:
    """A filter or a picker that raises over an answer costs that answer and nothing else: the client is told."""
    stage = Stage()
    if culprit == "picker":
        stage.algorithm.rewrites = failing
    exchange = stage.asked(END, filters=[Filter(failing)] if culprit == "filter" else ())
    stage.connect()
    exchange.response(ANSWER)
    assert stage.transcript.take()[2:] == ["u1 cut", f"client refused {told}", "client done"]
    assert stage.backend.failed == 0
    assert stage.at_rest()


@pytest.mark.parametrize(
    ("cue", "verdict"),
    [
        ("u1 send GET /a", "refused 503 policy-failed"),
        ("u1 send end", "refused 503 policy-failed"),
        ("client send 103", "refused 503 policy-failed"),
        ("client send 200", "refused 503 policy-failed"),
        ("client send 'hi'", "refused 503 policy-failed"),
        ("client send end", "refused 503 policy-failed"),
    ],
)
def test_a_message_that_cannot_be_written_ends_it(cue: str, verdict: str) -> None:
    """A port that refuses to encode is a failure like any other, and told, since nothing of that piece goes out."""
    stage = Stage()
    stage.transcript.when[cue] = unfit
    exchange = stage.asked(END)
    stage.connect()
    exchange.response([ResponseHead(103), *ANSWER])
    assert stage.transcript.take()[-3:] == ["u1 cut", f"client {verdict}", "client done"]
    assert stage.at_rest()


def test_more_that_cannot_be_written_is_a_cut() -> None:
    """Once a head is out, what does not encode is a cut."""
    stage = Stage()
    stage.transcript.when["client send 'hi'"] = unfit
    exchange = stage.asked(END)
    stage.connect()
    exchange.response([ANSWER[0]])
    exchange.response(ANSWER[1:])
    assert stage.transcript.take()[-3:] == ["u1 cut", "client cut", "client done"]
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


def test_bytes_that_are_no_message_yet_do_not_buy_time() -> None:
    """A backend whose head comes byte by byte has as long for it as one that says nothing."""
    stage = Stage()
    exchange = stage.asked(END)
    stage.connect()
    since = exchange.since
    stage.clock.advance(5)
    exchange.response([])
    assert exchange.since == since


def test_no_try_is_late_once_the_client_has_its_answer() -> None:
    """While the rest of a refused request is awaited the time-out of its try is over: nothing is sent again."""
    stage = Stage(policy=RetryPolicy(attempts=3, per_try=2))
    stage.line.stays = True
    exchange = stage.asked(b"1", head=RequestHead("PUT", "/", length=2))
    stage.connect()
    exchange.upstream_failed(ResponseInvalid("nonsense"))
    stage.transcript.take()
    stage.clock.advance(3)
    exchange.request([b"2", END])
    assert stage.transcript.take() == ["client done"]
    assert stage.at_rest()
