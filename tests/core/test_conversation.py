"""The conversation: one request after another, each routed and answered in its turn, and what ends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given

from balancer.core.conversation import Conversation
from balancer.core.exchange import Exchange
from balancer.core.faults import Faults
from balancer.core.filters import chain_of
from balancer.core.http1 import Limits
from balancer.core.proxy_protocol import ProxyHeader
from balancer.core.routes import Route, Routes
from balancer.core.site import Site
from balancer.errors import NoBackend
from balancer.testing import splits
from tests.core.stage import ANSWER, CLIENT, FakeLine, Stage
from tests.core.transcript import spelled


def request(path: str = "/a", *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A request as a client writes it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: site", *fields]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode() + body


class ClosingLine(FakeLine):
    """A line that does as the edge does: goes on unless it is `full`, or says that it is over."""

    talk: Conversation
    last = full = False

    def exchange_done(self, *, request_complete: bool) -> None:
        keep = self.result != "cut" and self.talk.persistent and not self.last
        super().exchange_done(request_complete=request_complete)
        if not keep:
            self.talk.over = True
        elif not self.full:
            self.talk.next()


class Talk:
    """A conversation on a stage. `/none` leads nowhere, all else to the one pool."""

    def __init__(self, *, matcher: Any = None, filters: Sequence[Any] = ()) -> None:
        self.stage = Stage()
        self.line = self.stage.line = ClosingLine(self.stage.transcript)
        match = matcher or (lambda session: session.request.path != "/none")
        route = Route(match, self.stage.target, chain_of(filters), "all")
        self.reports: list[tuple[str, BaseException]] = []
        routes = Routes([route], Faults(lambda what, why: self.reports.append((what, why))))
        self.told: list[str] = []
        limits = Limits(head=400, line=200)
        self.site = site = Site(
            routes,
            self.stage.deadlines,
            self.stage.clock.seconds,
            limits,
            told=self.told.append,
            later=self.stage.later,
        )
        self.talk = self.line.talk = Conversation(site, self.line, CLIENT)

    def take(self) -> list[str]:
        """What was said since the last time."""
        return self.stage.transcript.take()

    def answer(self) -> list[str]:
        """The backend of the one exchange under way answers; return what is said."""
        self.stage.connect()
        self.stage.carried.response(ANSWER)
        return self.take()


def test_pipelined_requests_are_answered_in_order() -> None:
    """Requests that come at once are begun one by one, each when the answer to the one before it is out."""
    scene = Talk()
    scene.talk.receive(request("/1") + request("/2") + request("/none") + request("/3"))
    assert scene.take() == ["client asks GET /1", "dial"]
    assert (scene.talk.waiting, scene.talk.idle) == (True, False)
    answered, done = "client << 200; 'hi'; end", "client done"
    assert scene.answer() == ["u1 >> GET /1; end", answered, "u1 kept", done, "client asks GET /2", "dial"]
    refused = ["client asks GET /none", "client refused 404 no-route", "client done"]
    assert scene.answer() == ["u2 >> GET /2; end", answered, "u2 kept", done, *refused, "client asks GET /3", "dial"]
    assert not scene.talk.waiting
    assert scene.answer() == ["u3 >> GET /3; end", answered, "u3 kept", done]
    assert scene.talk.idle
    assert scene.stage.at_rest()


def at_once(stage: Stage) -> Callable[[Exchange], None]:
    """Dialing that brings the answer before it returns."""

    def answered(exchange: Exchange) -> None:
        stage.connect(exchange)
        exchange.response(ANSWER)

    return answered


def refused_at_once(_stage: Stage) -> Callable[[Exchange], None]:
    """Dialing that fails before it returns."""
    return lambda exchange: exchange.fail(NoBackend())


@pytest.mark.parametrize("dialing", [at_once, refused_at_once, None])
def test_a_pipeline_waits_for_a_client_that_does_not_read(dialing: Callable[[Stage], Any] | None) -> None:
    """No request is begun before the line asks for it, were the one before it answered ever so fast."""
    scene = Talk()
    if dialing is not None:
        scene.stage.at_once = [dialing(scene.stage)] * 10
    scene.line.full = True
    for _ in range(2):
        scene.talk.receive(request("/none" if dialing is None else "/a") * 5)
        assert scene.line.done == 1
    scene.talk.next()
    assert scene.line.done == 2
    scene.line.full = False
    scene.talk.next()
    assert scene.line.done == 10
    assert scene.talk.idle


def test_a_port_that_breaks_does_not_stop_the_conversation() -> None:
    """What escapes from a port leaves no trace: the next request has its turn when the edge asks for it."""
    scene = Talk()

    def broken() -> None:
        raise RuntimeError("broken")

    scene.stage.transcript.when["client refused 404 no-route"] = broken
    with pytest.raises(RuntimeError):
        scene.talk.receive(request("/none") + request("/2"))
    scene.talk.next()
    assert scene.take()[-2:] == ["client asks GET /2", "dial"]


@pytest.mark.parametrize("dialing", [at_once, refused_at_once, None])
def test_thousands_that_are_answered_at_once_do_not_nest(dialing: Callable[[Stage], Any] | None) -> None:
    """A pipeline of any length, every request of which is answered or refused at once, needs no deeper stack."""
    scene = Talk()
    if dialing is not None:
        scene.stage.at_once = [dialing(scene.stage)] * 3000
    scene.talk.receive(request("/none" if dialing is None else "/a") * 3000)
    assert scene.line.done == 3000
    assert scene.talk.idle
    assert scene.stage.at_rest()


def test_a_pipeline_goes_on_at_the_end_of_each_answer_without_nesting() -> None:
    """Requests that are answered at once behind one that was not do not nest either."""
    scene = Talk()
    scene.talk.receive(request("/1") + request("/none") * 3000)
    scene.answer()
    assert scene.line.done == 3001


def test_a_malformed_request_behind_a_good_one() -> None:
    """A request that cannot be read is refused in its turn, after the answer to the good one, and is the last."""
    scene = Talk()
    scene.talk.receive(request("/1") + b"nonsense\r\n\r\n" + request("/3"))
    assert scene.take() == ["client asks GET /1", "dial"]
    refusal = ["client asks None", "client refused 400 request-refused", "client done, request unfinished"]
    assert scene.answer()[-3:] == refusal
    assert scene.talk.over
    assert not scene.talk.persistent


def test_nothing_is_parsed_behind_a_refusal() -> None:
    """What follows a request that could not be read is not taken for a request."""
    scene = Talk()
    scene.talk.receive(b"nonsense\r\n\r\n" + request("/1"))
    assert scene.take()[0] == "client asks None"
    scene.talk.next()
    assert scene.take() == []


@pytest.mark.parametrize("begun", [False, True])
def test_a_body_that_goes_wrong_ends_its_exchange(begun: bool) -> None:
    """A body that turns out malformed is told while it can be, else cut; the backend's connection is closed."""
    scene = Talk()
    scene.talk.receive(request("/1", "Transfer-Encoding: chunked", method="POST", body=b"2\r\nhi\r\n"))
    scene.stage.connect()
    if begun:
        scene.stage.carried.response(ANSWER[:1])
    scene.take()
    scene.talk.receive(b"nonsense\r\n")
    verdict = "cut" if begun else "refused 400 request-refused"
    assert scene.take() == ["u1 cut", f"client {verdict}", "client done, request unfinished"]
    assert scene.talk.over
    assert scene.stage.at_rest()


