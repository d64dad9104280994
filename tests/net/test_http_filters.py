"""Filters over the whole edge: what they change is what travels, and whoever they keep waiting waits, in turn."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent

from balancer.config import HTTPListener, Pool, Route
from balancer.errors import FilterTimeout
from balancer.interfaces import Direction, Filter, Reply
from balancer.plugins.filters import Redirect, RequestHeaders, ResponseHeaders, RewriteHost, StripPrefix
from balancer.plugins.matchers import Path
from balancer.testing import splits
from tests.net.house import FRONT, House, answer, request

CHUNKED = "transfer-encoding: chunked"
GRANULES = 0.5
"""Seconds by which a time-out may come later than it says."""


class Waits(Filter):
    """Waits for the test to say what becomes of each request."""

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []
        self.heads: list[Any] = []
        self.cancelled = 0

    async def request(self, head: Any, session: Any) -> Any:
        self.heads.append(head)
        self.asked.append(Deferred(self._cancel))
        return await self.asked[-1]

    def go_on(self, answer: Any = None) -> None:
        """The oldest request goes on, with its head unless there is an answer."""
        head = self.heads.pop(0)
        self.asked.pop(0).callback(answer or head)

    def _cancel(self, _deferred: Deferred[Any]) -> None:
        self.cancelled += 1


class Loud(Filter):
    """Puts bodies in capitals, with a mark behind; fails at a question mark."""

    def __init__(self, *directions: Direction) -> None:
        self._directions = directions

    def body(self, head: Any, session: Any, direction: Direction) -> Loud | None:
        return self if direction in self._directions else None

    def feed(self, data: bytes) -> bytes:
        if b"?" in data:
            raise LookupError
        return data.upper()

    def finish(self) -> bytes:
        return b"!"


DOWN, UP = Loud(Direction.RESPONSE), Loud(Direction.REQUEST)


def blamed(failures: list[LogEvent]) -> list[type[BaseException]]:
    """What filters were blamed for; none of it went unhandled."""
    kinds = [event["log_failure"].type for event in failures if "filter" in event["what"]]
    failures.clear()
    return kinds


def served(house: House, *filters: Any, **settings: Any) -> Any:
    """Open a listener with these filters; the backend behind it."""
    far = house.far()
    route = Route(pool=Pool("pool", backends=["127.0.0.1:9001"]), filters=filters)
    house.open(HTTPListener(f"tcp:{FRONT}", routes=route, **settings))
    return far


def test_the_backend_is_asked_for_what_the_filters_made(house: House) -> None:
    """Path, host and fields go up as the filters left them, and the answer's fields come down so."""
    filters = [
        StripPrefix("/v1"),
        RewriteHost("{tenant}.internal"),
        RequestHeaders(set={"x-asked-for": "{host}{path}"}, remove=["cookie"]),
        ResponseHeaders(set={"x-tenant": "{tenant}"}, remove=["server"]),
    ]
    far, pool = house.far(), Pool("pool", backends=["127.0.0.1:9001"])
    routes = Route(Path(template="/v1/{tenant}/{rest...}"), pool, filters=filters)
    house.open(HTTPListener(f"tcp:{FRONT}", routes=routes))
    client = house.client(request("GET /v1/acme/a?b=c", "cookie: secret"))
    lines = far.last.hear().decode().split("\r\n")
    assert lines[:2] == ["GET /acme/a?b=c HTTP/1.1", "host: acme.internal"]
    assert "x-asked-for: site/v1/acme/a" in lines
    assert "x-forwarded-host: site" in lines
    assert not any("secret" in line for line in lines)
    far.last.say(answer(b"hi", "server: x"))
    assert client.hear() == answer(b"hi", "x-tenant: acme").replace(
        b"content-length: 2\r\nx-tenant: acme", b"x-tenant: acme\r\ncontent-length: 2"
    )


def test_a_redirect_keeps_the_connection(house: House) -> None:
    """What filters answer themselves asks no backend, and the next request has its turn."""
    far = served(house, Redirect(scheme="https"))
    client = house.client(request("GET /a?b") + request("POST /", "content-length: 2", body=b"hi") + request("GET /c"))
    places = [line for line in client.hear().decode().split("\r\n") if line.startswith("location")]
    assert places == [f"location: https://site/{rest}" for rest in ("a?b", "", "c")]
    assert far.calls == []
    assert not client.finished


