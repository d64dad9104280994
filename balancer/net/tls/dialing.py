"""Connections to backends over TLS: one attempt, from a socket that stands to a session that was judged.

It is what it was in the clear to whoever waits: it stands, or it failed for a reason in words, and it can be cancelled.
Refuses to know who waits, and what files contexts are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from cryptography.x509 import Certificate
from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.errors import UpstreamCertificateRefused
from balancer.net.racing import Attempt
from balancer.net.tls.asking import Asking
from balancer.net.tls.beginning import begin
from balancer.net.tls.flooding import guard
from balancer.net.tls.upstream_faults import handshake_fault, wrong_name
from balancer.net.tls.verifying import Verdict

SESSIONS: Final = 3600.0
"""Seconds for which one session is gone on with after another."""


class Secure:
    """How one backend is spoken to over TLS: in which context, by what name, and who must answer.

    `server_name` is asked for, and one of `expected` must be who answers; without any, anybody may. With `asks` TLS
    begins when the backend has agreed to it. The last session is offered for the next connection to go on with; since
    whoever goes on with one shows no certificate that could be verified, that has an end every now and then.
    """

    def __init__(
        self,
        context: SSL.Context,
        *,
        clock: Any,
        server_name: str | None = None,
        expected: Sequence[str] = (),
        asks: bool = False,
    ) -> None:
        self.context, self.clock, self.asks = context, clock, asks
        self._server_name = server_name
        self._expected = tuple(name.rstrip(".") for name in expected)
        self._proven: Certificate | None = None
        self._session: SSL.Session | None = None
        self._until = 0.0

    def make(self, sock: Any) -> SSL.Connection:
        """Our side of a connection on that socket, or in memory if it is None."""
        connection = SSL.Connection(self.context, sock)
        connection.set_connect_state()
        connection.set_app_data(Verdict())
        if self._server_name is not None:
            connection.set_tlsext_host_name(self._server_name.rstrip(".").encode())
        now = self.clock.seconds()
        if now >= self._until:
            self._session, self._until = None, now + SESSIONS
        if self._session is not None:
            connection.set_session(self._session)
        return connection

    def judge(self, connection: SSL.Connection) -> None:
        """Look whose the certificate is, of a session gone on with, too. Raises `UpstreamCertificateRefused`.

        One that was judged before is the same for every byte; reading its names takes as long as half a handshake.
        """
        if not self._expected:
            return
        certificate = connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:  # with ciphers that do without, which a user may give
            raise UpstreamCertificateRefused("it shows no certificate")
        if certificate != self._proven:
            if not any(_is_for(name, connection) for name in self._expected):
                raise wrong_name(certificate, self._expected)
            self._proven = certificate

    def learn(self, connection: SSL.Connection) -> None:
        """Keep its session for the next one; with TLS 1.3 that comes after the handshake."""
        connection.set_context(self.context)  # it has another one (`guard`), in which a session would be of no use
        self._session = connection.get_session()
        guard(connection)

    def attempt(
        self, protocol: Any, failed: Callable[[BaseException], None], *, stood: Callable[[], object] = bool
    ) -> Securing:
        """An attempt that connects the protocol over TLS, and tells that it stands or why it does not."""
        kind = HalfClosing if IHalfCloseableProtocol.providedBy(protocol) else Securing
        return kind(self, protocol, failed, stood)


def _is_for(name: str, connection: SSL.Connection) -> bool:
    """Whether the certificate that was shown is for that host or IP address."""
    verify = verify_ip_address if isIPAddress(name) or isIPv6Address(name) else verify_hostname
    try:
        verify(connection, name)
    except (CertificateError, VerificationError, ValueError):
        return False
    return True


@implementer(IHandshakeListener)
class Securing(Protocol):
    """One attempt: `net.racing.Attempt`, and what its connection speaks to until the backend has said something.

    The socket is given to what is `Below`.
    """

    transport: Any
    _below: Attempt | None = None
    _stands = False

    def __init__(
        self, secure: Secure, inner: Any, failed: Callable[[BaseException], None], stood: Callable[[], object]
    ) -> None:
        self._secure, self._inner, self._stood = secure, inner, stood
        self._failed: Callable[[BaseException], None] | None = failed
        self.transport = None

    @property
    def pending(self) -> bool:
        """Whether neither is known, that it stands or that it failed."""
        return self._failed is not None

    def waits_for(self, below: Attempt | None) -> None:
        """That is the attempt to connect the socket, if it does not stand yet; it leads back here."""
        if self.transport is None:
            self._below = below

    def cancel(self) -> None:
        """See `Attempt.cancel`."""
        failed, self._failed = self._failed, None
        if failed is None:
            return
        if self.transport is not None:
            self.transport.abortConnection()
        elif self._below is not None:
            self._below.cancel()

    def fail(self, reason: BaseException) -> None:
        """It comes to nothing."""
        failed, self._failed = self._failed, None
        if failed is not None:
            if self.transport is not None:
                self.transport.abortConnection()
            failed(reason)

    def opened(self, transport: Any) -> None:
        """The socket is connected."""
        self.transport, self._below = transport, None
        if self._secure.asks:
            asking = Asking(self.begin, self.fail)
            transport.protocol = asking
            asking.makeConnection(transport)  # type: ignore[no-untyped-call]  # Twisted's
        else:
            self.begin(transport)

    def begin(self, transport: Any) -> None:
        """Speak TLS."""
        begin(transport, self, self._secure.make, clock=self._secure.clock)

    def handshakeCompleted(self) -> None:
        """It stands, if whoever answered is who was meant."""
        try:
            self._secure.judge(self.transport.tls)
        except UpstreamCertificateRefused as error:
            self.fail(error)
            return
        guard(self.transport.tls)
        self._failed, self._stands = None, True
        self._inner.makeConnection(self.transport)
        self._stood()

    def dataReceived(self, data: bytes) -> None:
        """The backend's first words: what it has to say to TLS has come before them."""
        self._secure.learn(self.transport.tls)
        self._step_aside()
        self._inner.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection has ended, before it stood or after."""
        if self._stands:
            self._inner.connectionLost(reason)
        elif self._failed is not None:
            self.fail(handshake_fault(reason.value, self.transport.tls.get_app_data()))

    def _step_aside(self) -> None:
        self.transport.protocol = self._inner


@implementer(IHalfCloseableProtocol)
class HalfClosing(Securing):
    """The same, for a protocol that hears of the end of each direction."""

    def readConnectionLost(self) -> None:
        """The backend has finished without a word."""
        self._step_aside()
        self._inner.readConnectionLost()

    def writeConnectionLost(self) -> None:
        """Our last byte is out."""
        self._inner.writeConnectionLost()


class Below:
    """What is given the socket on which TLS is to be spoken, which is no transport for whoever waits."""

    def __init__(self, securing: Securing) -> None:
        self._securing = securing

    def makeConnection(self, transport: Any) -> None:
        """The socket is connected."""
        self._securing.opened(transport)
