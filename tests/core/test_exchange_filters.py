"""The beginning of an exchange: where it leads, filters that take their time, and bodies that are rewritten."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.core.messages import END, End, RequestHead
from balancer.errors import DownstreamGone, Draining, FilterFailed, FilterTimeout, NoBackend, UpstreamGone
from balancer.interfaces import Direction, Filter, Reply
from tests.core.stage import ANSWER, GET, POST, Stage

CHANGED = GET.with_field("x-a", "1")


class Promise:
    """What a filter awaits."""

    def __await__(self) -> Any:
        """Never called here."""
        raise NotImplementedError


def waiting(_head: RequestHead, _session: Any) -> Promise:
    """A filter that takes its time."""
    return Promise()


class Rewrites(Filter):
    """Puts bodies in capitals, with a mark behind; fails at a question mark."""

    def __init__(self, *directions: Direction, mark: bytes = b"!") -> None:
        self._directions, self._mark = directions, mark

    def body(self, head: Any, session: Any, direction: Direction) -> Rewrites | None:
        return self if direction in self._directions else None

    def feed(self, data: bytes) -> bytes:
        if b"?" in data:
            raise LookupError
        return data.upper().replace(b"-", b"")

    def finish(self) -> bytes:
        return self._mark


UP = Rewrites(Direction.REQUEST)


def test_a_filter_that_takes_its_time_is_waited_for() -> None:
    """No backend is asked, and no more of the request is read, until the filter is done; then it goes on as usual."""
    stage = Stage()
    exchange = stage.asked(b"1", head=POST, filters=[waiting, lambda head, _: head.with_added("x-b", "2")])
    assert stage.transcript.take() == ["filter waits", "client paused"]
    exchange.request([b"2", END])
    (_, done) = stage.slow.pop()
    done(POST.with_field("x-a", "1"), None)
    assert stage.transcript.take() == ["dial"]
    stage.connect()
    head = stage.upstreams[0].said[0]
    assert isinstance(head, RequestHead)
    assert (head.get("x-a"), head.get("x-b")) == ("1", "2")
    assert exchange.session.request is exchange.head is head
    exchange.response(ANSWER)
    said = ["u1 >> POST /a; '1'; '2'; end", "client resumed", "client << 200; 'hi'; end", "u1 kept", "client done"]
    assert stage.transcript.take() == said
    assert stage.at_rest()


def test_a_filter_that_is_done_at_once_holds_nobody_up() -> None:
    """What a filter awaits may be there already."""
    stage = Stage()
    stage.transcript.when["filter waits"] = lambda: stage.slow.pop()[1](CHANGED, None)
    stage.at_once = [lambda exchange: exchange.fail(NoBackend())]
    stage.asked(END, filters=[waiting])
    assert stage.transcript.take()[1:] == ["dial", "client refused 503 no-backend", "client done"]
    assert stage.at_rest()


def test_a_filter_may_answer_at_once() -> None:
    """A filter's own answer asks no backend."""
    stage = Stage()
    stage.asked(END, filters=[lambda _head, _session: Reply(401)])
    assert stage.transcript.take() == ["client replied 401", "client done"]
    assert stage.at_rest()


def test_a_late_reply_is_the_answer() -> None:
    """A filter that took its time may answer itself: no backend is asked."""
    stage = Stage()
    stage.asked(END, filters=[waiting])
    stage.slow.pop()[1](Reply(401), None)
    assert stage.transcript.take() == ["filter waits", "client replied 401", "client done"]
    assert stage.ends == [None]
    assert stage.at_rest()


@pytest.mark.parametrize(("answer", "error"), [(None, LookupError()), (Reply, None)])
def test_a_late_failure_is_contained(answer: object, error: BaseException | None) -> None:
    """A filter that fails in the end costs the request, which is told 500."""
    stage = Stage()
    stage.asked(END, filters=[waiting])
    stage.slow.pop()[1](answer, error)
    assert stage.transcript.take()[1:] == ["client refused 500 filter-failed", "client done"]
    assert isinstance(stage.ends[0], FilterFailed)
    assert stage.at_rest()