def test_a_request_waits_for_its_filter(house: House) -> None:
    """Nobody is asked until the filter is done; a body meanwhile waits in the socket, the next request for its turn."""
    waits = Waits()
    far = served(house, waits)
    client = house.client(request("POST /1", "content-length: 6", body=b"ab"))
    client.say(b"cdef" + request("GET /2"))
    assert client.transport.buffered == 4 + len(request("GET /2"))
    assert (far.calls, house.active) == ([], 0)
    waits.go_on()
    house.network.pump()
    assert far.last.hear().endswith(b"\r\n\r\nabcdef")
    far.last.say(answer(b"1"))
    assert client.hear() == answer(b"1")
    waits.go_on(Reply(403))
    house.network.pump()
    assert client.hear().startswith(b"HTTP/1.1 403 ")
    assert len(far.calls) == 1


def test_a_filter_that_takes_too_long(house: House, logged_failures: list[LogEvent]) -> None:
    """After `filter_timeout` the client is told 500 with the reason, and the connection serves the next request."""
    waits = Waits()
    far = served(house, waits, filter_timeout=2.0)
    client = house.client(request())
    house.network.advance(1.9)
    assert not client.heard
    house.network.advance(GRANULES)
    assert client.hear().endswith(b"\r\n\r\n500 Internal Server Error: filter-timeout\n")
    assert waits.cancelled == 1
    assert blamed(logged_failures) == [FilterTimeout]
    client.say(request())
    waits.asked.pop(0)
    waits.heads.pop(0)
    waits.go_on()
    house.network.pump()
    far.last.say(answer(b"2"))
    assert client.hear() == answer(b"2")


@pytest.mark.parametrize("leave", ["cut", "finish"])
def test_a_client_that_leaves_lets_its_filter_go(house: House, leave: str) -> None:
    """A client that is gone, or said no more for the grace, has its filter cancelled; no backend is asked."""
    waits = Waits()
    far = served(house, waits)
    client = house.client(request())
    getattr(client, leave)()
    house.network.advance(1 + GRANULES)
    assert waits.cancelled == 1
    assert far.calls == []


def test_the_end_of_a_drain_lets_filters_go(house: House) -> None:
    """Who still waits for a filter when the drain is over is told 503."""
    waits = Waits()
    served(house, waits)
    client = house.client(request())
    house.drain()
    assert not client.heard
    house.end()
    assert client.hear().startswith(b"HTTP/1.1 503 ")
    assert waits.cancelled == 1


@pytest.mark.parametrize(
    "body", [b"\r\ncontent-length: 4\r\n\r\nab?d", b"\r\ntransfer-encoding: chunked\r\n\r\n1\r\n?\r\n"]
)
def test_a_transform_that_fails_on_the_way_up(house: House, body: bytes, logged_failures: list[LogEvent]) -> None:
    """The client is told 500, the connection closes for its body is unread, and no backend sees a whole request."""
    served(house, UP)
    client = house.client(b"POST / HTTP/1.1\r\nhost: site" + body)
    assert client.hear().endswith(b"\r\n\r\n500 Internal Server Error: filter-failed\n")
    assert blamed(logged_failures) == [LookupError]


def test_a_body_is_rewritten_on_its_way_up(house: House) -> None:
    """A body of known length goes up in chunks, each piece as it comes."""
    far = served(house, UP)
    client = house.client(request("POST /", "content-length: 4", "content-md5: x"))
    head = far.last.hear().decode()
    assert f"\r\n{CHUNKED}\r\n" in head
    assert "content-length" not in head
    assert "content-md5" not in head
    for piece in (b"a", b"bcd"):
        client.say(piece)
    assert far.last.hear() == b"1\r\nA\r\n3\r\nBCD\r\n1\r\n!\r\n0\r\n\r\n"
    far.last.say(answer(b"hi"))
    assert client.hear() == answer(b"hi")


