"""One port, several treatments of TLS: passed through, ended for HTTP or for any protocol, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogEvent

from balancer.config import TLS, HTTPListener, Pool, Route, TCPListener
from balancer.core.proxy_protocol import encode_v2
from balancer.plugins.first_bytes import ALPN, HTTP1, SNI, Postgres, PostgresSSL, Redis
from tests.net import hellos
from tests.net.authority import Authority
from tests.net.house import FRONT, Far, House, answer
from tests.net.tls.calling import Caller

AUTHORITY = Authority()
SITE, PLAIN, REST = (
    Pool(name, backends=[f"127.0.0.1:{port}"]) for name, port in (("a", 9001), ("b", 9002), ("c", 9003))
)
ASKED = b"GET / HTTP/1.1\r\nhost: www.example\r\n\r\n"
POSTGRES_SESSION = hellos.startup(b"user", b"ann", b"database", b"shop")


@pytest.fixture
def tls(tmp_path: Path) -> TLS:
    """Certificates for two names."""
    for name in ("www.example", "db.example"):
        AUTHORITY.leaf(name).store(tmp_path, name)
    return TLS(str(tmp_path), strict=True)


def opened(house: House, tls: TLS, **settings: Any) -> list[Far]:
    """A site and a database behind TLS, one name that passes, HTTP and the database's own question in the clear."""
    fars = [house.far(port) for port in (9001, 9002, 9003)]
    database = TCPListener(tls=tls, starttls="postgres", routes=[Route(Postgres(database="shop"), PLAIN)])
    routes = [
        Route(SNI("far.example"), REST),
        Route(ALPN("postgresql") | PostgresSSL(), serve=database),
        Route(SNI("*.example"), serve=HTTPListener(tls=tls, pool=SITE)),
        Route(HTTP1(), serve=HTTPListener(pool=SITE)),
        Route(refuse=True),
    ]
    house.open(TCPListener(f"tcp:{FRONT}", routes=routes, **settings))
    return fars


@pytest.mark.parametrize("cut", [0, 1, 7, 100])
def test_a_site(house: House, tls: TLS, cut: int) -> None:
    """However its hello is cut, a client gets the certificate of its name, is answered, and may ask again."""
    site, *_ = opened(house, tls)
    client = Caller(house, "www.example", alpn=[b"http/1.1"], cut=cut)
    assert (client.shown, client.talker.tls.get_alpn_proto_negotiated()) == ("www.example", b"http/1.1")
    for _ in range(2):
        client.say(ASKED)
        heard = site.last.hear()
        assert b"x-forwarded-proto: https\r\n" in heard.lower()
        site.last.say(answer(b"hello"))
        assert client.hear().endswith(b"hello")
    assert house.counted["accepted"] == 1


def test_a_name_that_passes(house: House, tls: TLS) -> None:
    """Of a connection that passes through, the backend gets every byte, encrypted as it is."""
    *_, rest = opened(house, tls)
    client = house.client(hellos.client_hello("far.example"))
    assert rest.last.hear().startswith(b"\x16\x03")
    rest.last.say(b"\x15")
    assert client.hear() == b"\x15"


def test_no_name_of_ours(house: House, tls: TLS, told: list[LogEvent]) -> None:
    """A name that a route takes but no certificate is for is refused by the listener inside, which is told as such."""
    opened(house, tls)
    client = Caller(house, "other.example")
    assert "unrecognized name" in client.talker.ending
    assert house.counted["refused"] == {"tls-name": 1}
    (event,) = [event for event in told if "listener" in event]
    assert event["line"].startswith("connection from 127.0.0.1 turned away: no certificate")
    assert event["listener"] == "TCPListener 'tcp:8080', route 3: HTTPListener"


@pytest.mark.parametrize(
    ("before", "alpn"), [(hellos.POSTGRES_SSL, ()), (b"", (b"postgresql",))], ids=["asked", "at once"]
)
def test_a_database(house: House, tls: TLS, before: bytes, alpn: Sequence[bytes]) -> None:
    """A client of PostgreSQL that asks for TLS, or begins with it, is routed by what it says behind that."""
    _, database, _ = opened(house, tls)
    client = Caller(house, "db.example", before=before, alpn=alpn)
    assert client.answer == (b"S" if before else b"")
    assert client.shown == "db.example"
    assert client.talker.tls.get_alpn_proto_negotiated() == b"".join(alpn)
    client.say(POSTGRES_SESSION)
    assert database.last.hear() == POSTGRES_SESSION
    database.last.say(b"R")
    assert client.hear() == b"R"
    assert house.counted["received_bytes"] == len(POSTGRES_SESSION)


