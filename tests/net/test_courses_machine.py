"""One port with every treatment there is, under clients that do as they like: nothing is lost, and nothing stays."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from balancer.config import TLS, HTTPListener, Pool, Route, TCPListener
from balancer.plugins.first_bytes import ALPN, HTTP1, SNI, SSH, PostgresSSL
from balancer.testing import splits
from tests.net import hellos
from tests.net.authority import Authority
from tests.net.house import FRONT, House, Speaker, answer

SITE, PLAIN = Pool("site", backends=["127.0.0.1:9001"]), Pool("plain", backends=["127.0.0.1:9002"])
FOLDER = TemporaryDirectory()
CERTIFICATE = Authority().leaf("www.example").store(Path(FOLDER.name))
SAID = [
    hellos.client_hello("www.example"),
    hellos.client_hello("www.example", "postgresql"),
    hellos.client_hello("far.example"),
    hellos.client_hello("other.example"),
    hellos.client_hello(),
    hellos.shredded(hellos.client_hello("www.example")),
    hellos.POSTGRES_SSL,
    hellos.POSTGRES_SSL + hellos.client_hello("www.example"),
    hellos.startup(b"user", b"ann"),
    hellos.SSH_LINE,
    hellos.HTTP1_REQUEST,
    hellos.STALLED,
    b"",
]
said = st.sampled_from(SAID).flatmap(lambda data: st.binary(max_size=40).map(lambda more: data + more)).flatmap(splits)
ends = st.sampled_from(["stay", "finish", "cut", "close", "hold"])
clients = st.lists(st.tuples(said, ends, st.floats(0, 2)), min_size=1, max_size=4)


def opened(house: House) -> None:
    """A port with a listener of every kind inside."""
    tls = TLS(CERTIFICATE, handshake_timeout=4)
    database = TCPListener(tls=tls, starttls="postgres", routes=[Route(HTTP1(), serve=HTTPListener(pool=SITE))])
    routes = [
        Route(SNI("far.example"), PLAIN),
        Route(PostgresSSL() | ALPN("postgresql"), serve=database),
        Route(SNI("www.example"), serve=HTTPListener(tls=tls, pool=SITE)),
        Route(SSH(), serve=TCPListener(routes=Route(SSH(), PLAIN))),
        Route(HTTP1(), serve=HTTPListener(pool=SITE)),
        Route(refuse=True),
    ]
    house.open(TCPListener(f"tcp:{FRONT}", routes=routes, peek_timeout=3, max_connections=3, max_lifetime=600))


@given(clients)
def test_nothing_stays(clients: list[tuple[list[bytes], str, float]]) -> None:
    """Whatever clients say and however they end, each is one session while it lives, and then none."""
    house = House()
    fars = [house.far(9001), house.far(9002)]
    opened(house)
    ((_, listener),) = house.assembly.listeners
    for pieces, end, pause in clients:
        client = house.client()
        for piece in pieces:
            client.say(piece)
            house.network.advance(pause / 10)
        leave(client, end)
        house.network.advance(pause)
        assert listener.active == house.assembly.room.taken == len(list(listener.look())) <= 3
    for far in fars:
        for call in far.calls:
            call.say(answer(b"x"))
    counters: dict[str, Any] = listener.counters()
    turned_away = counters["refused"].get("max-connections", 0)
    assert counters["accepted"] == len(clients) - turned_away
    house.end()
    assert (listener.active, house.assembly.room.taken) == (0, 0)


def leave(client: Speaker, end: str) -> None:
    """Do that, if there still is a connection."""
    if end != "stay" and not client.ending:
        getattr(client, end)()
