"""One port, several treatments: relayed, served by a listener inside a route, or refused, as clients notice it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogEvent

from balancer.config import HTTPListener, Pool, Route, TCPListener
from balancer.core.hello import NAME_UNKNOWN
from balancer.core.proxy_protocol import encode_v2
from balancer.errors import BackendDown
from balancer.plugins.first_bytes import HTTP1, SNI, SSH
from balancer.plugins.matchers import Path
from balancer.testing import splits
from tests.net import hellos
from tests.net.house import FRONT, Far, House, answer, lines, request

SITE, SHELL, REST = (
    Pool(name, backends=[f"127.0.0.1:{port}"]) for name, port in (("a", 9001), ("b", 9002), ("c", 9003))
)


def opened(house: House, **settings: Any) -> list[Far]:
    """HTTP is served, SSH relayed by a listener inside, TLS of one server name passed, and the rest refused."""
    fars = [house.far(port) for port in (9001, 9002, 9003)]
    web = HTTPListener(routes=[Route(Path("/a"), SITE)])
    shell = TCPListener(routes=[Route(SSH(), SHELL)])
    routes = [
        Route(HTTP1(), serve=web),
        Route(SSH(), serve=shell),
        Route(SNI("a.example"), REST),
        Route(refuse=True),
    ]
    house.open(TCPListener(f"tcp:{FRONT}", routes=routes, **settings))
    return fars


def test_each_is_treated_as_its_route_says(house: House) -> None:
    """A request is answered, another protocol relayed by the listener inside, and TLS of the one name passed."""
    site, shell, rest = opened(house)
    client = house.client(request("GET /a"))
    site.last.say(answer(b"hello"))
    assert client.hear().endswith(b"hello")
    assert b"404" in house.client(request("GET /b")).hear()
    house.client(hellos.SSH_LINE)
    assert shell.last.hear() == hellos.SSH_LINE
    house.client(hellos.NAMED)
    assert rest.last.hear() == hellos.NAMED


@given(st.sampled_from([request("GET /a"), hellos.SSH_LINE]).flatmap(splits))
def test_every_split(cut: list[bytes]) -> None:
    """However first bytes are cut, who serves gets all of them, once and in order."""
    house = House()
    site, shell, _ = opened(house)
    client = house.client()
    for piece in cut:
        client.say(piece)
    house.network.advance(1)
    heard = shell.last.hear() if shell.calls else site.last.hear()
    assert heard == b"".join(cut) if shell.calls else heard.startswith(b"GET /a HTTP/1.1\r\nhost: site\r\n")
    house.end()


def test_a_connection_that_is_served_goes_on(house: House) -> None:
    """The route is decided once: what follows on a kept connection is served there, too."""
    site, *_ = opened(house)
    client = house.client(request("GET /a") * 2)
    for _ in range(2):
        site.last.say(answer(b"x"))
    assert client.hear().count(b"200 OK") == 2
    client.say(b"SSH-2.0-x\r\n\r\n")
    assert b"400" in client.hear()


def test_an_end_behind_the_first_bytes(house: House) -> None:
    """A client that finishes with its request is answered, and the connection closed; one without any is let go."""
    site, shell, _ = opened(house, peek_timeout=2)
    half = house.client(hellos.SSH_LINE[:3])
    half.say(hellos.SSH_LINE[3:])
    half.finish()
    assert shell.last.finished
    client = house.client()
    client.transport.write(request("GET /a"))
    client.finish()
    site.last.say(answer(b"hello"))
    assert client.hear().endswith(b"hello")
    assert client.finished


def test_an_end_that_decides(house: House) -> None:
    """Where the end of what a client says decides for a listener inside, that one hears of the end."""
    far = house.far()
    web = HTTPListener(pool=SITE)
    house.open(TCPListener(f"tcp:{FRONT}", routes=[Route(SSH(), SHELL), Route(serve=web)]))
    client = house.client(b"SS")
    client.finish()
    assert client.gone
    assert far.calls == []


def test_refused(house: House, told: list[LogEvent]) -> None:
    """Who began with TLS is told by an alert that its name is not known here, all others are cut; both are counted."""
    opened(house, peek_timeout=2)
    for hello in (hellos.client_hello("b.example"), hellos.client_hello()):
        client = house.client(hello)
        assert (client.hear(), client.finished, client.gone) == (NAME_UNKNOWN, True, True)
    other = house.client(hellos.REDIS)
    assert (other.hear(), other.ending) == (b"", "ConnectionLost")
    assert house.counted["refused"] == {"route-refused": 3}
    line = "connection from 127.0.0.1 turned away: its route refuses it"
    assert lines(told) == [f"{line}, {count} so far" for count in (1, 2)]
    assert len(house.assembly.deadlines) == 0


def test_time_is_up(house: House, told: list[LogEvent]) -> None:
    """Who says too little in time is told to the log with what becomes of it."""
    opened(house, peek_timeout=2)
    client = house.client(b"GET")
    house.network.advance(3)
    assert client.gone
    assert lines(told)[0] == "connection from 127.0.0.1 said too little in 2 s and is refused, 1 so far"


def test_a_refusal_that_is_not_read(house: House) -> None:
    """A client that does not take the alert is cut after a while."""
    opened(house)
    client = house.client()
    client.hold()
    client.say(hellos.client_hello("b.example"))
    house.network.advance(20)
    assert len(house.assembly.deadlines) == 0


def test_counted_once(house: House) -> None:
    """Whoever serves it, a connection is one session of the port, seen, counted and ended there, in its one room."""
    site, *_ = opened(house)
    client = house.client(request("GET /a"))
    ssh = house.client(hellos.SSH_LINE)
    ((noun, listener),) = house.assembly.listeners
    assert (house.counted["accepted"], house.counted["active"], house.assembly.room.taken) == (2, 2, 2)
    assert sorted(str(one.backend and one.backend.name) for one in listener.look()) == [
        "127.0.0.1:9001",
        "127.0.0.1:9002",
    ]
    assert house.counted["received_bytes"] == len(hellos.SSH_LINE)
    ssh.cut()
    site.last.say(answer())
    client.cut()
    assert (house.counted["active"], house.assembly.room.taken, house.active) == (0, 0, 0)
    assert house.counted["received_bytes"] == len(hellos.SSH_LINE)
    assert set(noun.all_pools) == {SITE, SHELL, REST}


def test_no_room(house: House) -> None:
    """Who finds the room taken is closed, and who has the last place keeps it when a listener inside takes over."""
    site, *_ = opened(house)
    house.assembly.room.limit = 1
    client = house.client(request("GET /a"))
    assert house.client().gone
    site.last.say(answer(b"x"))
    assert client.hear().endswith(b"x")


def test_no_place_inside(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the listener inside takes nobody just now, the connection is cut, and was one all the same."""
    monkeypatch.setattr("balancer.net.http.HTTPFactory.buildProtocol", lambda *_: None)
    opened(house)
    assert house.client(request("GET /a")).ending == "ConnectionLost"
    assert (house.counted["accepted"], house.counted["active"], house.assembly.room.taken) == (1, 0, 0)


