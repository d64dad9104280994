"""What the balancer says itself: a status, a reason and nothing of its own affairs; and how its waits go on then."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import HTTPListener, Pool, Route
from balancer.core.dates import Dates
from balancer.core.messages import END, RequestHead, ResponseHead
from balancer.errors import (
    BalancerError,
    ConnectTimeout,
    DownstreamGone,
    DownstreamTimeout,
    Draining,
    NoBackend,
    NoRoute,
    RequestRefused,
    TLSToPlainPort,
    UpstreamGone,
)
from balancer.interfaces import Reply
from balancer.net.answers import Answers
from balancer.plugins.matchers import Path
from tests.net.house import FRONT, House, answer, request


class Line:
    """The connection below the answers: keeps what it is told."""

    def __init__(self) -> None:
        self.last = False
        self.said: list[Any] = []
        self.transport = self
        self.congested = False

    def took_some(self) -> bool:
        return True

    def write(self, data: bytes) -> None:
        self.said.append(data)

    def pause(self) -> None:
        self.said.append("pause")

    def resume(self) -> None:
        self.said.append("resume")

    def abort(self) -> None:
        self.said.append("abort")

    def change(self, upstream: Any, ended: Any) -> None:
        self.said += [upstream, ended]

    def answered(self, *, keep: bool) -> None:
        self.said.append(keep)


def split_site(house: House, **settings: Any) -> None:
    """Open a listener with a route for /v1 only."""
    pool = Pool("pool", backends=["127.0.0.1:9001"])
    routes = [Route(Path("/v1"), pool)]
    house.open(HTTPListener(f"tcp:{FRONT}", routes=routes, idle=60, request_timeout=10, **settings))


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (NoRoute("x"), b"404 Not Found"),
        (RequestRefused("x", 413), b"413 Content Too Large"),
        (RequestRefused("x", 414), b"414 URI Too Long"),
        (UpstreamGone("10.0.0.1"), b"502 Bad Gateway"),
        (NoBackend("x"), b"503 Service Unavailable"),
        (ConnectTimeout("10.0.0.1"), b"504 Gateway Timeout"),
    ],
)
def test_refusals_name_status_and_reason_only(error: BalancerError, start: bytes) -> None:
    """A refusal has the error's status, its token as text, a length, and nothing of its message."""
    line = Line()
    answers = Answers(line)
    answers.begin(RequestHead("GET", "/", "site"))
    answers.refuse(error)
    body = start + b": " + error.reason.encode() + b"\n"
    fields = b"content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\ncontent-length: %d\r\n" % len(body)
    close = b"connection: close\r\n" if error.closes else b""
    assert line.said == [b"HTTP/1.1 " + start + b"\r\n" + fields + close + b"\r\n" + body]


def test_only_one_answer_closes_for_its_request() -> None:
    """What was wrong with one request is not held against the next."""
    line = Line()
    answers = Answers(line)
    for refusal in (RequestRefused("x"), NoRoute("x")):
        answers.begin(RequestHead("GET", "/", "site"))
        answers.refuse(refusal)
        answers.exchange_done(request_complete=True)
    assert line.said[1::2] == [False, True]


def test_answers_are_dated() -> None:
    """With a clock, a final answer that has no date is given one, once; an interim one is not."""
    line = Line()
    answers = Answers(line, Dates(lambda: 784111777))
    date = b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    answers.begin(RequestHead("GET", "/", "site"))
    head = ResponseHead(200, "OK", length=2)
    answers.send([ResponseHead(103, "Early Hints"), head, b"hi", END])
    answers.send([ResponseHead(200, "OK", fields=(("date", "x"),))])
    answers.send([head])
    dated = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n" + date + b"\r\n"
    assert line.said == [
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + dated + b"hi",
        b"HTTP/1.1 200 OK\r\ndate: x\r\ncontent-length: 0\r\n\r\n",
        dated,
    ]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("body", [b"", b"hi"])
def test_an_answer_like_one_before_is_the_same(body: bytes, *, last: bool) -> None:
    """A head that comes again with a date of its own goes out in one piece with its body, byte by byte as it was."""
    line = Line()
    line.last = last
    answers = Answers(line, Dates(lambda: 784111777))
    head = ResponseHead(200, "OK", fields=(("date", "x"),), length=len(body))
    for _ in range(3):
        answers.begin(RequestHead("GET", "/", "site"))
        answers.send([head, body, END] if body else [head, END])
        answers.exchange_done(request_complete=True)
    close = b"connection: close\r\n" if last else b""
    whole = b"HTTP/1.1 200 OK\r\ndate: x\r\ncontent-length: %d\r\n%b\r\n%b" % (len(body), close, body)
    assert line.said == [whole, not last] * 3
    assert answers.sent == 3 * len(whole)


@pytest.mark.parametrize(
    ("accept", "kind"), [("text/html,*/*;q=0.8", b"text/html"), ("application/json", b"application/json")]
)
def test_refusals_are_what_the_client_can_read(accept: str, kind: bytes) -> None:
    """The body of a refusal is of the kind that the request prefers."""
    line = Line()
    answers = Answers(line)
    answers.begin(RequestHead("GET", "/", "site", fields=(("accept", accept),)))
    answers.refuse(NoRoute("x"))
    assert b"\r\ncontent-type: " + kind in line.said[0]
    answers.begin(None)
    answers.refuse(RequestRefused("x"))
    assert b"\r\ncontent-type: text/plain" in line.said[1]


