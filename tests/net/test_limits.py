"""The limits of a listener: who is let in, who is turned away, what of it is told, and that nobody stays counted."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.logger import LogEvent

from balancer.config import HTTPListener, Pool, Route, TCPListener
from balancer.core.proxy_protocol import encode_v1, encode_v2
from balancer.plugins.first_bytes import HTTP1
from tests.net.house import FRONT, Far, House, Speaker, lines, request

CALLED = ("198.51.100.1", 443)
ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
KINDS = [TCPListener, HTTPListener]


def limited(house: House, kind: Any = TCPListener, **settings: Any) -> Far:
    """Open a listener with these settings over one backend."""
    far = house.far()
    house.open(kind(f"tcp:{FRONT}", pool=Pool("pool", backends=["127.0.0.1:9001"]), **settings))
    return far


def let_in(client: Speaker) -> bool:
    """Whether it is still connected."""
    return not client.gone


def come(house: House, *hosts: str) -> list[bool]:
    """Who of those is let in, one after the other."""
    return [let_in(house.client(host=host)) for host in hosts]


def told_of(house: House, *hosts: str) -> list[bool]:
    """The same of clients that a header tells of, all from one balancer in front."""
    return [let_in(house.client(encode_v1((host, 1), CALLED))) for host in hosts]


@pytest.mark.parametrize("kind", KINDS)
def test_connections(house: House, told: list[LogEvent], kind: Any) -> None:
    """A listener has so many connections: the next are closed before any backend hears; who leaves makes room."""
    far = limited(house, kind, max_connections=2)
    clients = [house.client(host=host) for host in (ONE, TWO, ONE, TWO)]
    assert [let_in(client) for client in clients] == [True, True, False, False]
    clients[0].cut()
    assert come(house, THREE, THREE) == [True, False]
    assert len(far.calls) == (3 if kind is TCPListener else 0)
    refused = "turned away: max_connections=2 is reached"
    assert lines(told) == [f"connection from {ONE} {refused}, 1 so far", f"connection from {TWO} {refused}, 2 so far"]


@pytest.mark.parametrize("kind", KINDS)
def test_connections_of_a_source(house: House, kind: Any) -> None:
    """A source, the /64 of an IPv6 address, has so many connections, whatever others do."""
    limited(house, kind, max_connections_per_source=2)
    assert come(house, ONE, ONE, ONE, TWO) == [True, True, False, True]
    assert come(house, "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1") == [True, True, False, True]


@pytest.mark.parametrize("kind", KINDS)
def test_rate(house: House, kind: Any) -> None:
    """A listener takes as many in a second, from wherever, as it says."""
    limited(house, kind, max_rate=2)
    assert come(house, ONE, TWO, THREE) == [True, True, False]
    house.network.advance(0.5)
    assert come(house, ONE, TWO) == [True, False]


def test_rate_of_a_source(house: House, told: list[LogEvent]) -> None:
    """A source is let in as often as it may come, and who keeps to it always; refusals are told ever more rarely."""
    limited(house, max_rate_per_source=1)
    assert come(house, *[ONE] * 6, TWO) == [True, *[False] * 5, True]
    assert [line.rsplit(", ")[1] for line in lines(told)] == ["1 so far", "2 so far", "4 so far"]
    for _ in range(5):
        house.network.advance(1)
        assert come(house, ONE, ONE) == [True, False]


def test_the_room_is_for_all(house: House) -> None:
    """Who is within the limits is refused all the same when the process has no room for him, and is not counted."""
    limited(house, max_connections_per_source=2)
    house.assembly.room.limit = 1
    assert come(house, ONE, TWO, TWO, TWO) == [True, False, False, False]
    house.assembly.room.limit = 9
    assert come(house, TWO, TWO, TWO) == [True, True, False]


def test_a_balancer_in_front_is_no_source(house: House) -> None:
    """Clients that headers tell of are limited each, and who brings them is not."""
    far = limited(house, accept_proxy="127.0.0.0/8", max_connections_per_source=1, max_rate_per_source=3)
    assert told_of(house, ONE, TWO, ONE) == [True, True, False]
    assert [let_in(house.client(encode_v2(None, None, local=True))) for _ in range(5)] == [True] * 5
    assert [let_in(house.client(encode_v2(b"/a", b"/b", transport="unix"))) for _ in range(5)] == [True] * 5
    assert len(far.calls) == 12


def test_a_client_told_of_is_reset_once_known(house: House, told: list[LogEvent]) -> None:
    """A client whom a header tells of and who comes too often is cut before any backend hears, and is named."""
    far = limited(house, accept_proxy="127.0.0.1", max_rate_per_source=1)
    client, other = (house.client(encode_v1((ONE, 1), CALLED) + b"hello") for _ in range(2))
    assert (let_in(client), let_in(other), other.ending, len(far.calls)) == (True, False, "ConnectionLost", 1)
    assert lines(told) == [f"connection from {ONE} turned away: max_rate_per_source=1 is reached, 1 so far"]


def test_what_holds_for_all_holds_before_the_header(house: House, told: list[LogEvent]) -> None:
    """Who waits for his header is one of those that a listener may have."""
    limited(house, accept_proxy="127.0.0.1", max_connections=2)
    house.client()
    assert told_of(house, ONE, TWO) == [True, False]
    assert lines(told) == [
        "connection from a source of PROXY headers turned away: max_connections=2 is reached, 1 so far"
    ]


def test_an_optional_header(house: House) -> None:
    """Where headers are optional, who is not listed is a source, and who is listed is none without a header either."""
    limited(house, accept_proxy="127.0.0.1", proxy="optional", max_connections_per_source=1)
    assert come(house, ONE, ONE) == [True, False]
    assert told_of(house, ONE, TWO) == [False, True]
    assert [let_in(house.client(b"hello")) for _ in range(3)] == [True] * 3


def test_who_is_not_listed_takes_nothing(house: House) -> None:
    """Those who may not come in at all do not use up what the others may."""
    limited(house, accept_proxy="127.0.0.1", max_rate=1)
    assert come(house, *[ONE] * 5) == [False] * 5
    assert told_of(house, ONE, ONE) == [True, False]


def test_routed_by_first_bytes(house: House) -> None:
    """Who waits for his route is counted, and so he is when he has one, and not when he has left."""
    house.far()
    route = Route(HTTP1(), Pool("pool", backends=["127.0.0.1:9001"]))
    house.open(TCPListener(f"tcp:{FRONT}", routes=[route], max_connections_per_source=1))
    client = house.client(host=ONE)
    assert come(house, ONE) == [False]
    client.say(request())
    assert (house.active, come(house, ONE)) == (1, [False])
    client.cut()
    assert come(house, ONE) == [True]
