"""The conversation and what surrounds it: plugins see what they should and are contained; slow clients; the edge."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.core.messages import END, Message, RequestHead, ResponseHead
from balancer.errors import DownstreamGone, Draining, NoBackend, PolicyFailed
from balancer.interfaces import MORE, Kind, Reply
from tests.core.stage import ANSWER, CLIENT
from tests.core.test_conversation import Talk, request


class Filter:
    """Marks what passes, or answers itself."""

    def __init__(self, reply: Reply | None = None) -> None:
        self._reply = reply

    def request(self, head: RequestHead, session: Any) -> RequestHead | Reply:
        return self._reply or head.with_field("x-mark", "up")

    def response(self, head: ResponseHead, session: Any) -> ResponseHead | Reply:
        return head.with_field("x-mark", "down")


class Broken(Filter):
    """Raises, on the way up or only on the way down."""

    def __init__(self, *, down: bool = False) -> None:
        super().__init__()
        self._down = down

    def request(self, head: RequestHead, session: Any) -> RequestHead | Reply:
        if self._down:
            return head
        raise LookupError

    def response(self, head: ResponseHead, session: Any) -> ResponseHead | Reply:
        raise LookupError

    def __repr__(self) -> str:
        return "Broken()"


def test_filters_see_both_heads() -> None:
    """The filters of a route change the request on its way up and the answer on its way down."""
    scene = Talk(filters=[Filter()])
    scene.talk.receive(request())
    scene.answer()
    up, down = scene.stage.upstreams[0].said[0], scene.line.said[0]
    assert isinstance(up, RequestHead)
    assert isinstance(down, ResponseHead)
    assert (up.get("x-mark"), down.get("x-mark")) == ("up", "down")
    assert up.get("x-forwarded-for") == CLIENT[0]


def test_a_filter_may_answer_instead() -> None:
    """A filter's own answer is the answer: no pool is asked, and the next request has its turn."""
    scene = Talk(filters=[Filter(Reply(418))])
    scene.talk.receive(request() + request())
    assert scene.take() == ["client asks GET /a", "client replied 418", "client done"] * 2
    assert scene.stage.algorithm.sessions == []


def test_a_filter_that_fails_is_contained() -> None:
    """A filter that raises costs the request at hand, and the next one has its turn."""
    scene = Talk(filters=[Broken()])
    scene.talk.receive(request() + request())
    assert scene.take() == ["client asks GET /a", "client refused 500 filter-failed", "client done"] * 2


@pytest.mark.parametrize("down", [False, True])
def test_a_filter_that_fails_is_counted_and_named(down: bool) -> None:
    """Each failure of a filter, on either way, is counted, and every doubling is told with its cause."""
    scene = Talk(filters=[Broken(down=down)])
    for _ in range(3):
        scene.talk.receive(request())
        if down:
            scene.answer()
    assert scene.site.faults.count == 3
    assert [what for what, _ in scene.reports] == [f"filter Broken() failed, {times} times so far" for times in (1, 2)]
    assert {type(why) for _, why in scene.reports} == {LookupError}


def test_what_no_filter_did_is_not_blamed_on_one() -> None:
    """The failure of a policy, or the lack of a backend, is none of the filters' doing."""
    scene = Talk(filters=[Filter()])
    for error in (PolicyFailed(), NoBackend()):
        scene.talk.receive(request())
        scene.stage.waiting.pop().fail(error)
    assert scene.site.faults.count == 0
    assert scene.reports == []


def test_no_route_believes_what_a_client_may_not_say() -> None:
    """A matcher sees the request as the backend will: who asks is told by the balancer, and never by the client."""
    seen = list[Any]()

    def notes(session: Any) -> bool:
        seen.append(session.request)
        return True

    scene = Talk(matcher=notes)
    scene.talk.receive(request("/a", "X-Forwarded-For: 10.0.0.1", "X_Admin: yes", "Connection: X-Own", "X-Own: 1"))
    scene.stage.connect()
    assert seen[0].get_all("x-forwarded-for") == [CLIENT[0]]
    assert {name for name, _ in seen[0].fields} == {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
    assert seen[0] is scene.stage.upstreams[0].said[0]


def test_a_request_has_no_first_bytes() -> None:
    """A matcher that waits for the first bytes of a connection does not match, and no request waits for it."""
    scene = Talk(matcher=lambda _session: MORE)
    scene.talk.receive(request())
    assert scene.take() == ["client asks GET /a", "client refused 404 no-route", "client done"]
    assert scene.reports == []


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("TRACE", 501)])
def test_a_request_that_may_go_no_further_is_answered_here(method: str, status: int) -> None:
    """With Max-Forwards 0 no route is asked, and the next request has its turn; with 1 the backend is the last."""
    scene = Talk()
    forwards = [request("/a", f"Max-Forwards: {number}", method=method) for number in (0, 1)]
    scene.talk.receive(b"".join(forwards))
    first = [f"client asks {method} /a", f"client replied {status}", "client done"]
    assert scene.take() == [*first, f"client asks {method} /a", "dial"]
    sent = scene.stage.connect().said[0]
    assert isinstance(sent, RequestHead)
    assert sent.get("max-forwards") == "0"