@pytest.mark.parametrize("fields", [("Content-Length: 1000000",), ("Transfer-Encoding: chunked",)])
def test_an_early_answer_to_a_long_request_is_the_last_one(fields: tuple[str, ...]) -> None:
    """When much of a request is left, or nobody knows how much, its answer leaves nothing to go on with."""
    scene = Talk()
    scene.talk.receive(request("/1", *fields, method="POST", body=b"1\r\n1\r\n"))
    scene.answer()
    assert (scene.talk.over, scene.talk.persistent, scene.talk.waiting) == (True, False, False)
    scene.talk.receive(request("/2"))
    assert scene.take() == []


def test_an_early_answer_to_a_short_request_is_not_the_last_one() -> None:
    """What is left of a request is read before the next, if it is known to be little and no 100 is waited for."""
    scene = Talk()
    scene.line.stays = True
    scene.talk.receive(request("/1", "Content-Length: 3", "Expect: 100-continue", method="POST", body=b"1"))
    assert not scene.talk.persistent
    scene.talk.fail(NoBackend())
    scene = Talk()
    scene.line.stays = True
    scene.talk.receive(request("/1", "Content-Length: 3", method="POST", body=b"1"))
    assert scene.talk.persistent
    scene.answer()
    scene.talk.receive(b"23" + request("/2"))
    assert scene.take() == ["u1 >> '23'; end", "u1 kept", "client done", "client asks GET /2", "dial"]


def test_the_rest_of_a_refused_body_is_no_request() -> None:
    """A request that is refused while its body is on the way is the last one, and its body goes nowhere."""
    scene = Talk()
    scene.talk.receive(request("/none", "Content-Length: 99", method="POST", body=b"1"))
    assert scene.take()[1:] == ["client refused 404 no-route", "client done, request unfinished"]
    scene.talk.over = False
    scene.talk.receive(b"2")
    assert scene.take() == []


