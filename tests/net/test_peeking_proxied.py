"""Routes by first bytes between two PROXY headers, and what those tell policies and backends of a client."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from twisted.logger import LogEvent
from zope.interface import implementer

from balancer.config import HTTPListener, Pool, Route, TCPListener
from balancer.core.proxy_protocol import ProxyHeader, ProxyReader, encode_v1, encode_v2
from balancer.core.proxy_tlvs import ProxyTLS, alpn_tlv, authority_tlv, crc32c, tls_tlv
from balancer.interfaces import IAlgorithm, ISession, Picker
from balancer.plugins.first_bytes import SNI, SSH, TLSHello
from balancer.testing import splits
from tests.net import hellos
from tests.net.house import FRONT, House, request

CLIENT, CALLED = ("192.0.2.7", 4711), ("198.51.100.1", 443)
TLVS = (
    alpn_tlv("mqtt"),
    authority_tlv("Broker.example"),
    (5, b"id-1"),
    (0xE1, b"gold"),
    tls_tlv(ProxyTLS(3, 0, cn="ann")),
)
TOLD = encode_v2(CLIENT, CALLED, tlvs=TLVS)


class Seen:
    """A matcher that takes everything and keeps the sessions."""

    def __init__(self) -> None:
        self.sessions: list[Any] = []

    def __call__(self, session: ISession) -> bool:
        self.sessions.append(session)
        return True


@implementer(IAlgorithm)
class Watching:
    """Chooses the first backend, and keeps the sessions for which it does."""

    name = "watching"

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def picker(self, backends: Any, random: Random) -> Picker:
        """See `IAlgorithm`."""
        return lambda session: backends[0] if self._seen(session) else None


def opened(house: House, *matchers: Any, kind: Any = TCPListener, **settings: Any) -> None:
    """Open a listener with routes that all lead to one backend."""
    pool = Pool("pool", backends=["127.0.0.1:9001"])
    house.open(kind(f"tcp:{FRONT}", routes=[Route(matcher, pool) for matcher in matchers], **settings))


def read(heard: bytes) -> tuple[ProxyHeader, bytes]:
    """What a backend makes of its first bytes."""
    result = ProxyReader().receive(heard)
    assert result is not None
    header, rest = result
    assert header is not None
    return header, rest


@given(splits(TOLD + hellos.NAMED + b"more"))
def test_a_header_then_a_hello(pieces: list[bytes]) -> None:
    """However both are cut, the route is that of the hello, and behind our header the backend gets all of it."""
    house = House()
    far = house.far()
    opened(house, SSH(), SNI("a.example"), accept_proxy="127.0.0.1", send_proxy="v1")
    client = house.client()
    for piece in pieces:
        client.say(piece)
    house.network.advance(0.5)
    assert far.last.hear() == encode_v1(CLIENT, CALLED) + hellos.NAMED + b"more"
    house.end()


def test_a_hello_in_one_piece_with_a_header_decided_without(house: House) -> None:
    """Where no route looks at bytes, what came in one piece with the header passes all the same."""
    far = house.far()
    opened(house, lambda session: session.client == CLIENT, accept_proxy="127.0.0.1")
    client = house.client(TOLD + b"hello")
    client.say(b" again")
    assert far.last.hear() == b"hello again"


def test_no_route_behind_a_header(house: House, told: list[LogEvent]) -> None:
    """Who matches no route is cut, and told of once, though more came with the header."""
    far = house.far()
    opened(house, lambda session: session.client != CLIENT, accept_proxy="127.0.0.1")
    assert house.client(TOLD + b"hello").ending == "ConnectionLost"
    assert far.calls == []
    assert [event["line"] for event in told if "line" in event] == [
        "connection from 192.0.2.7 turned away: no route matches the connection, 1 so far"
    ]


@pytest.mark.parametrize(("kind", "said"), [(TCPListener, b"x"), (HTTPListener, request())])
def test_policies_see_what_a_header_told(house: House, kind: Any, said: bytes) -> None:
    """A session has the header with all of its vectors, at either kind of listener."""
    house.far()
    seen = Seen()
    opened(house, seen, kind=kind, accept_proxy="127.0.0.1")
    house.client(TOLD + said)
    (session,) = seen.sessions
    assert (session.server_name, session.alpn, session.proxy.unique_id) == ("broker.example", "mqtt", b"id-1")
    assert (session.proxy.first(0xE1), session.proxy.first(0xE2)) == (b"gold", None)
    assert (session.proxy.tls.cn, session.proxy.tls.client_verified) == ("ann", True)


def test_algorithms_see_the_hello(house: House) -> None:
    """A backend is picked for a session that has the names found in the hello, and what the matcher captured."""
    house.far()
    seen = Seen()
    pool = Pool("pool", backends=["127.0.0.1:9001"], algorithm=Watching(seen))
    house.open(TCPListener(f"tcp:{FRONT}", routes=Route(SNI("*.example"), pool)))
    house.client(hellos.NAMED)
    (session,) = seen.sessions
    assert (session.server_name, session.alpn) == ("a.example", "h2")
    assert session.captures == {"server_name": "a.example"}


@pytest.mark.parametrize(("kind", "said"), [(TCPListener, b"x"), (HTTPListener, request())])
def test_no_header_tells_nothing(house: House, kind: Any, said: bytes) -> None:
    """Without a header a session has one that tells nothing."""
    house.far()
    seen = Seen()
    opened(house, seen, kind=kind)
    house.client(said)
    (session,) = seen.sessions
    assert (session.proxy.tlvs, session.proxy.tls, session.proxy.client) == ((), None, None)


def test_backends_are_told_what_the_hello_says(house: House) -> None:
    """Names found in the hello go to the backend, with a checksum that is right and values of the user's own."""
    far = house.far()
    facts = ("authority", "alpn", "unique_id", "crc32c", {0xE0: b"edge-1"})
    opened(house, TLSHello(), None, send_proxy="v2", proxy_tlvs=facts)
    house.client(hellos.NAMED)
    heard = far.last.hear()
    header, rest = read(heard)
    assert rest == hellos.NAMED
    assert (header.alpn, header.authority, header.first(0xE0)) == ("h2", "a.example", b"edge-1")
    greeting = heard[: -len(rest)]
    assert crc32c(greeting[:-4] + bytes(4)) == int.from_bytes(greeting[-4:])
    first = header.unique_id
    house.client(hellos.NAMED)
    assert read(far.last.hear())[0].unique_id not in {first, None}