def test_in_the_clear(house: House, tls: TLS) -> None:
    """HTTP in the clear is served beside it, and what no route takes is refused."""
    site, *_ = opened(house, tls)
    house.client(ASKED)
    assert b"x-forwarded-proto: http\r\n" in site.last.hear().lower()
    assert house.client(hellos.REDIS).gone
    assert house.counted["refused"] == {"route-refused": 1}


def test_the_client_is_known_all_the_way(house: House, tls: TLS) -> None:
    """A PROXY header in front of it all tells who the client is, to what is served behind routes and TLS."""
    site, *_ = opened(house, tls, accept_proxy="127.0.0.1", max_connections_per_source=1)
    header = encode_v2(("192.0.2.7", 5), ("192.0.2.1", 443))
    client = Caller(house, "www.example", before=header)
    client.say(ASKED)
    heard = site.last.hear().lower()
    assert b"x-forwarded-for: 192.0.2.7\r\n" in heard
    assert b"x-forwarded-port: 443\r\n" in heard
    assert Caller(house, "www.example", before=header).wire.gone
    client.wire.cut()
    assert house.counted["refused"] == {"max-connections-per-source": 1}
    assert (house.counted["active"], house.assembly.room.taken) == (0, 0)


def test_routes_behind_tls(house: House, tls: TLS) -> None:
    """Where TLS ends at the listener, its routes go by the name asked for, and by what is said behind it."""
    site, plain, _ = (house.far(port) for port in (9001, 9002, 9003))
    web = HTTPListener(pool=SITE)
    routes = [Route(SNI("db.example") & ~HTTP1(), PLAIN), Route(HTTP1(), serve=web), Route(Redis(), refuse=True)]
    house.open(TCPListener(f"tcp:{FRONT}", tls=tls, routes=routes))
    client = Caller(house, "db.example")
    client.say(b"\0\0\0\0")
    assert plain.last.hear() == b"\0\0\0\0"
    other = Caller(house, "www.example")
    other.say(ASKED)
    assert b"x-forwarded-proto: https\r\n" in site.last.hear().lower()
    third = Caller(house, "www.example")
    third.say(hellos.REDIS)
    assert third.wire.gone


def test_a_client_that_leaves_in_its_handshake(house: House, tls: TLS) -> None:
    """Whoever goes away between the route and the end of the handshake leaves nothing behind."""
    opened(house, tls)
    client = house.client(hellos.client_hello("www.example"))
    assert (house.counted["active"], house.assembly.room.taken) == (1, 1)
    client.cut()
    assert (house.counted["active"], house.assembly.room.taken, len(house.assembly.deadlines)) == (0, 0, 0)


def test_the_end_of_what_a_client_says(house: House, tls: TLS) -> None:
    """A client that finishes before its handshake is complete cannot have one, and is cut."""
    house.far()
    listener = TCPListener(f"tcp:{FRONT}", routes=[Route(HTTP1(), REST), Route(serve=TCPListener(tls=tls, pool=SITE))])
    house.open(listener)
    client = house.client(b"GET")
    client.finish()
    assert client.gone
    assert house.assembly.room.taken == 0


def test_what_the_hello_told_is_told_on(house: House) -> None:
    """A listener inside a route tells its backends of the name by which the route was taken."""
    far = house.far()
    teller = TCPListener(pool=SITE, send_proxy="v2", proxy_tlvs="authority")
    house.open(TCPListener(f"tcp:{FRONT}", routes=Route(SNI("a.example"), serve=teller)))
    house.client(hellos.NAMED)
    assert b"a.example" in far.last.hear().partition(b"\x16\x03")[0]


@pytest.mark.parametrize("others", [(), ("b.example",)])
def test_other_hosts_behind_tls(house: House, tls: TLS, others: Sequence[str]) -> None:
    """Where TLS has ended before, its word counts for which hosts requests may be for."""
    site = house.far()
    around = TLS(tls.certificates, other_hosts=others)
    house.open(TCPListener(f"tcp:{FRONT}", tls=around, routes=Route(HTTP1(), serve=HTTPListener(pool=SITE))))
    client = Caller(house, "www.example")
    client.say(ASKED.replace(b"www", b"b"))
    assert (len(site.calls), client.hear()[:12]) == ((1, b"") if others else (0, b"HTTP/1.1 421"))


def test_an_end_behind_tls(house: House, tls: TLS) -> None:
    """A client that ends its side in TLS decides by that, is relayed with its end, and hears the answer."""
    far = house.far()
    routes = [Route(HTTP1(), REST), Route(pool=SITE)]
    house.open(TCPListener(f"tcp:{FRONT}", tls=tls, routes=routes))
    client = Caller(house, "www.example")
    client.say(b"GE")
    client.wire.say(client.talker.end())
    assert (far.last.hear(), far.last.finished) == (b"GE", True)
    far.last.say(b"hello")
    assert client.hear() == b"hello"
