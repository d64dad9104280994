"""A health check of TLS itself: that a handshake succeeds, with a certificate that will hold for a while.

It speaks TLS on a connection in the clear, whatever the pool does. Refuses to know what is said over it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, Final

import attrs
from cryptography.x509 import Certificate
from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.plugin import IPlugin
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer, provider

from balancer.core.certificate_faults import in_words
from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget, IHealthCheck, IHealthCheckPlugin, Kind, Report
from balancer.plugins.settings import is_number, told

_DAY: Final = 86400.0


@provider(IPlugin, IHealthCheckPlugin)
@implementer(IHealthCheck)
@attrs.frozen
class TLSCheck:
    """Healthy when a TLS handshake succeeds, and the certificate holds for so many `days` more.

    `name` is asked for and must be the certificate's; without one it is the backend's host. The certificate must lead
    to one in the PEM file `ca`, read at the first check, or without that in the system's store. With `verify=False`
    neither matters. A pool that speaks TLS itself needs `Health(..., tls=False)`. Raises `ConfigError`.
    """

    protocols: ClassVar[frozenset[Kind]] = frozenset({Kind.TCP, Kind.HTTP})
    plain: ClassVar[bool] = True

    days: float = 14
    name: str | None = attrs.field(default=None, kw_only=True)
    ca: str | None = attrs.field(default=None, kw_only=True)
    verify: bool = attrs.field(default=True, kw_only=True)

    def __attrs_post_init__(self) -> None:
        told(
            self,
            days=(is_number(self.days), "is not a number of days from 0 up; give such as 14"),
            name=(
                self.name is None or _is_name(self.name),
                "is no name; give such as 'app.example.com', or an address",
            ),
            ca=(self.ca is None or (isinstance(self.ca, str) and self.ca != ""), "is no path of a PEM file"),
            verify=(isinstance(self.verify, bool), "is neither True nor False"),
        )
        told(self, ca=(self.ca is None or self.verify, "would be ignored, for verify=False; leave out one of the two"))

    async def check(self, target: ICheckTarget) -> Report:
        shaking = _Shaking(self.name or _host(target.address), self._trust)
        # A reactor is given, for this class would ask for the global one.
        factory = TLSMemoryBIOFactory(shaking, True, Factory.forProtocol(lambda: shaking.session), target.clock)
        await target.connect(factory)
        try:
            certificate = await shaking.session.made
        finally:
            shaking.session.leave()
        if self.verify:
            shaking.judge()
        return self._judge(certificate, target.wall())

    def _judge(self, certificate: Certificate, now: float) -> Report:
        ends = certificate.not_valid_after_utc
        left = (ends.timestamp() - now) / _DAY
        detail = f"its certificate ends in {left:.1f} days, at {ends:%Y-%m-%d %H:%M} UTC"
        if left < self.days:
            raise CheckFailed(f"{detail}; {self.days:g} or more are wanted")
        return Report(detail=detail)

    @cached_property
    def _trust(self) -> SSL.Context:
        """Whom we believe; a fault is noted, and the handshake goes on, for nothing is said after it."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if self.ca is None:
            context.set_default_verify_paths()
        else:
            try:
                context.load_verify_locations(self.ca)
            except SSL.Error:
                raise CheckFailed(f"the certificates of authorities in {self.ca!r} cannot be read") from None
        context.set_verify(SSL.VERIFY_PEER, _note)
        return context


def _note(connection: SSL.Connection, _certificate: Any, number: int, depth: int, accepted: int) -> bool:
    """What OpenSSL calls for each certificate of a chain; its data is Twisted's, which has our session."""
    if not accepted:
        connection.get_app_data().wrappedProtocol.faults.append(in_words(number, depth))
    return True


@implementer(IOpenSSLClientConnectionCreator)
class _Shaking:
    """One handshake."""

    def __init__(self, name: str, context: SSL.Context) -> None:
        self.session = _Session()
        self._name, self._trust = name, context

    def clientConnectionForTLS(self, _protocol: Any) -> SSL.Connection:
        """Our side of it."""
        self.session.tls = connection = SSL.Connection(self._trust, None)
        if self._name and not _is_address(self._name):
            connection.set_tlsext_host_name(self._name.rstrip(".").encode())
        return connection

    def judge(self) -> None:
        """Raise `CheckFailed` unless the certificate is believed, and for that name."""
        if self.session.faults:
            raise CheckFailed(f"its certificate is not accepted: {self.session.faults[0]}")
        if not self._name:
            raise CheckFailed("it has no name that its certificate could be for; give TLSCheck(name=...)")
        verify = verify_ip_address if _is_address(self._name) else verify_hostname
        try:
            verify(self.session.tls, self._name.rstrip("."))
        except (CertificateError, VerificationError, ValueError):
            raise CheckFailed(f"its certificate is not for {self._name}") from None


@implementer(IHandshakeListener)
class _Session(Protocol):
    """Says nothing; `made` fires with the certificate when the handshake has succeeded, whatever its `faults`."""

    tls: SSL.Connection
    transport: Any

    def __init__(self) -> None:
        self.made: Deferred[Certificate] = Deferred()
        self.faults: list[str] = []

    def handshakeCompleted(self) -> None:
        certificate = self.tls.get_peer_certificate(as_cryptography=True)
        assert certificate is not None  # no cipher that does without is offered
        self.made.callback(certificate)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.made.called:
            self.made.errback(CheckFailed(f"no TLS: {_said(reason)}"))

    def leave(self) -> None:
        """Close."""
        self.transport.loseConnection()


def _said(reason: Failure) -> str:
    """OpenSSL's words for why there is no TLS; it has none when the connection has ended."""
    words = reason.value.args[0] if isinstance(reason.value, SSL.Error) else ()
    return ", ".join(str(one[2]) for one in words) or "the connection ended during the handshake"


def _host(address: str) -> str:
    """The host in an address, empty for a path."""
    host, colon, _ = address.rpartition(":")
    return host.strip("[]") if colon and "/" not in address else ""


def _is_address(name: str) -> bool:
    return bool(isIPAddress(name) or isIPv6Address(name))


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name.isascii() and 0 < len(name) <= 253 and not set(name) & set(" /[]")
