"""HTTP connections that change to another protocol, as clients and backends notice it; and those that do not."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.logger import LogEvent
from zope.interface import implementer

from balancer.config import Backend, HTTPListener, Pool, Route
from balancer.errors import BackendDown, Draining
from balancer.interfaces import IFilter, Reply
from balancer.plugins.matchers import Path
from tests.net.house import FRONT, Far, House, answer, request

WISH = ("connection: Upgrade", "upgrade: websocket", "sec-websocket-key: x")
ASKED = b"connection: upgrade\r\nupgrade: websocket\r\n\r\n"
CONSENT = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
TOLD = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


def site(
    house: House, *, pool: dict[str, Any] | None = None, route: dict[str, Any] | None = None, **listener: Any
) -> Far:
    """A listener before one backend."""
    far = house.far()
    behind = Pool("pool", backends=[Backend("127.0.0.1:9001")], **pool or {})
    house.open(HTTPListener(f"tcp:{FRONT}", routes=[Route(pool=behind, **route or {})], **listener))
    return far


def wish(*fields: str, line: str = "GET /chat", version: str = "1.1") -> bytes:
    """A request for a change."""
    return request(line, *(fields or WISH), version=version)


def talking(house: House, far: Far) -> Any:
    """A client that has changed to another protocol with the backend."""
    client = house.client(wish())
    far.last.hear()
    far.last.say(CONSENT)
    assert client.hear() == TOLD
    return client


def test_a_change_of_protocol(house: House) -> None:
    """The wish goes on, so does the consent, and from then on what either side says; it is one session to the end."""
    far = site(house)
    client = house.client(wish())
    heard = far.last.hear()
    assert heard.startswith(b"GET /chat HTTP/1.1\r\nhost: site\r\nsec-websocket-key: x\r\n")
    assert heard.endswith(ASKED)
    assert heard.lower().count(b"upgrade") == 2
    far.last.say(CONSENT)
    assert client.hear() == TOLD
    client.say(b"ping")
    far.last.say(b"GET / HTTP/1.1\r\n\r\n")
    assert (far.last.hear(), client.hear()) == (b"ping", b"GET / HTTP/1.1\r\n\r\n")
    assert house.active == 1
    far.last.finish()
    assert (client.finished, house.active) == (True, 1)
    client.say(b"last words")
    client.finish()
    assert (far.last.hear(), far.last.finished, house.active) == (b"last words", True, 0)


def test_nothing_that_came_early_is_lost(house: House) -> None:
    """What the client sent behind its request and the backend behind its consent arrives, however it was cut."""
    far = site(house)
    client = house.client(wish() + b"early ")
    client.say(b"and more")
    assert far.last.hear().endswith(ASKED)
    far.last.say(CONSENT + b"as early")
    assert (far.last.hear(), client.hear()) == (b"early and more", TOLD + b"as early")
    client.say(b"!")
    assert far.last.hear() == b"!"


@pytest.mark.parametrize("early", [b"", b"question"])
def test_a_client_that_has_finished(house: House, early: bytes) -> None:
    """A client's FIN from before the consent reaches the backend behind all it said, and the answer still passes."""
    far = site(house)
    client = house.client(wish() + early)
    client.finish()
    far.last.hear()
    far.last.say(CONSENT)
    assert (far.last.hear(), far.last.finished) == (early, True)
    far.last.say(b"answer")
    assert client.hear() == TOLD + b"answer"
    house.network.advance(5)
    far.last.say(b"more")
    far.last.finish()
    assert (client.hear(), client.finished, house.active) == (b"more", True, 0)


@pytest.mark.parametrize(
    "asks",
    [
        wish("upgrade: websocket"),
        wish("connection: keep-alive", "upgrade: websocket"),
        wish("connection: upgrade"),
        wish("connection: upgrade", "upgrade: web socket"),
        wish("connection: upgrade", "upgrade: mqtt"),
        wish("connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQCAAAAAAIAAAAA"),
        wish("connection: upgrade, keep-alive", "upgrade: websocket", version="1.0"),
        wish("connection: upgrade", "upgrade: websocket", "content-length: 2") + b"hi",
        wish("connection: upgrade", "upgrade: websocket", "transfer-encoding: chunked") + b"0\r\n\r\n",
    ],
)
def test_what_is_no_wish_for_a_change(house: House, asks: bytes) -> None:
    """Without both fields, a protocol that the route allows, HTTP/1.1 and no body it is an ordinary request."""
    far = site(house)
    client = house.client(asks)
    heard = far.last.hear().lower()
    assert heard.startswith(b"get /chat http/1.1\r\n")
    assert b"upgrade" not in heard
    assert b"http2-settings" not in heard
    assert b"connection:" not in heard
    far.last.say(answer(b"no change"))
    assert client.hear().endswith(b"no change")