def test_a_filter_has_a_limit() -> None:
    """After the site's `filter_timeout` the filter is cancelled, and the client told."""
    stage = Stage()
    stage.asked(END, filters=[waiting])
    stage.clock.advance(6)
    told = ["filter waits", "filter cancelled", "client refused 500 filter-timeout", "client done"]
    assert stage.transcript.take() == told
    assert isinstance(stage.ends[0], FilterTimeout)
    assert stage.at_rest()


@pytest.mark.parametrize("error", [DownstreamGone(), Draining()])
def test_a_filter_nobody_waits_for_is_cancelled(error: DownstreamGone | Draining) -> None:
    """When the client leaves, or the balancer stops, the filter is let go, and its answer is for nobody."""
    stage = Stage()
    exchange = stage.asked(b"1", head=POST, filters=[waiting])
    exchange.pending.leave(stage.backend, UpstreamGone())  # type: ignore[union-attr]  # a filter's passage
    exchange.request([b"2"])
    exchange.fail(error)
    stage.slow.pop()[1](CHANGED, None)
    refused = f"client refused {error.status} {error.reason}"
    assert stage.transcript.take()[2:] == ["filter cancelled", refused, "client done, request unfinished"]
    assert stage.at_rest()


@pytest.mark.parametrize("slow", [False, True])
def test_the_body_of_a_request_is_rewritten_as_it_comes(slow: bool) -> None:
    """Each piece goes up as the transform lets it go, what came before the connection, or the filters, included."""
    stage = Stage()
    exchange = stage.asked(b"a", head=POST, filters=[UP, waiting] if slow else [UP])
    if slow:
        exchange.request([b"b"])
        stage.slow.pop()[1](POST, None)
    stage.connect()
    exchange.request([b"-"])
    exchange.request([b"c"])
    exchange.request([b"d", End((("x-a", "1"), ("digest", "2")))])
    said = [line for line in stage.transcript.take() if line.startswith("u1")]
    assert said == [f"u1 >> POST /a; 'A'{'; ' + repr('B') if slow else ''}", "u1 >> 'C'", "u1 >> 'D'; '!'; end"]
    assert stage.upstreams[0].said[-1] == End((("x-a", "1"),))


def test_a_request_that_is_rewritten_has_no_length() -> None:
    """What is told of the length of a request that is rewritten is that its end will tell."""
    stage = Stage()
    head = RequestHead("POST", "/a", "example.com", length=2)
    exchange = stage.asked(b"ab", END, head=head, filters=[UP])
    stage.connect()
    assert stage.upstreams[0].said == [exchange.head, b"AB", b"!", END]
    assert exchange.head.length is None


@pytest.mark.parametrize("connected", [False, True])
def test_a_transform_of_a_request_that_fails_is_contained(connected: bool) -> None:
    """Whenever it fails, the client is told 500, and the backend never gets a request that looks whole."""
    stage = Stage()
    exchange = stage.asked(b"a", head=POST, filters=[UP])
    if connected:
        stage.connect()
    exchange.request([b"?", END])
    gone = "u1 cut" if connected else "dial cancelled"
    assert stage.transcript.take()[-3:] == [gone, "client refused 500 filter-failed", "client done"]
    assert stage.at_rest()


@pytest.mark.parametrize("slow", [False, True])
def test_a_transform_that_fails_at_once_asks_no_backend(slow: bool) -> None:
    """A transform that fails over what came with the head costs the request before a backend is asked."""
    stage = Stage()
    stage.transcript.when["filter waits"] = lambda: stage.slow.pop()[1](POST, None)
    stage.asked(b"?", END, head=POST, filters=[UP, waiting] if slow else [UP])
    assert stage.transcript.take()[-2:] == ["client refused 500 filter-failed", "client done"]
    assert stage.upstreams == []
    assert stage.waiting == []
    assert stage.at_rest()


def test_without_filters_nothing_is_asked() -> None:
    """A route without filters sends its request on as it is."""
    stage = Stage()
    stage.asked(END)
    stage.connect()
    assert stage.upstreams[0].said == [GET, END]


