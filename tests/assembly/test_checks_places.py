"""Where backends are checked and their agents asked: where they serve, at a port for all, or each in its own place."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import Agent, Backend, Health, Pool, TCPListener, UDPListener
from balancer.errors import StartError
from balancer.plugins.health import HTTPCheck, TCPCheck
from tests.assembly.parts import assembled
from tests.net.house import FRONT, House


def opened(house: House, *backends: Backend | str, send_proxy: Any = None, **pool: Any) -> None:
    """A pool over these backends, whose checks begin."""
    house.open(TCPListener(f"tcp:{FRONT}", pool=Pool("pool", backends=backends, **pool), send_proxy=send_proxy))


def test_where_they_serve() -> None:
    """Without a setting a backend is checked where it serves, and the request names that."""
    house, far = House(), House.far
    served = far(house, 9001)
    opened(house, "127.0.0.1:9001", health=Health(HTTPCheck()))
    assert b"\r\nhost: 127.0.0.1:9001\r\n" in served.last.hear()
    house.end()


def test_a_port_for_all() -> None:
    """With a port every backend is checked there, on its own host, and the request names that."""
    house = House()
    served, watched = house.far(9001), house.far(9101)
    opened(house, "127.0.0.1:9001", health=Health(HTTPCheck(), port=9101))
    assert b"\r\nhost: 127.0.0.1:9101\r\n" in watched.last.hear()
    assert served.calls == []
    watched.last.say(b"HTTP/1.1 204 No Content\r\n\r\n")
    house.network.refuse(9101)
    house.network.advance(20)
    assert house.backends[0].state == "down"
    assert [event.evidence[:15] for event in house.assembly.events] == ["127.0.0.1:9101:"]
    house.end()


def test_a_place_of_its_own() -> None:
    """A backend with an address to be checked at is checked there, whatever port there is for the others."""
    house = House()
    first, second = house.far(9101), house.far(9202)
    backends = "127.0.0.1:9001", Backend("127.0.0.1:9002", check="tcp:127.0.0.1:9202")
    opened(house, *backends, health=Health(TCPCheck(), port=9101, every=1, jitter=0))
    house.network.advance(1.2)
    assert (len(first.calls), len(second.calls)) == (2, 1)
    house.end()


@pytest.mark.parametrize("elsewhere", [{"port": 9101}, {}])
def test_a_proxy_header_opens_only_what_goes_where_they_serve(elsewhere: dict[str, Any]) -> None:
    """A header of the PROXY protocol opens checks where sessions open with one, and nowhere else."""
    house = House()
    far = house.far(9101 if elsewhere else 9001)
    opened(house, "127.0.0.1:9001", health=Health(HTTPCheck(), **elsewhere), send_proxy="v1")
    assert far.last.hear().startswith(b"GET " if elsewhere else b"PROXY UNKNOWN\r\n")
    house.end()


@pytest.mark.parametrize("settings", [{"check": "known:81"}, {"agent": "known:81"}])
def test_names_are_looked_up(settings: dict[str, str]) -> None:
    """The place may have a name, which is looked up as those of backends are; an unknown one stops the start."""
    asked = {"health": Health(TCPCheck())} if "check" in settings else {"agent": Agent()}
    pool = Pool("pool", backends=[Backend("127.0.0.1:9001", **settings)], **asked)  # type: ignore[arg-type]  # one of two
    assert len(assembled(TCPListener("tcp:8080", pool=pool)).lookups) == 1
    unknown = dict.fromkeys(settings, "unknown:81")
    pool = Pool("pool", backends=[Backend("127.0.0.1:9001", **unknown)], **asked)  # type: ignore[arg-type]  # one of two
    with pytest.raises(
        StartError, match=rf"Backend '127.0.0.1:9001 \({next(iter(settings))}\)': unknown host 'unknown'"
    ):
        assembled(TCPListener("tcp:8080", pool=pool))


def test_agents_have_their_places() -> None:
    """An agent is at the port for all, or where its backend says; it is asked in the clear and at once."""
    house = House()
    first, second = house.far(9999), house.far(9998)
    first.greeting, second.greeting = b"drain\n", b"50%\n"
    backends = "127.0.0.1:9001", Backend("127.0.0.1:9002", agent="127.0.0.1:9998")
    opened(house, *backends, agent=Agent(9999, every=1, jitter=0), tls=True, send_proxy="v2")
    house.network.advance(1)
    assert [backend.state for backend in house.backends] == ["draining", "up"]
    assert [backend.weight for backend in house.backends] == [1, 0.5]
    assert first.last.heard == b""
    house.end()


def test_datagrams_go_there_too() -> None:
    """A check that asks by datagrams asks at the port for all, too."""
    asked: list[Any] = []

    async def check(target: Any) -> None:
        asked.append(target.address)

    pool = Pool("names", backends=["127.0.0.1:53"], health=Health(check, port=5300))
    assembly = assembled(UDPListener("udp:5353", pool=pool))
    assembly.checks[0].start()
    assembly.reactor.advance(0.1)
    assert asked == ["127.0.0.1:5300"]
