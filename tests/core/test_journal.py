"""What the access log is told: each request once, with its times, its way and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from balancer.core.access import UNKNOWN, Record, Stamps
from balancer.core.conversation import Conversation
from balancer.core.journal import Access
from balancer.core.messages import RequestHead, ResponseHead
from balancer.errors import (
    BackendDown,
    BalancerError,
    ConnectFailed,
    ConnectTimeout,
    DownstreamGone,
    DownstreamTimeout,
    IdleTimeout,
    NoBackend,
    PoolFull,
    ResponseInvalid,
    UpstreamGone,
    UpstreamTimeout,
)
from balancer.interfaces import Reply
from tests.core.stage import ANSWER, CLIENT, OK
from tests.core.test_conversation import Talk, request

STANDING = 1772366587.25
AGENT = ("Referer: http://example.com/", "User-Agent: curl/8", "X-Request-Id: 7")
TIMES = ("request_time", "queue_time", "connect_time", "response_time", "data_time", "total_time")


class Logged(Talk):
    """A conversation of a listener that has a log."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.records: list[Any] = []
        self.site.access = Access(self.records.append, Stamps(lambda: STANDING))
        self.talk = self.line.talk = Conversation(self.site, self.line, CLIENT)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.stage.clock.advance(seconds)

    def fail(self, error: BalancerError) -> None:
        """Fail whatever is under way."""
        self.talk.fail(error)

    def shown(self, *names: str) -> tuple[Any, ...]:
        """Those fields of the one record so far."""
        (record,) = self.records
        return tuple(getattr(record, name) for name in names)

    def ending(self) -> tuple[Any, ...]:
        """Status and end of the one record so far."""
        return self.shown("status", "ending", "stage", "code")


class Teapot:
    """A filter that answers requests for /pot, and in place of answers to /lid."""

    def request(self, head: RequestHead, session: Any) -> Any:
        return Reply(418) if head.path == "/pot" else head

    def response(self, head: ResponseHead, session: Any) -> Any:
        return Reply(418) if session.request.path == "/lid" else head


TOLD = Record(
    time="2026-03-01T12:03:07.250Z",
    date="01/Mar/2026:12:03:07 +0000",
    client=CLIENT[0],
    port=CLIENT[1],
    request="GET /a?b=c HTTP/1.1",
    method="GET",
    target="/a?b=c",
    protocol="HTTP/1.1",
    scheme="http",
    host="site",
    status=200,
    sent_bytes=7,
    received_bytes=len(request("/a?b=c", *AGENT)),
    referer="http://example.com/",
    user_agent="curl/8",
    request_id="7",
    route="all",
    pool="pool",
    backend="b",
    attempts=1,
    retries=UNKNOWN,
    request_time=1,
    queue_time=2,
    connect_time=0,
    response_time=4,
    data_time=8,
    total_time=15,
    ending="done",
    stage="done",
    code="--",
)


def test_an_exchange_that_went_well() -> None:
    """A request and its answer are one record: who asked what, who answered, how long each part took, and the end."""
    scene = Logged()
    whole = request("/a?b=c", *AGENT)
    scene.talk.receive(whole[:9])
    scene.wait(1)
    scene.talk.receive(whole[9:])
    scene.wait(2)
    scene.stage.connect()
    scene.wait(4)
    scene.line.sent += 5
    scene.stage.carried.response([OK])
    scene.wait(8)
    scene.line.sent += 2
    scene.stage.carried.response(ANSWER[1:])
    assert scene.records == [TOLD]


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (None, ("done", "done", "--")),
        (IdleTimeout("quiet"), ("idle-timeout", "data", "PD")),
        (UpstreamGone("gone"), ("upstream-gone", "data", "SD")),
    ],
)
def test_a_change_of_protocol(error: BalancerError | None, ending: tuple[str, ...]) -> None:
    """The record comes when what followed the change is over, with its time and with its bytes."""
    scene = Logged()
    wish = request("/talk", "Connection: upgrade", "Upgrade: websocket")
    scene.talk.receive(wish)
    scene.stage.connect()
    fields = (("connection", "upgrade"), ("upgrade", "websocket"))
    scene.stage.carried.response([ResponseHead(101, fields=fields, length=None)])
    scene.line.sent += 50
    scene.wait(9)
    assert scene.records == []
    scene.line.changed(error, (3, 4))
    assert scene.shown("status", "ending", "stage", "code") == (101, *ending)
    assert scene.shown("received_bytes", "sent_bytes", "data_time") == (len(wish) + 3, 54, 9)


