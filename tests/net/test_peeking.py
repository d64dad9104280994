"""Routes by first bytes, as clients and backends notice them: nothing lost, nothing late, and everything bounded."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.logger import LogEvent

from balancer.config import Pool, Route, TCPListener
from balancer.core.hello import HELLO_LIMIT
from balancer.core.peeking import AT_ONCE, FirstBytes, PeekingRoutes
from balancer.core.routes import Route as CoreRoute
from balancer.core.session import Session
from balancer.errors import BackendDown, NoRoute
from balancer.interfaces import Found, Kind, Matcher
from balancer.plugins.first_bytes import (
    ALPN,
    HTTP1,
    HTTP2,
    SNI,
    SSH,
    MQTTClientID,
    Postgres,
    PostgresSSL,
    Redis,
    TLSHello,
)
from balancer.testing import splits
from tests.net import hellos
from tests.net.house import FRONT, Far, House, lines

SAID = [
    hellos.NAMED,
    hellos.client_hello(),
    hellos.shredded(hellos.client_hello("b.example")),
    hellos.startup(b"user", b"ann", b"database", b"shop"),
    hellos.connect(b"sensor-1"),
    hellos.HTTP1_REQUEST,
    hellos.HTTP2_PREFACE,
    hellos.POSTGRES_SSL,
    hellos.REDIS,
    hellos.SSH_LINE,
    hellos.STALLED,
    b"",
]
MATCHERS: list[Any] = [
    SNI("a.example"),
    SNI("*.example") & ~ALPN("h2"),
    ALPN("h2"),
    TLSHello(),
    HTTP1(),
    HTTP2(),
    Postgres(database="shop"),
    PostgresSSL(),
    MQTTClientID("sensor-*"),
    Redis(),
    SSH(),
    ~SSH(),
    lambda session: session.client[1] == 0,
    None,
]
said = st.sampled_from(SAID).flatmap(lambda data: st.binary(max_size=40).map(lambda more: data + more))
pieces = said.flatmap(splits) | st.binary(max_size=60).flatmap(splits)
tables = st.lists(st.sampled_from(MATCHERS[:-1]), min_size=1, max_size=5).flatmap(
    lambda table: st.sampled_from([table, [*table, None]])
)


class Counted(Matcher):
    """Matches what says hello to a.example; notes when it is asked."""

    peek = HELLO_LIMIT

    def __init__(self) -> None:
        self.asked: list[float] = []

    def matches(self, session: Any) -> Found:
        self.asked.append(session.now)
        return SNI("a.example").matches(session)


def routed(house: House, *matchers: Any, **settings: Any) -> list[Far]:
    """Open a listener with a route to a backend of its own for each matcher."""
    fars = [house.far(9001 + number) for number in range(len(matchers))]
    routes = [
        Route(matcher, Pool(f"pool {number}", backends=[f"127.0.0.1:{9001 + number}"]))
        for number, matcher in enumerate(matchers)
    ]
    house.open(TCPListener(f"tcp:{FRONT}", routes=routes, **settings))
    return fars


def chosen(far: list[Far]) -> list[int]:
    """The numbers of the routes whose backends were called, once for each call."""
    return [number for number, one in enumerate(far) for _ in one.calls]


def of_the_whole(matchers: list[Any], data: bytes) -> list[int]:
    """The route that the core decides on when it sees all at once and its end; empty if there is none."""
    routes = PeekingRoutes([CoreRoute(matcher, number) for number, matcher in enumerate(matchers)])
    first = FirstBytes(routes, Session(Kind.TCP, ("127.0.0.1", 1), 0.0))
    try:
        return [(first.feed(b"") or first.feed(data) or first.give_up()).target]
    except NoRoute:
        return []


@given(pieces, tables)
@example([hellos.NAMED[:100], hellos.NAMED[100:]], [SSH(), SNI("a.example")])
@example([bytes([byte]) for byte in hellos.NAMED[:600]], [SNI("a.example"), None])
def test_every_split_and_every_table(cut: list[bytes], matchers: list[Any]) -> None:
    """However it is cut, the backend of the route for the whole gets exactly what the client said, and its end."""
    house, data = House(), b"".join(cut)
    fars = routed(house, *matchers)
    client = house.client()
    for piece in cut:
        client.say(piece)
    if not client.ending:
        client.finish()
    expected = of_the_whole(matchers, data)
    assert chosen(fars) == expected
    if expected:
        backend = fars[expected[0]].last
        assert (backend.hear(), backend.finished) == (data, True)
        backend.say(b"answer")
        assert client.hear() == b"answer"
    else:
        assert client.ending == "ConnectionLost"
    house.end()


def test_no_bytes_are_awaited_where_none_are_needed(house: House) -> None:
    """Where no route looks at bytes, or one in front of those is taken, a backend may speak first, and no time runs."""
    fars = routed(house, lambda session: session.client[0] == "192.0.2.1", lambda _: True, SSH())
    fars[1].greeting = b"220 ready"
    assert house.client().hear() == b"220 ready"
    assert house.client(b"x").hear() == b"220 ready"
    assert fars[1].last.hear() == b"x"


def test_the_first_bytes_are_read_once(house: House) -> None:
    """Behind its decision a connection is a relay like any other."""
    fars = routed(house, SSH(), None)
    client = house.client(hellos.SSH_LINE)
    assert fars[0].last.hear() == hellos.SSH_LINE
    client.say(b"GET / HTTP/1.1\r\n\r\n")
    assert fars[0].last.hear() == b"GET / HTTP/1.1\r\n\r\n"
    fars[0].last.say(b"SSH-2.0-x\r\n")
    assert client.hear() == b"SSH-2.0-x\r\n"
    assert house.active == 1


def test_bulk_behind_a_hello(house: House) -> None:
    """A backend that does not read holds back a client that says a lot at once, and in the end gets all of it."""
    fars = routed(house, TLSHello())
    fars[0].deaf = True
    client = house.client(hellos.NAMED + bytes(1 << 20))
    for _ in range(8):
        client.say(bytes(1 << 20))
    assert fars[0].last.transport.other.most_buffered <= 2 << 20
    fars[0].last.go_on()
    assert len(fars[0].last.heard) == len(hellos.NAMED) + (9 << 20)


def test_no_route(house: House, told: list[LogEvent]) -> None:
    """Who matches no route is cut; the 1st, 2nd and 4th are told, and no backend hears of any."""
    fars = routed(house, SNI("b.example"), SSH())
    for _ in range(5):
        assert house.client(hellos.NAMED).ending == "ConnectionLost"
    start = "connection from 127.0.0.1 turned away: no route matches the connection"
    assert lines(told) == [f"{start}, {count} so far" for count in (1, 2, 4)]
    assert chosen(fars) == []
    ((_, listener),) = house.assembly.listeners
    assert listener.counters()["refused"] == {"no-route": 5}


def test_no_route_at_once(house: House) -> None:
    """Where no route looks at bytes and none matches, a client is cut before it says anything."""
    routed(house, lambda _: False)
    client = house.client()
    assert client.gone
    assert len(house.assembly.deadlines) == 0


def test_time_is_up(house: House, told: list[LogEvent]) -> None:
    """A client that does not say enough in time is taken by a later route, which is told, or else cut."""
    fars = routed(house, SNI("a.example"), HTTP1(), None, peek_timeout=2)
    fars[2].greeting = b"220 ready"
    client = house.client(hellos.NAMED[:50])
    house.network.advance(1.5)
    assert chosen(fars) == []
    house.network.advance(1)
    assert (chosen(fars), client.hear(), fars[2].last.hear()) == ([2], b"220 ready", hellos.NAMED[:50])
    line = "connection from 127.0.0.1 said too little in 2 s and goes to pool 'pool 2', 1 so far"
    assert lines(told) == [line]


def test_time_is_up_and_no_route(house: House, told: list[LogEvent]) -> None:
    """A client that does not say enough in time, and that no later route takes, is cut."""
    routed(house, SNI("a.example"), peek_timeout=2)
    clients = [house.client(), house.client(hellos.NAMED[:50])]
    house.network.advance(3)
    assert [client.ending for client in clients] == ["ConnectionLost"] * 2
    line = "connection from 127.0.0.1 turned away: no route matches what came within 2 s"
    assert lines(told) == [f"{line}, 1 so far", f"{line}, 2 so far"]


def test_an_end_decides(house: House) -> None:
    """A client that finishes before its first bytes are whole does not wait for its time to be up."""
    fars = routed(house, Postgres(), None)
    for data in (b"", b"\0\0"):
        house.client(data).finish()
        assert (fars[1].last.hear(), fars[1].last.finished) == (data, True)


def test_one_byte_at_a_time(house: House) -> None:
    """A hello cut to shreds is found well before its time is up, and the looks at it are few."""
    matcher = Counted()
    fars = routed(house, matcher, peek_timeout=30)
    client = house.client()
    for byte in hellos.NAMED:
        client.say(bytes([byte]))
    house.network.advance(0.5)
    assert fars[0].last.hear() == hellos.NAMED
    assert len(matcher.asked) <= AT_ONCE + 1


def test_a_client_that_goes_on_dribbling(house: House) -> None:
    """The first bytes decide soon after they are whole, though more keep coming one by one."""
    fars = routed(house, HTTP1(), peek_timeout=30)
    client = house.client()
    for byte in b"GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\n":
        client.say(bytes([byte]))
    for _ in range(20):
        house.network.advance(0.05)
        client.say(b"a")
    assert chosen(fars) == [0]


def test_matchers_are_told_the_time(house: House) -> None:
    """Each time that a matcher is asked, the time of the session is that of the moment."""
    matcher = Counted()
    routed(house, matcher)
    client, begun = house.client(hellos.NAMED[:1]), house.network.seconds()
    house.network.advance(1)
    client.say(hellos.NAMED[1:])
    assert [moment - begun for moment in matcher.asked] == [0, 0, 1]
    house.client()
    house.network.advance(5)
    assert matcher.asked[-1] - begun > 4


def test_two_to_ten_segments_decide_at_once(house: House) -> None:
    """An honest client, whose hello comes in up to ten segments, does not wait."""
    fars = routed(house, SNI("a.example"))
    for count in range(2, 11):
        size = -(-len(hellos.NAMED) // count)
        client = house.client()
        for start in range(0, len(hellos.NAMED), size):
            assert len(fars[0].calls) == count - 2
            client.say(hellos.NAMED[start : start + size])
        assert fars[0].last.hear() == hellos.NAMED


def test_as_many_bytes_as_routes_need_decide(house: House) -> None:
    """What never ends is held up to the limit of the routes; with the byte that reaches it, no route is undecided."""
    fars = routed(house, SNI("a.example"), Redis(), None)
    client = house.client(hellos.STALLED[:-20])
    for byte in hellos.STALLED[-20:]:
        assert chosen(fars) == []
        client.say(bytes([byte]))
    assert chosen(fars) == []
    client.say(b"!" * 100)
    assert fars[2].last.hear() == hellos.STALLED + b"!" * 100


def test_a_matcher_that_fails(house: House, logged_failures: list[LogEvent]) -> None:
    """A route whose matcher raises does not match, and the log tells of it."""
    fars = routed(house, lambda _: 1 / 0, SSH())
    house.client(hellos.SSH_LINE)
    assert chosen(fars) == [1]
    assert "ZeroDivisionError" in str(logged_failures.pop()["log_failure"].type)


def test_counted_once(house: House) -> None:
    """A connection is one session of its listener before its route is decided and after; it ends once."""
    routed(house, SSH())
    ((_, listener),) = house.assembly.listeners
    sessions: Any = listener.sessions  # type: ignore[attr-defined]  # a stream listener has them
    client = house.client(b"SSH")
    assert (len(sessions), sessions.accepted, house.assembly.room.taken) == (1, 1, 1)
    assert [(one.backend, one.received) for one in listener.look()] == [(None, None)]
    assert list(listener.leave(house.backends[0], BackendDown("sick"))) == [None]
    client.say(hellos.SSH_LINE[3:])
    assert [(one.backend, one.received) for one in listener.look()] == [(house.backends[0], len(hellos.SSH_LINE))]
    assert (len(sessions), sessions.accepted, house.assembly.room.taken) == (1, 1, 1)
    client.cut()
    assert (len(sessions), sessions.accepted, house.assembly.room.taken) == (0, 1, 0)


def test_a_client_that_leaves_undecided(house: House) -> None:
    """Nothing stays of a client that is gone before its route is decided."""
    fars = routed(house, SSH(), None)
    client = house.client(b"SSH")
    client.cut()
    assert (len(house.assembly.deadlines), house.assembly.room.taken) == (0, 0)
    house.network.advance(10)
    assert chosen(fars) == []


def test_room(house: House) -> None:
    """Those who are undecided take room, and who finds none is closed at once."""
    routed(house, SSH())
    house.assembly.room.limit = 1
    house.client()
    assert house.client().gone


def test_drain(house: House, told: list[LogEvent]) -> None:
    """A connection whose route is not decided has begun nothing, and does not hold up a drain; nor is it news."""
    routed(house, SSH())
    client = house.client(b"S")
    ((_, listener),) = house.assembly.listeners
    drained = listener.drain()
    house.network.clock.advance(5)  # without a pump: our end has not heard of its own end yet
    house.network.pump()
    assert client.gone
    assert drained.called
    assert lines(told) == []
