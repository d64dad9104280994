"""The first bytes at the door of TLS: judged whole, however they come, before OpenSSL sees any."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.proxy_protocol import ProxyHeader
from balancer.net.tls.greeted import LOOKS
from tests.net.lean import Lean
from tests.net.tls.doors import ALERT_NAME, HINT, Client, Door


@pytest.fixture
def door(lean: Lean) -> Door:
    """A door that looks at hellos."""
    return Door(lean)


@given(cuts=st.sets(st.integers(1, 520), max_size=8))
def test_a_hello_in_any_pieces(cuts: set[int]) -> None:
    """However the hello is cut, it is judged once, as a whole."""
    with Lean() as lean:
        door, client = Door(lean), Client()
        data = client.hello()
        with door.knock() as plain:
            for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
                plain.sendall(data[start:end])
                lean.turn(2)
            client.talk(door, plain)
        assert len(door.choice.asked) == 1
        door.empty()


def test_a_hello_that_never_grows_costs_nothing(lean: Lean) -> None:
    """While a hello is incomplete the reactor sleeps; with its last byte it goes on."""
    door, client = Door(lean), Client()
    data, told = client.hello(), list[str]()
    with door.knock(data[:-1]) as plain:
        lean.until(lambda: len(door.sessions))
        lean.turn(5)
        inside: Any = next(iter(door.sessions))
        inside.transport.doRead = lambda: told.append("readable")
        lean.turn(20)
        assert told == []
        inside.transport.doRead = inside._peek  # noqa: SLF001  as it was
        plain.sendall(data[-1:])
        client.talk(door, plain)


def test_what_was_read_before_counts(door: Door) -> None:
    """Bytes that somebody in front has read are the beginning of the handshake, and what he was told stays known."""
    client = Client()
    data = client.hello()
    with door.knock() as plain:
        door.lean.until(lambda: len(door.sessions))
        (waiting,) = door.sessions
        header = ProxyHeader(2, source=("192.0.2.7", 4711), destination=("192.0.2.1", 443), transport="tcp")
        inside: Any = waiting
        inside.header = header
        for piece in (data[:3], data[3:9], data[9:]):
            inside.dataReceived(piece)
        client.talk(door, plain)
        assert door.served[0].address == ("192.0.2.7", 4711)


def test_a_name_that_is_refused(door: Door) -> None:
    """A client that asks for a name without a certificate hears of it by an alert, and is counted."""
    client = Client("refused.example")
    with door.knock(client.hello()) as plain:
        assert door.heard(plain) == ALERT_NAME
    door.empty()
    assert door.reasons == {"tls-name": 1}


def test_what_cannot_be_presented(door: Door) -> None:
    """A client for whom nothing can be made just now is cut, and counted."""
    client = Client("broken.example")
    with door.knock(client.hello()):
        door.lean.until(lambda: door.reasons)
    door.empty()
    assert door.reasons == {"tls-handshake": 1}


@pytest.mark.parametrize(("said", "heard"), [(b"GET / HTTP/1.1\r\n\r\n", HINT), (b"\x00\x01\x02", b"")])
@pytest.mark.parametrize("early", [False, True])
def test_what_is_no_tls(door: Door, said: bytes, heard: bytes, early: bool) -> None:
    """Who speaks in the clear is told so if there is a hint for him, and is closed in any case."""
    with door.knock(b"" if early else said) as plain:
        if early:
            door.lean.until(lambda: len(door.sessions))
            inside: Any = next(iter(door.sessions))
            inside.dataReceived(said)
        plain.sendall(b"more of it")
        assert door.heard(plain) == heard
    door.empty()
    assert door.reasons == {"not-tls": 1}


def test_a_hello_in_too_many_pieces(door: Door) -> None:
    """A hello of which a little comes again and again, in records of its own, is given up."""
    with door.knock() as plain:
        door.lean.until(lambda: len(door.sessions))
        inside: Any = next(iter(door.sessions))
        for byte in Client().hello()[5:][: LOOKS + 1]:
            if len(door.sessions):
                inside.dataReceived(b"\x16\x03\x01\x00\x01" + bytes([byte]))
        door.heard(plain)
    door.empty()
    assert door.reasons == {"tls-handshake": 1}


@pytest.mark.parametrize("needs_hello", [False, True])
def test_a_hello_that_makes_no_sense(lean: Lean, needs_hello: bool) -> None:
    """OpenSSL is left to say what is wrong with it, by an alert."""
    door = Door(lean, needs_hello=needs_hello)
    with door.knock(b"\x16\x03\x01\x00\x05\x09abcd" + bytes(100)) as plain:
        assert door.heard(plain)[:1] == b"\x15"
    door.empty()
    assert door.reasons == {"tls-handshake": 1}
    assert door.choice.asked == [None]


def test_who_was_told_is_counted_once(lean: Lean) -> None:
    """A client that was told of its mistake and stays is cut off when its time is up, and counted for the mistake."""
    door = Door(lean, timeout=0.1)
    with door.knock(b"GET / HTTP/1.1\r\n\r\n"):
        lean.until(lambda: door.reasons == {"not-tls": 1})
        door.empty()
    assert door.reasons == {"not-tls": 1}