def test_requests_that_follow_one_another() -> None:
    """Each request of a connection has its own bytes and times, those that wait for their turn from when it comes."""
    scene = Logged()
    one, two = request("/1"), request("/2", method="POST")
    scene.talk.receive(one + two[:10])
    scene.wait(1)
    scene.line.sent += 3
    scene.answer()
    scene.wait(2)
    scene.talk.receive(two[10:])
    scene.line.sent += 4
    scene.answer()
    assert [record.target for record in scene.records] == ["/1", "/2"]
    assert [record.received_bytes for record in scene.records] == [len(one), len(two)]
    assert [record.sent_bytes for record in scene.records] == [3, 4]
    assert [record.request_time for record in scene.records] == [0, 2]
    assert [record.total_time for record in scene.records] == [1, 2]


def test_a_head_that_comes_in_many_pieces() -> None:
    """A head has begun with its first byte, however many pieces it comes in; and a body is none of it."""
    scene = Logged()
    whole = request("/a", "Content-Length: 3", method="POST")
    for byte in whole:
        scene.talk.receive(bytes([byte]))
        scene.wait(1)
    scene.stage.connect()
    scene.talk.receive(b"")
    scene.wait(1)
    scene.talk.receive(b"123")
    scene.stage.carried.response(ANSWER)
    (record,) = scene.records
    assert (record.request_time, record.received_bytes) == (len(whole) - 1, len(whole) + 3)


@pytest.mark.parametrize(
    ("said", "ending"),
    [
        (request("/none"), (404, "no-route", "request", "PR")),
        (b"nonsense\r\n\r\n", (400, "request-refused", "request", "PR")),
        (request("/a", "Max-Forwards: 0", method="TRACE"), (501, "replied", "request", "LR")),
        (request("/pot"), (418, "replied", "request", "LR")),
    ],
)
def test_requests_that_no_backend_sees(said: bytes, ending: tuple[Any, ...]) -> None:
    """What is answered without a backend has its record, with its status, its cause and the times that there are."""
    scene = Logged(filters=[Teapot()])
    scene.talk.receive(said)
    assert scene.ending() == ending
    assert scene.shown("pool", "backend")[1] == UNKNOWN
    assert scene.shown(*TIMES) == (0, None, None, None, None, 0)
    assert scene.shown("received_bytes") == (len(said),)


def test_a_head_that_never_becomes_whole() -> None:
    """A request that ran out of time before it was whole is told, with nothing of what it was to be."""
    scene = Logged()
    scene.talk.receive(request()[:20])
    scene.wait(10)
    scene.talk.refuse(DownstreamTimeout("too slow"))
    assert scene.ending() == (408, "downstream-timeout", "request", "cR")
    assert scene.shown("request", "method", "target", "protocol", "scheme", "host") == (UNKNOWN,) * 6
    assert scene.shown("client", "port", "attempts", *TIMES[:2]) == (*CLIENT, 1, 10, None)


def test_an_answer_that_a_filter_gives_in_place_of_the_backends() -> None:
    """A reply to an answer is told as such, with the backend that had answered."""
    scene = Logged(filters=[Teapot()])
    scene.talk.receive(request("/lid"))
    scene.answer()
    assert scene.ending() == (418, "replied", "done", "L-")
    assert scene.shown("backend") == ("b",)


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (NoBackend("none"), (503, "no-backend", "queue", "SQ")),
        (PoolFull("full"), (503, "pool-full", "queue", "PQ")),
        (ConnectFailed("no"), (502, "connect-failed", "connect", "SC")),
        (ConnectTimeout("no"), (504, "connect-timeout", "connect", "sC")),
        (DownstreamGone("left"), (499, "downstream-gone", "queue", "CQ")),
    ],
)
def test_ends_before_a_connection_stood(error: BalancerError, ending: tuple[Any, ...]) -> None:
    """Whether a backend was looked for or connected to is told, and that no time came after."""
    scene = Logged()
    scene.talk.receive(request())
    scene.wait(3)
    scene.stage.waiting.pop().fail(error)
    assert scene.ending() == ending
    assert scene.shown("pool", "backend", *TIMES) == ("pool", UNKNOWN, 0, None, None, None, None, 3)