def test_what_is_left_of_a_request_is_rewritten_too() -> None:
    """After an early answer the rest of the body passes the transform; a connection that it fails on is not kept."""
    for rest, end in ((b"c", ["u1 >> 'C'; '!'; end", "u1 kept"]), (b"?", ["u1 cut"])):
        stage = Stage()
        stage.line.stays = True
        exchange = stage.asked(b"a", head=POST, filters=[UP])
        stage.connect()
        exchange.response(ANSWER)
        stage.transcript.take()
        exchange.request([b"-"])
        exchange.request([rest, END])
        assert stage.transcript.take() == [*end, "client done"]
        assert stage.at_rest()


def test_the_rest_of_a_request_that_failed_is_read_for_nobody() -> None:
    """A transform that failed is not asked again about what still comes."""
    stage = Stage()
    stage.line.stays = True
    exchange = stage.asked(b"a", head=POST, filters=[UP])
    stage.connect()
    exchange.request([b"?"])
    assert exchange.request_body is None
    exchange.request([b"?", END])
    assert stage.transcript.take()[-4:] == [
        "u1 cut",
        "client refused 500 filter-failed",
        "client resumed",
        "client done",
    ]
    assert stage.at_rest()


def test_filters_see_the_one_form_of_a_path() -> None:
    """What is routed, filtered and sent is the path in its one form."""
    stage, seen = Stage(), list[str]()

    def noting(head: RequestHead, _session: Any) -> RequestHead:
        seen.append(head.target)
        return head

    stage.asked(END, head=RequestHead("GET", "/x/../a", "example.com"), filters=[noting])
    stage.connect()
    assert seen == ["/a"]
    assert stage.transcript.take()[-1] == "u1 >> GET /a; end"


@pytest.mark.parametrize("filters", [[], [UP], [waiting]])
def test_a_body_is_measured_as_it_comes(filters: list[Any]) -> None:
    """A body that is longer than it may be is refused when that shows, filters or none, before they make more of it."""
    stage = Stage()
    stage.max_body = 2
    exchange = stage.asked(b"1", head=POST, filters=filters)
    exchange.request([b"2"])
    exchange.request([b"3", END])
    assert stage.transcript.take()[-2:] == ["client refused 413 request-refused", "client done"]
    assert stage.at_rest()


@pytest.mark.parametrize("length", [None, 3])
def test_a_body_that_is_too_long_from_the_start(length: int | None) -> None:
    """No filter and no backend is asked for a request that is refused for what came with its head."""
    stage = Stage()
    stage.max_body = 2
    stage.asked(b"123", END, head=RequestHead("POST", "/a", length=length), filters=[waiting])
    assert stage.transcript.take() == ["client refused 413 request-refused", "client done"]


def test_a_connection_whose_request_grew_too_long_is_not_kept() -> None:
    """When the answer is out already, the end of a request that is too long still does not go up."""
    stage = Stage()
    stage.max_body, stage.line.stays = 2, True
    exchange = stage.asked(b"1", head=POST)
    stage.connect()
    exchange.response(ANSWER)
    stage.transcript.take()
    exchange.request([b"23", END])
    assert stage.transcript.take() == ["u1 cut", "client done"]
    assert stage.at_rest()


def test_a_body_of_a_fit_length_is_not_measured() -> None:
    """A length that was told and is no more than allowed needs no counting."""
    stage = Stage()
    stage.max_body = 2
    exchange = stage.asked(b"12", END, head=RequestHead("POST", "/a", length=2))
    stage.connect()
    exchange.response(ANSWER)
    assert stage.line.result == "answered"


@pytest.mark.parametrize("filters", [[], [lambda head, _: head.with_added("x-b", "2")]])
def test_a_wish_for_another_protocol_goes_on_as_the_route_allows(filters: list[Any]) -> None:
    """With filters and without, a backend is asked for what the route allows, behind all that they made of the head."""
    stage = Stage()
    stage.asked(END, head=RequestHead("GET", "/", "site", upgrade=("websocket", "h2c")), filters=filters)
    stage.connect()
    head = stage.upstreams[0].said[0]
    assert isinstance(head, RequestHead)
    assert head.upgrade == ("websocket",)
    assert head.fields[-2:] == (("connection", "upgrade"), ("upgrade", "websocket"))
    assert len(head.fields) == 2 + len(filters)