@given(st.data())
def test_a_body_is_rewritten_on_its_way_down(data: st.DataObject) -> None:
    """However an answer is cut, the client gets the same body in chunks, and the next answer is its own."""
    house = House()
    far = served(house, DOWN)
    client = house.client(request() + request())
    framed = data.draw(st.sampled_from([answer(b"abcd", 'etag: "x"'), chunked(b"ab", b"cd"), chunked(b"abcd")]))
    for piece in data.draw(splits(framed)):
        far.last.say(piece)
    head, _, body = client.hear().partition(b"\r\n\r\n")
    assert b'etag: "x"' not in head
    assert head.endswith(CHUNKED.encode())
    assert joined(body) == b"ABCD!"
    far.last.say(answer(b"2"))
    assert joined(client.hear().partition(b"\r\n\r\n")[2]) == b"2!"
    house.end()


def chunked(*pieces: bytes) -> bytes:
    """An answer in these chunks."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))
    return f"HTTP/1.1 200 OK\r\n{CHUNKED}\r\n\r\n".encode() + chunks


def joined(body: bytes) -> bytes:
    """What stands in the chunks of one body."""
    whole = b""
    while body != b"0\r\n\r\n":
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        assert length
        whole, body = whole + rest[:length], rest[length + 2 :]
    return whole


def test_a_rewritten_body_for_an_old_client(house: House) -> None:
    """An HTTP/1.0 client reads the rewritten body up to the close."""
    far = served(house, DOWN)
    client = house.client(request("GET /", "connection: keep-alive", version="1.0"))
    far.last.say(answer(b"hi"))
    assert client.hear() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nHI!"
    assert client.finished


def test_an_answer_to_head_tells_no_length(house: House) -> None:
    """HEAD and 304 tell nothing of a body that would be another."""
    far = served(house, DOWN)
    client = house.client(request("HEAD /") + request())
    far.last.say(answer(b"", 'etag: "x"').replace(b"length: 0", b"length: 9"))
    assert client.hear() == b'HTTP/1.1 200 OK\r\netag: W/"x"\r\n\r\n'
    far.last.say(answer(b"", 'etag: "x"', status="304 Not Modified").replace(b"length: 0", b"length: 9"))
    assert client.hear() == b'HTTP/1.1 304 Not Modified\r\netag: W/"x"\r\n\r\n'


def test_a_part_is_never_asked_for(house: House) -> None:
    """Where bodies may be rewritten the backend is asked for the whole."""
    far = served(house, DOWN)
    house.client(request("GET /", "range: bytes=0-1", 'if-range: "x"'))
    assert b"range" not in far.last.hear()


@pytest.mark.parametrize("begun", [False, True])
def test_a_transform_that_fails_on_the_way_down(house: House, begun: bool, logged_failures: list[LogEvent]) -> None:
    """A client that has nothing of the answer yet is told 500; another is cut off, and takes nothing for whole."""
    far = served(house, DOWN)
    client = house.client(request())
    whole = answer(b"ab?d")
    if begun:
        far.last.say(whole[:-2])
        assert b"AB" in client.hear()
    far.last.say(whole[-2:] if begun else whole)
    assert client.hear().endswith(b"" if begun else b"\r\n\r\n500 Internal Server Error: filter-failed\n")
    assert (client.ending == "ConnectionLost") is begun
    assert far.last.ending == "ConnectionLost"
    assert blamed(logged_failures) == [LookupError]


def test_a_slow_client_of_a_rewritten_body_holds_the_backend(house: House) -> None:
    """What a transform makes is not piled up: while the client does not read, the backend is not read."""
    far = served(house, DOWN)
    client = house.client(request())
    client.hold()
    for piece in (answer(bytes(2 << 20))[: -1 << 20], bytes(1 << 20)):
        far.last.say(piece)
    assert far.last.transport.buffered == 1 << 20
    client.go_on()
    assert client.heard.endswith(b"\r\n1\r\n!\r\n0\r\n\r\n")


def test_what_always_fails_is_told_now_and_then(house: House, logged_failures: list[LogEvent]) -> None:
    """A filter that always fails costs each request a 500, and is told of the 1st, 2nd, 4th time."""
    served(house, lambda head, _session: head.nothing)
    client = house.client(request() * 3)
    assert client.hear().count(b"500 Internal Server Error: filter-failed\n") == 3
    assert blamed(logged_failures) == [AttributeError] * 2