def test_a_client_that_leaves_while_a_backend_is_connected_to() -> None:
    """The backend that was on its way is named."""
    scene = Logged()
    scene.talk.receive(request())
    exchange: Any = scene.stage.waiting[0]
    exchange.pending.lease = scene.stage.lease(exchange.session)
    scene.fail(DownstreamGone("left"))
    assert scene.ending() == (499, "downstream-gone", "connect", "CC")
    assert scene.shown("backend") == ("b",)


def test_the_last_of_those_that_refused() -> None:
    """When nobody takes a connection, the backend that was tried last is named, and why each was left."""
    scene = Logged()
    scene.talk.receive(request())
    exchange = scene.stage.waiting.pop()
    exchange.session.tried_on(scene.stage.backend)
    exchange.session.again("connect-failed")
    exchange.fail(ConnectTimeout("no"))
    assert scene.shown("backend", "attempts", "retries", "code") == ("b", 2, "connect-failed", "sC")


def begin_answer(scene: Logged) -> None:
    """Send a part of the answer."""
    scene.stage.carried.response([OK])


@pytest.mark.parametrize(
    ("before", "error", "ending"),
    [
        (id, UpstreamTimeout("silent"), (504, "upstream-timeout", "response", "sH")),
        (id, ResponseInvalid("nonsense"), (502, "response-invalid", "response", "PH")),
        (id, DownstreamGone("left"), (499, "downstream-gone", "response", "CH")),
        (begin_answer, UpstreamGone("gone"), (200, "upstream-gone", "data", "SD")),
        (begin_answer, BackendDown("down"), (200, "backend-down", "data", "DD")),
        (begin_answer, DownstreamGone("left"), (200, "downstream-gone", "data", "CD")),
    ],
)
def test_ends_on_a_connection(
    before: Callable[[Logged], object], error: BalancerError, ending: tuple[Any, ...]
) -> None:
    """Who broke an exchange off and when is told, and the status that the client was told, or would have been."""
    scene = Logged()
    scene.talk.receive(request())
    scene.stage.connect()
    scene.wait(2)
    before(scene)
    scene.fail(error)
    assert scene.ending() == ending
    assert scene.shown("backend", "connect_time", "total_time") == ("b", 0, 2)
    assert scene.shown("data_time") == (None if ending[2] == "response" else 0,)


def test_a_retry() -> None:
    """What was tried again is one record: how often, why each time, and the times of the last try."""
    scene = Logged()
    scene.talk.receive(request())
    scene.stage.connect(reused=True)
    scene.wait(1)
    scene.stage.carried.upstream_failed(UpstreamGone("gone"))
    scene.wait(2)
    scene.answer()
    assert scene.shown("attempts", "retries", "code") == (2, "upstream-gone", "--")
    assert scene.shown(*TIMES) == (0, 3, 0, 0, 0, 3)


def test_nobody_over_a_unix_socket() -> None:
    """A client without an address has none in the log either."""
    scene = Logged()
    talk = scene.line.talk = Conversation(scene.site, scene.line, ("", 0))
    talk.receive(request("/none"))
    assert scene.shown("client", "port") == (UNKNOWN, 0)


def test_no_log_no_records() -> None:
    """Without a log an exchange is one that remembers nothing."""
    scene = Talk()
    scene.talk.receive(request()[:5])
    scene.talk.receive(request()[5:])
    assert type(scene.stage.waiting[0]).__name__ == "Exchange"