def test_a_matcher_that_raises_does_not_match() -> None:
    """A matcher with a mistake is passed over, and a request that no route takes is told so."""
    scene = Talk(matcher=lambda session: session.nothing)
    scene.talk.receive(request())
    assert scene.take() == ["client asks GET /a", "client refused 404 no-route", "client done"]


def test_the_session_a_picker_sees() -> None:
    """A picker sees who asks for what, when, for which time, and what the route captured."""
    scene = Talk(matcher=lambda session: {"first": session.request.path[1]}, filters=[Filter()])
    scene.stage.clock.advance(5)
    scene.talk.receive(request())
    scene.stage.connect(reused=True)
    (session,) = scene.stage.algorithm.sessions
    assert (session.kind, session.client, session.now, session.attempt) == (Kind.HTTP, CLIENT, 5, 1)
    assert session.request is scene.stage.upstreams[0].said[0]
    assert session.captures == {"first": "a"}


@pytest.mark.parametrize("connected", [False, True])
def test_a_client_that_leaves_ends_the_exchange(connected: bool) -> None:
    """A conversation that fails ends the exchange under way, if there is one, and leaves nothing."""
    scene = Talk()
    scene.talk.fail(Draining())
    scene.talk.receive(request())
    if connected:
        scene.stage.connect()
    scene.talk.fail(DownstreamGone())
    assert scene.line.result == "refused 499 downstream-gone"
    assert scene.stage.at_rest()


def test_a_request_that_never_became_whole_can_be_refused() -> None:
    """The edge may answer in place of a request, as when its head takes too long."""
    scene = Talk()
    scene.talk.receive(b"GET / HT")
    assert (scene.talk.idle, scene.talk.waiting, scene.talk.unread) == (False, False, True)
    scene.talk.refuse(Draining())
    assert scene.take() == ["client asks None", "client refused 503 draining", "client done, request unfinished"]


def test_a_slow_client_holds_its_backend() -> None:
    """While the client does not read, the backend of its exchange is not read."""
    scene = Talk()
    scene.talk.receive(request())
    upstream = scene.stage.connect()
    scene.talk.pressure(high=True)
    assert upstream.paused
    scene.talk.pressure(high=False)
    assert not upstream.paused


@pytest.mark.parametrize("again", [False, True])
def test_a_client_that_was_slow_before_is_still_slow(again: bool) -> None:
    """A client that stopped reading during one answer holds the backend of the next, until it reads."""
    scene = Talk()
    scene.talk.receive(request("/1") + request("/2"))
    scene.stage.transcript.when["client << 200; 'hi'; end"] = lambda: scene.talk.pressure(high=True)
    scene.answer()
    if again:
        scene.talk.pressure(high=False)
    assert scene.stage.connect().paused is not again


@pytest.mark.parametrize("again", [False, True])
def test_a_client_that_is_slow_while_nothing_is_asked(again: bool) -> None:
    """Pressure that rises or falls between two requests is what the next begins with."""
    scene = Talk()
    scene.talk.pressure(high=True)
    if again:
        scene.talk.pressure(high=False)
    scene.talk.receive(request("/1"))
    assert scene.stage.connect().paused is not again


def test_a_client_that_was_slow_between_requests() -> None:
    """Pressure that rose over refusals, when no exchange was there to hear of it, holds the backend of the next."""
    scene = Talk()
    scene.stage.transcript.when["client refused 404 no-route"] = lambda: scene.talk.pressure(high=True)
    scene.talk.receive(request("/none") + request("/big"))
    assert scene.stage.connect().paused


def test_the_unread_rest_of_a_request_is_told() -> None:
    """Whether a client has said all that it owes is known before, during and after a request."""
    scene = Talk()
    assert not scene.talk.unread
    scene.talk.receive(request("/1", "Content-Length: 2", method="POST", body=b"x"))
    assert scene.talk.unread
    scene.talk.receive(b"y")
    assert not scene.talk.unread
    scene.talk.receive(request())
    assert scene.talk.unread


def test_an_answer_in_pieces_is_for_its_own_request() -> None:
    """A request that comes in the middle of an answer begins when that is out, however it was cut."""
    scene = Talk()
    scene.talk.receive(request("/1"))
    scene.stage.connect()
    messages: list[list[Message]] = [[ANSWER[0]], [b"h"], [b"i"], [END]]
    for piece in messages:
        assert scene.stage.waiting == []
        scene.talk.receive(request("/2")[:10] if piece == [b"h"] else b"")
        scene.stage.carried.response(piece)
    scene.talk.receive(request("/2")[10:])
    assert scene.take()[-2:] == ["client asks GET /2", "dial"]
