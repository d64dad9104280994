"""The door of a listener that speaks TLS, on a lean reactor, and clients that knock."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any

import attrs
from OpenSSL import SSL
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from balancer.core.deadlines import Deadlines
from balancer.core.hello import ClientHello
from balancer.core.secured import Secured
from balancer.errors import HandshakeFailed, ServerNameRefused
from balancer.net.clock import ReactorAlarm
from balancer.net.limits import Refusals
from balancer.net.peers import Peer
from balancer.net.sessions import Sessions
from balancer.net.tls.accepting import TLSFactory
from balancer.net.tls.terminating import Terminating
from tests.net.lean import HOST, Lean
from tests.net.tls.ends import accepting

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
            raise HandshakeFailed("no space left on device")
        context = accepting()
        context.set_min_proto_version(self.oldest)
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
            secured=lambda tls: Secured(tls.get_protocol_version_name(), str(tls.get_cipher_name())),
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
    """OpenSSL's other side, by Python's own module, on memory."""

    def __init__(self, name: str = "site.example", newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        settings.maximum_version = newest
        settings.check_hostname, settings.verify_mode = False, ssl.CERT_NONE
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = settings.wrap_bio(self._in, self._out, server_hostname=name)
        self.heard = b""

    def hello(self) -> bytes:
        """Its first bytes."""
        self.step()
        return self._out.read()

    def step(self) -> bool:
        """Go on with the handshake; whether it is done."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def talk(self, door: Door, plain: socket.socket) -> None:
        """Finish the handshake, say ping and hear it said back."""
        plain.setblocking(False)
        door.lean.until(lambda: self._pump(plain) and self.step())
        self._tls.write(b"ping")
        door.lean.until(lambda: self._pump(plain) and self._read() == b"ping")

    def _pump(self, plain: socket.socket) -> bool:
        out = self._out.read()
        if out:
            plain.sendall(out)
        with suppress(BlockingIOError):
            self._in.write(plain.recv(65536))
        out = self._out.read()
        if out:
            plain.sendall(out)
        return True

    def _read(self) -> bytes:
        try:
            return self._tls.read(100)
        except ssl.SSLWantReadError:
            return b""
