"""Failures of clients at the door of a listener that speaks TLS; nothing of theirs has been served yet."""

from __future__ import annotations

from balancer.errors.own import LimitReached
from balancer.errors.root import BalancerError, Side


class HandshakeFailed(BalancerError):
    """The TLS handshake came to nothing; the message says why, as far as OpenSSL tells."""

    side = Side.DOWNSTREAM
    status = 400
    reason = "tls-handshake"


class HandshakeLate(HandshakeFailed):
    """The TLS handshake was not over in time."""

    status = 408
    reason = "tls-timeout"


class ServerNameRefused(HandshakeFailed):
    """There is no certificate for the name that the client asked for."""

    reason = "tls-name"


class ClientCertificateRefused(HandshakeFailed):
    """The certificate with which the client came is not accepted; the message says why."""

    reason = "tls-certificate"


class NotTLS(HandshakeFailed):
    """The client's first bytes begin no TLS handshake."""

    reason = "not-tls"


class StartTLSRefused(HandshakeFailed):
    """A client that had to ask for TLS first did not, or not as it must; `answer` tells it so in its own language."""

    reason = "starttls"

    def __init__(self, message: str, answer: bytes = b"") -> None:
        self.answer = answer
        super().__init__(message)


class HandshakesFull(LimitReached):
    """As many TLS handshakes are under way as may be."""

    reason = "tls-full"