def test_what_the_route_does_not_allow(house: House) -> None:
    """A route says which protocols may be changed to, and which is not among them is not asked for."""
    far = house.far()
    pool = Pool("pool", backends=["127.0.0.1:9001"])
    routes = [Route(Path("/v1"), pool, upgrades=()), Route(pool=pool, upgrades=["mqtt", "foo"])]
    house.open(HTTPListener(f"tcp:{FRONT}", routes=routes))
    client = house.client()
    wanted = ("connection: upgrade", "upgrade: websocket, MQTT, foo/2")
    for line, said in (("GET /v1", b""), ("GET /", b"connection: upgrade\r\nupgrade: MQTT, foo/2\r\n\r\n")):
        client.say(wish(*wanted, line=line))
        assert far.last.hear().endswith(said)
        far.last.say(answer())
        assert client.hear() == answer()


def wants_websocket(session: Any) -> bool:
    """A matcher that is a function."""
    return "websocket" in session.request.upgrade


def test_routes_see_what_is_asked_for(house: House) -> None:
    """A matcher may look at the wish, and so send it elsewhere."""
    far, sockets = house.far(), house.far(9002)
    site, talk = (Pool(f"{port}", backends=[f"127.0.0.1:{port}"]) for port in (9001, 9002))
    house.open(HTTPListener(f"tcp:{FRONT}", routes=[Route(wants_websocket, talk), Route(pool=site)]))
    house.client(request())
    house.client(wish())
    assert (far.last.hear()[:5], sockets.last.hear()[:9]) == (b"GET /", b"GET /chat")


@pytest.mark.parametrize(
    ("asks", "consent"),
    [
        (wish(), CONSENT.replace(b"websocket", b"h2c")),
        (wish(), CONSENT.replace(b"Upgrade: websocket\r\n", b"")),
        (wish(), CONSENT.replace(b"Connection: Upgrade\r\n", b"")),
        (request(), CONSENT),
    ],
)
def test_a_consent_to_something_else(house: House, asks: bytes, consent: bytes) -> None:
    """A 101 that was not asked for, or not to that, is a bad answer, and no byte behind it reaches the client."""
    far = site(house)
    client = house.client(asks)
    far.last.say(consent + b"secret")
    assert client.hear().startswith(b"HTTP/1.1 502 ")
    assert far.last.ending == "ConnectionLost"
    assert house.active == 0


def test_another_answer_than_consent(house: House) -> None:
    """A backend that declines is heard, and both connections carry on with HTTP, the next request included."""
    far = site(house)
    client = house.client(wish() + wish(line="GET /again"))
    far.last.hear()
    far.last.say(answer(b"not you", status="403 Forbidden"))
    assert client.hear() == answer(b"not you", status="403 Forbidden")
    assert b"GET /again" in far.last.hear()
    far.last.say(CONSENT)
    assert (client.hear(), len(far.calls)) == (TOLD, 1)


def test_a_kept_connection_that_is_gone(house: House) -> None:
    """A wish on a kept connection that breaks is sent once more on another, and after the consent never again."""
    far = site(house)
    client = house.client(request())
    far.last.say(answer())
    client.hear()
    client.say(wish())
    far.last.close()
    assert (len(far.calls), far.last.hear().endswith(ASKED)) == (2, True)
    far.last.say(CONSENT)
    far.last.cut()
    assert client.hear() == TOLD
    assert (client.ending, len(far.calls), house.active) == ("ConnectionLost", 2, 0)


@implementer(IFilter)
class Refusing:
    """A filter that has its own answer to a consent."""

    def request(self, head: Any, session: Any) -> Any:
        return head

    def response(self, head: Any, session: Any) -> Any:
        return Reply(403) if head.status == 101 else head


