"""In front of a listener: looks at a client's first bytes, does the TLS handshake, then steps aside.

Refuses to know what is served behind it: that protocol begins when the handshake is done, on a transport that is in the
clear to it.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from functools import partial
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IHandshakeListener
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.errors import ClientCertificateRefused, HandshakeFailed
from balancer.net.limits import Inner
from balancer.net.peers import Peer
from balancer.net.tls.alerts import said
from balancer.net.tls.beginning import begin
from balancer.net.tls.flooding import guard
from balancer.net.tls.greeted import Greeted
from balancer.net.tls.terminating import Terminating
from balancer.net.tls.verifying import Verdict

PROOF: Final = "acme-tls/1"
"""The protocol in which nothing is said once the handshake has proved a name (RFC 8737 3)."""


@implementer(IHandshakeListener)
class Handshaking(Greeted):
    """The same, until its handshake is done. Its transport is then TLS."""

    _under_way = False

    def makeConnection(self, transport: Any) -> None:
        """The socket is connected, or has become TLS."""
        if self._under_way:
            self.transport = transport
        else:
            super().makeConnection(transport)

    def handshakeCompleted(self) -> None:
        """The client is served, unless the handshake was all that it is for."""
        terminating, inner, tls = self._terminating, self._inner, self.transport.tls
        inner.header, inner.source = self.header, self.source
        inner.secured = terminating.secured(tls, self._hello)
        guard(tls)
        if inner.secured.alpn == PROOF:
            self._closing = True
            self.transport.loseConnection()
            return
        self._settle()
        terminating.sessions.withdraw(self)
        self.transport.protocol = inner
        serve: Any = inner
        serve.makeConnection(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed, or the handshake has failed."""
        super().connectionLost(reason)
        vars(self.transport).pop("doRead", None)  # which leads back here
        self._settle()
        self._terminating.sessions.discard(self)
        if isinstance(reason.value, SSL.Error) or not reason.check(ConnectionDone, ConnectionLost, ConnectionAborted):
            self._note(self._fault(reason.value))

    def _fault(self, error: BaseException | None) -> HandshakeFailed:
        """What is wrong with the client's certificate, if anything, or what OpenSSL says."""
        tls = getattr(self.transport, "tls", None)
        verdict = None if tls is None else tls.get_app_data()
        if isinstance(verdict, Verdict) and verdict.error:
            return ClientCertificateRefused(f"its certificate is not accepted: {verdict.error}")
        return HandshakeFailed(f"its TLS handshake failed: {_why(error)}")

    def _begin(self, context: SSL.Context) -> None:
        self._leave_socket()
        self._under_way = True
        terminating, early = self._terminating, self._early
        self._early = b""
        make = partial(terminating.make, context)
        begin(self.transport, self, make, early, clock=terminating.clock)

    def _settle(self) -> None:
        self._terminating.under_way -= 1
        self._deadline.cancel()
        del self._deadline  # which leads back here


class TLSFactory(Factory):
    """Makes the protocols of a listener that speaks TLS."""

    noisy = False
    resets = True

    def __init__(self, terminating: Terminating, inner: Inner) -> None:
        self.terminating, self.inner = terminating, inner

    def buildProtocol(self, address: IAddress | None) -> Peer | None:
        """Somebody has connected; without room for one more handshake, he is closed at once.

        Who has something to say before is judged when he has said it: see `Greeted`.
        """
        terminating = self.terminating
        if address is not None and terminating.under_way >= terminating.most:
            terminating.refusals.turned_away(terminating.full(), getattr(address, "host", ""))
            return None
        inner = self.inner.buildProtocol(address)
        return None if inner is None else Handshaking(terminating, inner)


def _why(error: BaseException | None) -> str:
    """What OpenSSL says of it, as 'no shared cipher', or what else was raised."""
    return said(error) or ("the client left" if isinstance(error, SSL.Error) else str(error))
