"""Stickiness over the whole edge: cookies out and in, drains, outages, and connections that change their protocol."""

from __future__ import annotations

import re
from typing import Any

import pytest

from balancer.assembly import changes
from balancer.plugins.algorithms import First
from balancer.plugins.hashing import header
from balancer.plugins.sticky import AppCookie, Learned, OwnCookie, Sticky
from tests.net.house import House, answer, request

OWN = OwnCookie("lb", "0123456789abcdef")
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


class Site:
    """A site of two backends, and clients that ask for one thing after another on connections of their own."""

    def __init__(self, house: House, by: Any, **settings: Any) -> None:
        self.house, self.fars = house, [house.far(9001), house.far(9002)]
        pool = {"algorithm": Sticky(by, settings.pop("otherwise", First()), **settings.pop("sticky", {})), **settings}
        house.site(9001, 9002, **pool)

    def ask(self, *fields: str, said: bytes = b"") -> tuple[int, bytes, bytes]:
        """Which backend was asked, what it was asked, and what the client was answered."""
        before = [sum(len(call.heard) for call in far.calls) for far in self.fars]
        client = self.house.client(request("GET /", *fields))
        after = [sum(len(call.heard) for call in far.calls) for far in self.fars]
        (which,) = [place for place in (0, 1) if after[place] > before[place]]
        speaker = next(call for call in self.fars[which].calls if call.heard)
        asked = speaker.hear()
        speaker.say(said or answer(b"hi"))
        heard = client.hear()
        client.close()
        return which, asked, heard

    def drain(self, which: int, *, draining: bool = True) -> None:
        """Have a backend drain, as an operator does."""
        ((settings, pool),) = self.house.assembly.pools.items()
        changes.drain(self.house.assembly, settings, pool.backends[which], draining=draining)


def cookie(heard: bytes) -> str:
    """The cookie field of a client that got that answer."""
    found = re.search(rb"set-cookie: (lb=[^;]+);", heard)
    return f"cookie: a=b; {found[1].decode()}" if found else ""


def test_a_cookie_leads_back(house: House) -> None:
    """A client gets the cookie once, and with it goes back though others go elsewhere; backends do not see it."""
    site = Site(house, OWN)
    which, _, heard = site.ask()
    assert b"SameSite=Lax; HttpOnly\r\n" in heard
    assert b"cache-control: private\r\n" in heard
    site.drain(0)
    other, _, _ = site.ask()
    assert (which, other) == (0, 1)
    back, asked, again = site.ask(cookie(heard))
    assert back == 0
    assert b"cookie: a=b\r\n" in asked
    assert b"lb=" not in asked
    assert again == answer(b"hi")


def test_made_up_cookies_choose_nothing(house: House) -> None:
    """A cookie that was not given out is no reason to go anywhere, and is replaced by one that is."""
    site = Site(house, OWN)
    _, asked, heard = site.ask("cookie: lb=AAAAAAAAAAAAAAAAAAAAAA")
    assert b"cookie" not in asked
    assert cookie(heard)


def test_whose_backend_is_down_moves(house: House) -> None:
    """A client whose backend does not take connections is served by another, belongs there, and stays there."""
    site = Site(house, OWN)
    _, _, heard = site.ask()
    house.network.advance(10)
    site.fars[0].bound.stopListening()
    moved, _, new = site.ask(cookie(heard))
    assert moved == 1
    assert cookie(new) not in ("", cookie(heard))
    site.fars[0] = house.far(9001)
    assert site.ask(cookie(new))[0] == 1


def test_whose_backend_is_down_is_refused(house: House) -> None:
    """With down="refuse" a client whose backend does not take connections gets an error, and nobody else does."""
    site = Site(house, OWN, sticky={"down": "refuse"})
    _, _, heard = site.ask()
    house.network.advance(10)
    site.fars[0].bound.stopListening()
    client = house.client(request("GET /", cookie(heard)))
    assert client.hear().startswith(b"HTTP/1.1 502 ")
    assert site.ask()[0] == 1


def test_all_drain(house: House) -> None:
    """While every backend drains those that belong somewhere are served, and the others told that nobody is there."""
    site = Site(house, OWN)
    _, _, heard = site.ask()
    for which in (0, 1):
        site.drain(which)
    assert site.ask(cookie(heard))[0] == 0
    assert house.client(request()).hear().startswith(b"HTTP/1.1 503 ")


def test_a_change_of_protocol_sticks_too(house: House) -> None:
    """A WebSocket goes to the backend of its client, and gives a cookie to one that has none yet."""
    site = Site(house, OWN)
    fields = ("connection: upgrade", "upgrade: websocket")
    which, _, heard = site.ask(*fields, said=SWITCHED)
    assert (which, heard.startswith(b"HTTP/1.1 101 ")) == (0, True)
    site.drain(0)
    back, asked, again = site.ask(cookie(heard), *fields, said=SWITCHED)
    assert back == 0
    assert b"lb=" not in asked
    assert b"set-cookie" not in again


@pytest.mark.parametrize(
    ("by", "given", "brought"),
    [
        (AppCookie("sid"), "set-cookie: sid=s1; Path=/", "cookie: sid=s1"),
        (Learned("mcp-session-id"), "mcp-session-id: s1", "mcp-session-id: s1"),
        (header("x-user"), "x-other: 1", "x-user: ann"),
    ],
)
def test_what_is_learned_leads_back(house: House, by: Any, given: str, brought: str) -> None:
    """What a backend gives out, or a client says of itself, leads back; health and drains make nobody forget it."""
    site = Site(house, by)
    which, _, heard = site.ask(brought if callable(by) else "x-none: 1", said=answer(b"hi", given))
    assert given.encode() in heard
    site.drain(which)
    site.drain(1 - which)
    site.drain(1 - which, draining=False)
    back, asked, _ = site.ask(brought)
    assert back == which
    assert brought.encode() in asked
    assert site.ask(brought.replace("s1", "s2").replace("ann", "bob"))[0] == 1 - which


def test_who_belongs_to_a_full_backend_waits(house: House) -> None:
    """A request whose backend is full waits for it, and is served there when there is room."""
    site = Site(house, OWN, max_connections=1)
    _, _, heard = site.ask()
    first = house.client(request("GET /1", cookie(heard)))
    second = house.client(request("GET /2", cookie(heard)))
    (busy,) = [call for call in site.fars[0].calls if call.heard]
    assert b"GET /1" in busy.hear()
    assert not any(call.heard for far in site.fars for call in far.calls)
    busy.say(answer(b"one"))
    house.network.advance(0.1)
    (then,) = [call for call in site.fars[0].calls if b"GET /2" in call.heard]
    then.say(answer(b"two"))
    assert (first.hear(), second.hear()) == (answer(b"one"), answer(b"two"))