def test_nothing_begins_once_it_is_over() -> None:
    """When the edge says that a request was the last, what follows it is neither begun nor refused."""
    scene = Talk()
    scene.line.last = True
    scene.talk.receive(request("/none") + b"nonsense\r\n\r\n")
    scene.talk.receive(request("/2"))
    assert scene.take() == ["client asks GET /none", "client refused 404 no-route", "client done"]
    other = Talk()
    other.talk.over = True
    other.talk.receive(request())
    assert other.take() == []


def test_what_comes_behind_a_request_may_be_no_request() -> None:
    """Whoever knows that the rest is of another protocol gets it once, and nothing is left to be read."""
    scene = Talk()
    scene.talk.receive(request("/1"))
    scene.talk.receive(b"\x81\x00")
    assert (scene.talk.rest(), scene.talk.rest(), scene.talk.waiting) == (b"\x81\x00", b"", False)


def test_what_belongs_to_a_body_does_not_wait() -> None:
    """Bytes of the request under way, held until they tell something, are not those of a next one."""
    scene = Talk()
    scene.talk.receive(request("/1", "Transfer-Encoding: chunked", method="POST", body=b"2"))
    assert not scene.talk.waiting


def test_head_and_body_go_up_in_one_piece() -> None:
    """A request that came whole is written whole, and its client is never paused."""
    scene = Talk()
    scene.talk.receive(request("/1", "Content-Length: 2", method="POST", body=b"hi"))
    scene.stage.connect()
    assert "u1 >> POST /1; 'hi'; end" in scene.take()
    assert not scene.line.paused


STREAM = (
    request("/1", method="HEAD")
    + request("/2", "Content-Length: 3", method="PUT", body=b"abc")
    + request("/none")
    + request("/3", "Transfer-Encoding: chunked", method="POST", body=b"1\r\nx\r\n0\r\n\r\n")
)


@given(pieces=splits(STREAM))
def test_any_split_gives_the_same_exchanges(pieces: list[bytes]) -> None:
    """However the bytes of a connection are cut, the same requests are begun and the same bytes go up."""
    scene = Talk()
    for piece in pieces:
        scene.talk.receive(piece)
        while scene.stage.waiting:
            scene.stage.connect()
        if scene.talk.exchange is not None and scene.talk.request_complete:
            scene.stage.carried.response(ANSWER)
    while scene.stage.waiting:
        scene.answer()
    heads = [spelled(upstream.said[0]) for upstream in scene.stage.upstreams]
    assert heads == ["HEAD /1", "PUT /2", "POST /3"]
    bodies = [b"".join(one for one in upstream.said if isinstance(one, bytes)) for upstream in scene.stage.upstreams]
    assert bodies == [b"", b"abc", b"x"]
    assert scene.line.done == 4
    assert scene.talk.idle


def test_what_waits_is_bounded() -> None:
    """A head that never ends is refused once it is longer than the limit."""
    scene = Talk()
    for _ in range(100):
        if not scene.talk.over:
            scene.talk.receive(b"GET / HTTP/1.1\r\n" if scene.talk.idle else b"x: " + b"y" * 20 + b"\r\n")
            assert scene.talk.waiting <= 450
    assert scene.take() == ["client asks None", "client refused 431 request-refused", "client done, request unfinished"]


def test_a_header_names_the_session() -> None:
    """What a PROXY header says, of server name and protocol and else, is said of every request behind it."""
    seen: list[Any] = []

    def note(session: Any) -> bool:
        seen.append((session.server_name, session.alpn, session.proxy.first(0xE1)))
        return False

    talk = Talk(matcher=note)
    header = ProxyHeader(2, tlvs=((1, b"http/1.1"), (2, b"A.example"), (0xE1, b"gold")))
    talk.talk = talk.line.talk = Conversation(talk.site, talk.line, CLIENT, header=header)
    talk.talk.receive(request() + request())
    assert seen == [("a.example", "http/1.1", b"gold")] * 2


def test_a_body_may_go_past_it() -> None:
    """Of a long body that nobody has to see the edge may move the rest itself; with its last byte the request ends."""
    scene = Talk()
    assert (scene.talk.sink(), scene.talk.left) == (None, 0)
    scene.talk.passed(0)
    scene.talk.receive(request("/1", "Content-Length: 9", method="POST", body=b"1"))
    scene.stage.connect().way = "up"
    assert (scene.talk.sink(), scene.talk.left) == ("up", 8)
    scene.talk.passed(3)
    scene.talk.passed(5)
    assert (scene.talk.left, scene.talk.request_complete) == (0, True)
    assert scene.stage.upstreams[0].skipped == 8
    assert scene.take()[-1] == "u1 >> end"
