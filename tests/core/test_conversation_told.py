"""What the operator hears of requests that were refused, and of answers that could not be had."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.core.conversation import Conversation
from balancer.core.messages import RequestHead
from balancer.core.site import Site
from balancer.errors import (
    BalancerError,
    ConnectFailed,
    DownstreamGone,
    DownstreamTimeout,
    NoBackend,
    ResponseInvalid,
    UpstreamGone,
)
from balancer.interfaces import MORE, Reply
from tests.core.stage import ANSWER, FakeLine, Stage
from tests.core.test_conversation import Talk, request

CLIENT_SAID = "client 192.0.2.1"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "400 request-refused: no Host field (RFC 9112 3.2)"),
        (b"GET / HTTP/2.0\r\n\r\n", "505 request-refused: the version is not HTTP/1 (RFC 9110 2.5)"),
        (request("/none", "Cookie: SECRET"), "404 no-route: no route matches"),
    ],
)
def test_why_a_request_was_refused_is_told(said: bytes, line: str) -> None:
    """The operator hears status, reason and cause, and whose request it was, and nothing of what it held."""
    scene = Talk()
    scene.talk.receive(said)
    assert scene.told == [f"{line}, {CLIENT_SAID}, 1 so far"]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NoBackend("pool 'pool': the algorithm chose none"), "503 no-backend: pool 'pool': the algorithm chose none"),
        (ConnectFailed("b:80: refused"), "502 connect-failed: pool 'pool': b:80: refused"),
    ],
)
def test_why_no_backend_was_reached_is_told(error: BalancerError, line: str) -> None:
    """Where no connection is to be had the pool and the cause are told."""
    scene = Talk()
    scene.talk.receive(request())
    scene.stage.waiting.pop().fail(error)
    assert scene.told == [f"{line}, {CLIENT_SAID}, 1 so far"]


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ResponseInvalid("no"), "502 response-invalid: pool 'pool': backend 'b': no"),
        (DownstreamTimeout("silent"), "408 downstream-timeout: silent"),
    ],
)
def test_who_spoilt_an_answer_is_told(begun: bool, error: BalancerError, line: str) -> None:
    """Of an answer that is not to be had whole, begun or not, pool and backend are told if it is their doing."""
    scene = Talk()
    scene.talk.receive(request())
    scene.stage.connect()
    if begun:
        scene.stage.carried.response(ANSWER[:1])
    scene.talk.fail(error)
    assert scene.told == [f"{line}, {CLIENT_SAID}, 1 so far"]


def test_what_made_a_retry_necessary_is_told_of_its_backend() -> None:
    """When nobody is left to try, the backend that broke off is named, since its failure is what the client is told."""
    scene = Talk()
    scene.talk.receive(request())
    scene.stage.connect()
    scene.stage.carried.upstream_failed(UpstreamGone("closed"))
    scene.stage.waiting.pop().fail(NoBackend("nobody left"))
    assert scene.told == [f"502 upstream-gone: pool 'pool': backend 'b': closed, {CLIENT_SAID}, 1 so far"]


def test_what_is_no_failure_is_not_told() -> None:
    """Whole answers, those of filters, and clients that leave are no news."""

    class Teapot:
        def request(self, head: RequestHead, session: Any) -> Any:
            return Reply(418) if head.path == "/pot" else head

        def response(self, head: Any, session: Any) -> Any:
            return head

    scene = Talk(filters=[Teapot()])
    scene.talk.receive(request("/pot") + request())
    scene.answer()
    scene.talk.receive(request())
    scene.talk.fail(DownstreamGone())
    assert scene.told == []
    assert not scene.site.refusals.counts


def test_each_reason_is_told_ever_more_rarely() -> None:
    """A flood of one kind neither fills the log nor hides another kind."""
    scene = Talk()
    scene.talk.receive(request("/none") * 5)
    scene.talk.receive(b"nonsense\r\n\r\n")
    counts = [line.rpartition(", ")[2] for line in scene.told]
    assert counts == ["1 so far", "2 so far", "4 so far", "1 so far"]
    assert sorted(scene.site.refusals.counts.values()) == [1, 5]


def test_a_site_that_nobody_listens_to_counts_all_the_same() -> None:
    """Where no listener to it is given, and no address to tell, refusals are counted and no more."""
    stage, bare = Stage(), Talk(matcher=lambda _session: MORE).site
    site = Site(bare.routes, bare.deadlines, bare.seconds, later=bare.later)
    Conversation(site, FakeLine(stage.transcript), ("", 0)).receive(request())
    assert list(site.refusals.counts) == ["404 no-route"]