@pytest.mark.parametrize("error", [DownstreamGone("x"), TLSToPlainPort("x")])
def test_nobody_is_told_who_would_not_hear_it(error: BalancerError) -> None:
    """A client that left, or that speaks TLS in the wrong place, is cut off, whatever was to be said."""
    line = Line()
    answers = Answers(line)
    answers.begin(RequestHead("GET", "/", "site"))
    answers.refuse(error)
    assert line.said == ["abort"]


@pytest.mark.parametrize(
    ("version", "length", "error", "cut"),
    [
        ("1.1", 5, UpstreamGone("x"), False),
        ("1.1", None, UpstreamGone("x"), False),
        ("1.0", None, UpstreamGone("x"), True),
        ("1.1", 5, DownstreamTimeout("x"), True),
        ("1.1", 5, Draining("x"), True),
    ],
)
def test_a_broken_answer_is_seen_to_be_one(version: str, length: int | None, error: BalancerError, cut: bool) -> None:
    """Behind what came from a backend that failed there is a close, if the client will miss the rest; else a cut."""
    line = Line()
    answers = Answers(line)
    answers.begin(RequestHead("GET", "/", "site", version=version))
    answers.send([ResponseHead(200, "OK", length=length), b"hi"])
    answers.abort(error)
    answers.exchange_done(request_complete=True)
    assert line.said[1:] == (["abort", False] if cut else [False])


def test_our_own_answer_goes_out_in_one_piece() -> None:
    """A reply goes out with its fields and its body."""
    line = Line()
    answers = Answers(line)
    answers.begin(RequestHead("GET", "/", "site"))
    answers.reply(Reply(418, b"teapot", (("X-Pot", "tea"),)))
    answers.exchange_done(request_complete=True)
    text = b"HTTP/1.1 418 \r\nx-pot: tea\r\ncontent-length: 6\r\n\r\nteapot"
    assert line.said == [text, True]


def test_pauses_reach_the_connection() -> None:
    """Holding the request holds the connection, and letting it go lets it go."""
    line = Line()
    answers = Answers(line)
    answers.pause()
    answers.resume()
    assert line.said == ["pause", "resume"]


def test_a_change_of_protocol_is_the_connections() -> None:
    """What has changed with whom, and who is to be told of the end, reaches the connection as it is."""
    line, upstream, ended = Line(), object(), object()
    Answers(line).change(upstream, ended)  # type: ignore[arg-type]  # what they are is not looked at
    assert line.said == [upstream, ended]


def test_statuses_without_a_phrase() -> None:
    """A reply may have a status that nobody has named."""
    line = Line()
    answers = Answers(line)
    answers.begin(RequestHead("HEAD", "/", "site"))
    answers.reply(Reply(599, b"body"))
    assert line.said[0].startswith(b"HTTP/1.1 599 \r\n")


def test_no_route_is_told_and_the_connection_kept(house: House) -> None:
    """A request that no route takes is answered by 404, and the next one on the connection is served."""
    far = house.far()
    split_site(house)
    client = house.client(request())
    assert client.hear().endswith(b"\r\n\r\n404 Not Found: no-route\n")
    client.say(request("GET /v1"))
    far.last.say(answer(b"v1"))
    assert client.hear() == answer(b"v1")


@pytest.mark.parametrize("wanted", [False, True])
def test_the_reason_in_a_field(house: House, wanted: bool) -> None:
    """Where it is asked for, a refusal has its reason in a field, and no other answer has."""
    far = house.far()
    split_site(house, reason_header=wanted)
    client = house.client(request("GET /none") + request("GET /v1"))
    far.last.say(answer(b"hi"))
    assert client.hear().count(b"\r\nx-balancer-reason: no-route\r\n") == wanted


@pytest.mark.parametrize("cut", [None, 10])
def test_after_our_own_answer_the_client_has_its_idle_time(house: House, cut: int | None) -> None:
    """An answer of ours leaves the client as much time for its next request as a backend's does."""
    split_site(house)
    client = house.client(request()[:cut])
    client.say(request()[cut:] if cut else b"")
    house.network.advance(59)
    assert not client.finished
    house.network.advance(2)
    assert client.finished


@pytest.mark.parametrize("cut", [None, 10])
def test_after_our_own_answer_a_slow_head_is_refused_in_time(house: House, cut: int | None) -> None:
    """The clock of a head starts with its first byte, also after an answer of ours."""
    split_site(house)
    client = house.client(request()[:cut])
    client.say(request()[cut:] if cut else b"")
    client.hear()
    house.network.advance(9)
    client.say(b"GET / HTTP/1.1\r\n")
    house.network.advance(9)
    assert not client.heard
    house.network.advance(2)
    assert client.heard.startswith(b"HTTP/1.1 408 ")


def test_answers_of_ours_that_are_not_read(house: House) -> None:
    """A client that does not read our own answers is not read from either, until it does."""
    split_site(house)
    client = house.client()
    client.hold()
    client.say(request() * 1000)
    client.say(request())
    assert client.transport.buffered == len(request())
    client.go_on()
    assert client.hear().count(b"HTTP/1.1 404 ") == 1001


def test_many_requests_that_we_answer_ourselves(house: House) -> None:
    """A pipeline of requests without a route is answered in full, whatever its length."""
    split_site(house)
    client = house.client(request() * 1500)
    assert client.hear().count(b"HTTP/1.1 404 ") == 1500
