"""Backends that are well, for checks that pass on no plain text: a TLS server and a name server, in memory."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from OpenSSL import SSL
from twisted.internet.protocol import Protocol
from twisted.names import dns

from tests.net.authority import Authority

LEAF = Authority().leaf("a.example", "192.0.2.9")


class Shaking(Protocol):
    """A TLS server, up to the end of the handshake."""

    transport: Any

    def __init__(self) -> None:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate(LEAF.certificate)
        context.use_privatekey(LEAF.key)
        self._connection = SSL.Connection(context, None)
        self._connection.set_accept_state()

    def dataReceived(self, data: bytes) -> None:
        """Go on with the handshake."""
        self._connection.bio_write(data)
        with suppress(SSL.WantReadError):
            self._connection.do_handshake()
        with suppress(SSL.WantReadError):
            self.transport.write(self._connection.bio_read(65536))


class Naming(Protocol):
    """A name server for datagrams, which knows the address of everything."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        """Answer the question."""
        message = dns.Message()
        message.fromStr(data)
        message.answer = 1
        name = message.queries[0].name.name
        message.answers.append(dns.RRHeader(name, dns.A, ttl=60, payload=dns.Record_A("192.0.2.1")))
        self.transport.write(message.toStr())
