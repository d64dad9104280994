"""Clients that ask for TLS in the clear: answered, let through or turned away; nothing said before it is believed."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import pytest

from balancer.core.proxy_protocol import ProxyHeader
from balancer.core.starttls import PostgresOpening
from balancer.errors import Draining
from balancer.net.tls.accepting import TLSFactory
from balancer.net.tls.starting import Starting, StartingFactory, StartTLS
from tests.core.test_starttls import GSS, STARTUP, TLS
from tests.net.lean import HOST, Lean, reset
from tests.net.tls.doors import Client, Door


class Asked(Door):
    """A door where clients of PostgreSQL ask for TLS."""

    def __init__(self, lean: Lean, **settings: Any) -> None:
        super().__init__(lean, **settings)
        terminating = self.terminating
        start = StartTLS(
            PostgresOpening, terminating.timeout, terminating.deadlines, self.sessions, terminating.refusals
        )
        port: Any = lean.reactor.listenTCP(0, StartingFactory(start, TLSFactory(terminating, self)), interface=HOST)
        lean.ports.append(port)
        self.port = port.getHost().port
        self.deadlines = terminating.deadlines

    def waiting(self) -> Starting:
        """The one that has not asked yet."""
        self.lean.until(lambda: len(self.sessions))
        (one,) = self.sessions
        assert isinstance(one, Starting)
        return one

    def answer(self, plain: socket.socket) -> bytes:
        """What a client hears that has just asked."""
        plain.setblocking(False)
        heard = bytearray()

        def some() -> bytes:
            with suppress(BlockingIOError):
                heard.extend(plain.recv(1))
            return bytes(heard)

        self.lean.until(some)
        return bytes(heard)

    def empty(self) -> None:
        super().empty()
        assert len(self.deadlines) == 0


@pytest.fixture
def door(lean: Lean) -> Asked:
    """A door that looks at hellos."""
    return Asked(lean)


@pytest.mark.parametrize("needs_hello", [True, False])
def test_a_client_that_asks(lean: Lean, needs_hello: bool) -> None:
    """A client that asks hears yes, and speaks TLS on the socket from then on, as one session."""
    door, client = Asked(lean, needs_hello=needs_hello), Client()
    with door.knock(GSS) as plain:
        assert door.answer(plain) == b"N"
        plain.sendall(TLS)
        assert door.answer(plain) == b"S"
        plain.sendall(client.hello())
        client.talk(door, plain)
        assert (len(door.sessions), door.sessions.accepted, door.sessions.room.taken) == (0, 0, 0)
        assert type(door.served[0].transport).__name__ == "TLSStream"
    door.empty()


def test_a_client_that_begins_with_tls(door: Asked) -> None:
    """A client that does not ask but begins is served as well, and what a header told of it stays known."""
    client = Client()
    with door.knock() as plain:
        one = door.waiting()
        one.header = ProxyHeader(2, source=("192.0.2.7", 4711), destination=("192.0.2.1", 443), transport="tcp")
        plain.sendall(client.hello())
        client.talk(door, plain)
        assert door.served[0].address == ("192.0.2.7", 4711)
    door.empty()


def test_a_client_in_the_clear(door: Asked) -> None:
    """A client that would go on in the clear is told why it may not, and is counted."""
    with door.knock(STARTUP) as plain:
        assert b"Mconnections must use TLS\0" in door.heard(plain)
    door.empty()
    assert door.reasons == {"starttls": 1}
    assert door.told == ["connection from 127.0.0.1 turned away: it wants to start a session without TLS, 1 so far"]


def test_bytes_before_the_answer(door: Asked) -> None:
    """Who sends on before the answer is cut without one."""
    with door.knock(TLS + Client().hello()) as plain:
        assert door.heard(plain) == b""
    door.empty()
    assert door.reasons == {"starttls": 1}


def test_what_is_said_after_a_refusal(door: Asked) -> None:
    """What a client sends that was told to go is dropped."""
    with door.knock() as plain:
        one = door.waiting()
        one.dataReceived(STARTUP)
        one.dataReceived(TLS)
        assert door.heard(plain).startswith(b"E")
    door.empty()
    assert door.reasons == {"starttls": 1}


def test_a_client_that_says_nothing(lean: Lean) -> None:
    """A client that does not ask in time is cut, and told as late."""
    door = Asked(lean, timeout=0.05)
    with door.knock() as plain:
        assert door.heard(plain) == b""
    door.empty()
    assert door.reasons == {"tls-timeout": 1}


def test_clients_that_leave(door: Asked) -> None:
    """A client that goes away before it has asked leaves nothing behind."""
    plain = door.knock(TLS[:4])
    door.waiting()
    reset(plain)
    door.empty()
    assert door.reasons == {}


@pytest.mark.parametrize("how", ["drain", "end"])
def test_a_stop(door: Asked, how: str) -> None:
    """A client that has not asked has begun nothing, and holds up no stop."""
    with door.knock() as plain:
        one = door.waiting()
        one.drain() if how == "drain" else one.end(Draining("the balancer is stopping"))
        assert door.heard(plain) == b""
    door.empty()


def test_no_room_for_who_asks_with_his_hello(door: Asked) -> None:
    """Nor does the handshake begin of a client that has said hello by then."""
    door.terminating.most = 0
    with door.knock(Client().hello()) as plain:
        assert door.heard(plain) == b""
    door.empty()
    assert door.reasons == {"tls-full": 1}


def test_no_room(door: Asked) -> None:
    """Without room a client is closed at once; without room for a handshake, as soon as it has asked."""
    door.terminating.most = 0
    with door.knock() as plain:
        door.waiting()
        plain.sendall(TLS)
        assert door.heard(plain) in {b"", b"S"}
    door.empty()
    assert door.reasons == {"tls-full": 1}
    door.sessions.room.limit = 0
    with door.knock() as plain:
        assert door.heard(plain) == b""
