"""The door of a listener that speaks TLS: who comes through, who does not, and what is known of him then."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from balancer.errors import Draining
from tests.net.lean import Lean
from tests.net.tls.doors import Client, Door


@pytest.fixture
def door(lean: Lean) -> Door:
    """A door that looks at hellos."""
    return Door(lean)


@pytest.mark.parametrize("needs_hello", [False, True])
def test_a_client_comes_through(lean: Lean, needs_hello: bool) -> None:
    """After the handshake the client is served, on a transport that is in the clear, and its TLS is known."""
    door, client = Door(lean, needs_hello=needs_hello), Client()
    with door.knock(client.hello()) as plain:
        client.talk(door, plain)
        (served,) = door.served
        assert served.heard == b"ping"
        assert served.secured is not None
        assert served.secured.version == "TLSv1.3"
        assert served.address == plain.getsockname()
    asked = [None if one is None else one.server_name for one in door.choice.asked]
    assert asked == (["site.example"] if needs_hello else [None])
    lean.until(lambda: served.ending == "ConnectionLost")
    door.empty()


def test_a_handshake_has_its_time(lean: Lean) -> None:
    """A client that stops in the middle, or says nothing, is cut off and counted."""
    door = Door(lean, timeout=0.1)
    with door.knock(), door.knock(Client().hello()[:50]), door.knock(Client().hello()):
        lean.until(lambda: door.reasons == {"tls-timeout": 3})
        door.empty()


def test_handshakes_under_way_are_bounded(lean: Lean) -> None:
    """Beyond as many as may be under way nobody is let in; there is room again when one has ended."""
    door = Door(lean, most=2)
    with door.knock() as first, door.knock(Client().hello()):
        lean.until(lambda: door.terminating.under_way == 2)
        with door.knock() as refused:
            assert door.heard(refused) == b""
        assert door.reasons == {"tls-full": 1}
        first.close()
        lean.until(lambda: door.terminating.under_way == 1)
        client = Client()
        with door.knock(client.hello()) as plain:
            client.talk(door, plain)
            assert door.terminating.under_way == 1


@pytest.mark.parametrize("said", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"])
def test_a_client_that_leaves(door: Door, said: bytes) -> None:
    """Who leaves before there was a handshake leaves nothing behind, and is no failure."""
    door.knock(said).close()
    door.lean.until(lambda: door.sessions.accepted)
    door.empty()
    assert door.reasons == {}


def test_why_a_handshake_failed_is_told(lean: Lean) -> None:
    """A client without a version in common is refused, and OpenSSL's own words for it are in the log."""
    door, client = Door(lean), Client(version="1.2")
    door.choice.oldest = SSL.TLS1_3_VERSION
    with door.knock(client.hello()) as plain:
        assert door.heard(plain)[:1] == b"\x15"
    door.empty()
    assert door.reasons == {"tls-handshake": 1}
    assert "its TLS handshake failed: unsupported protocol" in door.told[0]


@pytest.mark.parametrize("how", ["drain", "end"])
def test_what_has_not_begun_is_not_waited_for(door: Door, how: str) -> None:
    """Connections without a handshake end at once when the listener drains or stops."""
    with door.knock() as plain, door.knock(Client().hello()[:30]):
        door.lean.until(lambda: len(door.sessions) == 2)
        assert next(iter(door.sessions)).look().backend is None
        if how == "drain":
            door.sessions.drain()
        else:
            door.sessions.end_all(Draining("the balancer is stopping"))
        door.heard(plain)
        door.empty()


def test_no_room_behind_the_door(lean: Lean) -> None:
    """Where nobody more can be served, nobody is let in."""
    door = Door(lean)
    door.buildProtocol = lambda _address: None  # type: ignore[method-assign]  # full
    with door.knock() as plain:
        assert door.heard(plain) == b""
    assert door.sessions.accepted == 0


def test_a_handshake_that_is_all_there_is(door: Door) -> None:
    """A client that came for the handshake alone, to see a name proved, is served nothing, and closed in order."""
    client = Client("site.example", "acme-tls/1")
    with door.knock(client.hello()) as plain:
        client.shake(door, plain)
        door.heard(plain)
    door.empty()
    assert (door.served[0].heard, door.reasons, door.sessions.accepted) == (b"", {}, 1)


def test_a_certificate_that_cannot_be_shown(door: Door) -> None:
    """Where the contexts fail, the connection ends, is counted, and nothing stays open."""
    with door.knock(Client("broken.example").hello()) as plain:
        assert door.heard(plain) == b""
    door.empty()
    assert door.reasons == {"tls-handshake": 1}
    assert "cannot be presented" in door.told[0]