def test_a_drain(house: House) -> None:
    """What is served inside finishes what is under way, like all behind the port."""
    site, *_ = opened(house)
    idle, busy = house.client(request("GET /b")), house.client(request("GET /a"))
    (drained,) = house.drain()
    assert (idle.gone, busy.gone, drained.called) == (True, False, False)
    site.last.say(answer(b"x"))
    assert (busy.hear().endswith(b"x"), busy.finished, drained.called) == (True, True, True)


def test_a_backend_that_leaves(house: House) -> None:
    """Those on a backend that is to be left leave it, whoever serves them."""
    opened(house)
    client = house.client(hellos.SSH_LINE)
    ((_, listener),) = house.assembly.listeners
    backend = next(one for one in house.backends if one.name == "127.0.0.1:9002")
    list(listener.leave(backend, BackendDown("sick")))
    house.network.pump()
    assert client.gone


def test_told_and_limited_clients_stay_who_they_are(house: House) -> None:
    """A PROXY header counts for the limits of the port and for what is served inside: backends hear who asks."""
    site, *_ = opened(house, accept_proxy="127.0.0.1", max_connections_per_source=1)
    header = encode_v2(("192.0.2.7", 5), ("192.0.2.1", 443))
    house.client(header + request("GET /a"))
    assert b"192.0.2.7" in site.last.hear()
    assert house.client(header + request("GET /a")).gone
    assert house.counted["refused"] == {"max-connections-per-source": 1}