def test_a_filter_that_answers_in_place_of_a_consent(house: House) -> None:
    """Its answer is the client's, whose connection carries on with HTTP, and the backend's is cut."""
    far = site(house, route={"filters": Refusing()})
    client = house.client(wish())
    far.last.say(CONSENT + b"secret")
    assert client.hear() == answer(status="403 Forbidden")
    assert (far.last.ending, house.active) == ("ConnectionLost", 0)
    client.say(request("GET /next"))
    assert far.last.hear().startswith(b"GET /next ")


def test_silence_ends_it(house: House) -> None:
    """It is closed when nothing moves for its own idle time, in which no time-out of HTTP's counts, without a word."""
    far = site(house, idle=5, half_closed=1, request_timeout=5, upgrade_idle=100, pool={"response_timeout": 5})
    client = talking(house, far)
    house.network.advance(90)
    client.say(b"still here")
    house.network.advance(99)
    assert not client.finished
    house.network.advance(2)
    assert (client.finished, far.last.finished, house.active) == (True, True, 0)


def test_what_is_told_of_its_end(house: House, told: list[LogEvent]) -> None:
    """That a client left or nothing moved is no news; that a backend broke off is."""
    far = site(house, upgrade_idle=10)
    talking(house, far).cut()
    talking(house, far)
    house.network.advance(11)
    assert [event for event in told if "line" in event] == []
    talking(house, far)
    far.last.cut()
    (event,) = (event for event in told if "line" in event)
    assert event["line"].startswith("502 upstream-gone: pool 'pool': backend '127.0.0.1:9001': the connection broke")


@pytest.mark.parametrize("before", [True, False])
def test_one_that_is_too_old(house: House, before: bool) -> None:
    """A connection that is too old is cut, when it has changed before and when it changes after."""
    far = site(house, max_lifetime=10)
    client = talking(house, far) if before else house.client(wish())
    house.network.advance(11)
    if not before:
        far.last.say(CONSENT)
        house.network.advance(1)
        assert client.hear() == TOLD
    assert (client.ending, far.last.ending, house.active) == ("ConnectionLost", "ConnectionLost", 0)


def test_a_backend_that_went_down(house: House) -> None:
    """Where the sessions of a backend that is down are cut, those that have changed are, too."""
    far = site(house)
    client = talking(house, far)
    ((_, listener),) = house.assembly.listeners
    (backend,) = house.backends
    for _ in listener.leave(backend, BackendDown("it is")):
        pass
    house.network.pump()
    assert (client.ending, far.last.ending, house.active) == ("ConnectionLost", "ConnectionLost", 0)


@pytest.mark.parametrize("before", [True, False])
def test_a_drain_waits_for_it(house: House, before: bool) -> None:
    """A drain lets it go on to its own end, whether it had changed already or does so then; the end of a drain cuts."""
    far = site(house)
    client = talking(house, far) if before else house.client(wish())
    (drained,) = house.drain()
    if not before:
        far.last.hear()
        far.last.say(CONSENT)
        assert client.hear() == TOLD
    client.say(b"still here")
    assert (far.last.hear(), drained.called) == (b"still here", False)
    ((_, listener),) = house.assembly.listeners
    listener.end_all(Draining("it is over"))
    house.network.pump()
    assert (client.ending, far.last.ending, drained.called) == ("ConnectionLost", "ConnectionLost", True)


def test_how_it_is_counted(house: House) -> None:
    """It is one connection of its listener and its source from first to last, seen with its backend and its bytes."""
    far = site(house, max_connections_per_source=1)
    client = talking(house, far)
    client.say(b"four")
    far.last.say(b"sixteen bytes...")
    ((_, listener),) = house.assembly.listeners
    (sight,) = listener.look()
    assert (sight.backend, sight.received, sight.sent) == (house.backends[0], 4, 16)
    assert (listener.counters()["accepted"], listener.active) == (1, 1)
    assert house.client().finished
    client.cut()
    assert (listener.counters()["accepted"], listener.active, house.assembly.room.taken) == (1, 0, 0)
    assert not house.client().finished


def test_a_slow_reader_holds_the_other_side(house: House) -> None:
    """While the client reads nothing little is taken from the backend, from before the consent on; then all arrives."""
    far = site(house)
    client = house.client(wish())
    client.hold()
    far.last.say(CONSENT + bytes(100_000))
    for _ in range(10):
        far.last.say(bytes(100_000))
    assert far.last.transport.buffered >= 800_000
    client.go_on()
    assert len(client.hear()) == len(TOLD) + 1_100_000
    client.say(b"thanks")
    assert far.last.hear().endswith(b"thanks")
