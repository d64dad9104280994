"""The door of a listener that speaks TLS, on a lean reactor, and clients that knock."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import attrs
from OpenSSL import SSL
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from balancer.core.deadlines import Deadlines
from balancer.core.hello import ClientHello
from balancer.errors import HandshakeFailed, ServerNameRefused
from balancer.net.clock import ReactorAlarm
from balancer.net.limits import Refusals
from balancer.net.peers import Peer
from balancer.net.sessions import Sessions
from balancer.net.tls.accepting import TLSFactory
from balancer.net.tls.identity import secured_by
from balancer.net.tls.terminating import Terminating
from tests.net.lean import HOST, Lean
from tests.net.tls.ends import accepting
from tests.net.tls.talking import Manner, Talker

HINT = b"HTTP/1.1 400 Bad Request\r\n\r\nspeak TLS"
ALERT_NAME = b"\x15\x03\x01\x00\x02\x02\x70"


class Served(Peer):
    """What is behind the door: notes, and says back what it hears."""

    def __init__(self) -> None:
        self.heard, self.ending = b"", ""

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        self.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self.ending = type(reason.value).__name__


@attrs.define
class Choice:
    """Chooses one context for all but a refused name, and notes what it was asked with."""

    needs_hello: bool
    asked: list[ClientHello | None] = attrs.Factory(list)
    oldest: int = SSL.TLS1_2_VERSION

    def choose(self, hello: ClientHello | None) -> SSL.Context:
        self.asked.append(hello)
        if hello is not None and hello.server_name == "refused.example":
            raise ServerNameRefused("no certificate for it")
        if hello is not None and hello.server_name == "broken.example":
            raise HandshakeFailed("its certificate cannot be presented")
        context = accepting()
        context.set_min_proto_version(self.oldest)
        context.set_alpn_select_callback(lambda _tls, offered: offered[0])
        return context


class Door:
    """A door on a lean reactor, and what came of it."""

    def __init__(self, lean: Lean, *, needs_hello: bool = True, timeout: float = 5, most: int = 10) -> None:
        self.lean, self.served, self.told = lean, list[Served](), list[str]()
        self.choice, self.sessions = Choice(needs_hello), Sessions()
        self.alarm = ReactorAlarm(lean.reactor)
        self.terminating = Terminating(
            self.choice,
            timeout=timeout,
            most=most,
            clock=lean.reactor,
            deadlines=Deadlines(self.alarm),
            sessions=self.sessions,
            refusals=Refusals(self.told.append),
            secured=secured_by,
            hint=lambda data: HINT if data.startswith(b"GET") else b"",
        )
        factory = TLSFactory(self.terminating, self)
        self.made: list[Any] = []
        port: Any = lean.reactor.listenTCP(0, factory, interface=HOST)
        lean.ports.append(port)
        self.port = port.getHost().port

    def buildProtocol(self, _address: object) -> Peer | None:
        """See `net.limits.Inner`."""
        self.served.append(Served())
        lean_keeps = self.served[-1]
        lean_keeps.transport = None
        self.lean.keep(lean_keeps)
        return lean_keeps

    @property
    def reasons(self) -> dict[str, int]:
        """Who was turned away, by reason."""
        return dict(self.terminating.refusals.counts)

    def knock(self, data: bytes = b"") -> socket.socket:
        """A client that has connected and says that."""
        plain = socket.create_connection((HOST, self.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if data:
            plain.sendall(data)
        return plain

    def heard(self, plain: socket.socket) -> bytes:
        """All that a client hears until the end, which must come."""
        plain.setblocking(False)
        heard, over = bytearray(), list[str]()

        def done() -> bool:
            try:
                data = plain.recv(65536)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                over.append("reset")
                return True
            heard.extend(data)
            return not data

        self.lean.until(done)
        return bytes(heard)

    def empty(self) -> None:
        """Nothing is left of whoever came."""
        self.lean.until(lambda: not len(self.sessions))
        assert self.terminating.under_way == 0


class Client:
    """One that carries its TLS to the door by hand, once it has said hello."""

    def __init__(self, name: str = "site.example", *protocols: str, version: str = "1.3") -> None:
        self._talker = Talker(name, Manner(version, [protocol.encode() for protocol in protocols]))
        self._heard = b""

    def hello(self) -> bytes:
        """Its first bytes."""
        return self._talker.begin()

    def shake(self, door: Door, plain: socket.socket) -> None:
        """Finish the handshake."""
        plain.setblocking(False)
        door.lean.until(lambda: self._carried(plain) and self._talker.done)

    def talk(self, door: Door, plain: socket.socket) -> None:
        """Finish the handshake, say ping and hear it said back."""
        self.shake(door, plain)
        plain.sendall(self._talker.say(b"ping"))
        door.lean.until(lambda: self._carried(plain) and self._heard == b"ping")

    def _carried(self, plain: socket.socket) -> bool:
        """Take what has come, and answer what is to be answered."""
        with suppress(BlockingIOError):
            self._heard += self._talker.feed(plain.recv(65536))
        plain.sendall(self._talker.take())
        return True
