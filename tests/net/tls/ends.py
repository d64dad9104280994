"""Two ends of one TLS connection on a lean reactor, each on its socket or on memory, as a test asks."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from functools import cache
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.net.tls.beginning import begin
from balancer.net.tls.memory import MemoryTLS
from tests.net.authority import Authority, Leaf
from tests.net.lean import HOST, Lean, Note

VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}


@cache
def site() -> Leaf:
    """A certificate for site.example; nobody checks it here."""
    return Authority().leaf("site.example")


def accepting(leaf: Leaf | None = None) -> SSL.Context:
    """The settings of a side that accepts."""
    context, leaf = SSL.Context(SSL.TLS_SERVER_METHOD), leaf or site()
    context.use_certificate(leaf.certificate)
    context.use_privatekey(leaf.key)
    return context


def connecting(version: str = "1.3") -> SSL.Context:
    """The settings of a side that connects, with that version and no other."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(VERSIONS[version])
    context.set_max_proto_version(VERSIONS[version])
    return context


@implementer(IHandshakeListener)
class Opening(Protocol):
    """Begins TLS on its transport, and hands it on to a note as soon as that stands."""

    transport: Any
    _begun = False

    def __init__(self, note: Any, context: SSL.Context, clock: Any, *, accepts: bool, memory: bool = False) -> None:
        self.note, self._context, self._clock = note, context, clock
        self._memory, self._accepts = memory, accepts
        self.stands = Deferred[None]()

    def make(self, sock: Any) -> SSL.Connection:
        """OpenSSL's connection."""
        tls = SSL.Connection(self._context, sock)
        (tls.set_accept_state if self._accepts else tls.set_connect_state)()
        return tls

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        if self._begun:
            return
        self._begun = True
        if self._memory:
            transport.protocol = memory = MemoryTLS(self, self.make, self._clock)
            memory.makeConnection(transport)
        else:
            begin(transport, self, self.make, clock=self._clock)

    def handshakeCompleted(self) -> None:
        self.transport.protocol = self.note
        self.note.makeConnection(self.transport)
        self.stands.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.note.connectionLost(reason)


WAYS = ("socket", "memory")
"""How an end comes by its TLS."""


def secure_pair(
    lean: Lean, server: Note, client: Note, *, ways: tuple[str, str] = ("socket", "socket"), version: str = "1.3"
) -> None:
    """Connect them over TLS, by that way each; the handshake is done."""
    reactor = lean.reactor
    accepts = Opening(server, accepting(), reactor, memory=ways[0] == "memory", accepts=True)
    connects = Opening(client, connecting(version), reactor, memory=ways[1] == "memory", accepts=False)
    reactor.connect_directly((HOST, lean.listen(lambda: accepts)), connects, print)
    lean.until(lambda: server.events and client.events)
    lean.keep(server, client)