def test_what_was_told_is_handed_on(house: House) -> None:
    """A unique id that came with the client is handed on, and so are names, where the hello has none of its own."""
    far = house.far()
    settings: dict[str, Any] = {"send_proxy": "v2", "proxy_tlvs": ("authority", "alpn", "unique_id")}
    opened(house, TLSHello(), None, accept_proxy="127.0.0.1", **settings)
    house.client(TOLD + hellos.client_hello())
    header, _ = read(far.last.hear())
    assert (header.source, header.destination) == (CLIENT, CALLED)
    assert (header.alpn, header.authority, header.unique_id) == ("mqtt", "broker.example", b"id-1")
    house.client(TOLD + hellos.NAMED)
    assert read(far.last.hear())[0].authority == "a.example"


def test_a_plain_relay_tells_too(house: House) -> None:
    """A listener with a pool in place of routes tells what came with the client."""
    far = house.far()
    pool = Pool("pool", backends=["127.0.0.1:9001"])
    settings: dict[str, Any] = {"accept_proxy": "127.0.0.1", "send_proxy": "v2"}
    house.open(TCPListener(f"tcp:{FRONT}", pool=pool, proxy_tlvs=["authority", "unique_id"], **settings))
    house.client(TOLD + b"x")
    header, rest = read(far.last.hear())
    assert (header.authority, header.unique_id, header.alpn, rest) == ("broker.example", b"id-1", None, b"x")
