"""Failures on the way to a backend, and of what it says."""

from __future__ import annotations

from balancer.errors.root import BalancerError, Retryable, Side


class CheckFailed(BalancerError):
    """A health check found its backend unwell; the message is the evidence, in one line."""

    side = Side.UPSTREAM
    status = 503
    reason = "check-failed"


class ConnectFailed(BalancerError):
    """A connection to a backend could not be made; nothing was sent, so any backend may be tried next."""

    side = Side.UPSTREAM
    retryable = Retryable.YES
    status = 502
    reason = "connect-failed"


class ConnectTimeout(ConnectFailed):
    """A connection to a backend was not made within the pool's connect time-out."""

    status = 504
    reason = "connect-timeout"


class UpstreamTLSFailed(ConnectFailed):
    """A connection to a backend was made, but not TLS on it; the message says why, in its words where it gave any."""

    reason = "upstream-tls"


class UpstreamCertificateRefused(UpstreamTLSFailed):
    """The certificate of a backend does not prove that it is the backend; the message says what is wrong with it."""

    reason = "upstream-certificate"


class Shortage(ConnectFailed):
    """A connection could not be made for want of something of our own: descriptors, memory, local ports."""

    side = Side.OURS
    status = 503
    reason = "shortage"


class UpstreamGone(BalancerError):
    """The backend ended the connection before its answer was complete (RFC 9110 15.6.3)."""

    side = Side.UPSTREAM
    retryable = Retryable.IF_REUSED
    status = 502
    reason = "upstream-gone"


class BackendDown(BalancerError):
    """A health check took the backend down, and its pool ends the sessions that are on it; another may be asked."""

    side = Side.UPSTREAM
    retryable = Retryable.YES
    status = 502
    reason = "backend-down"


class UpstreamTimeout(BalancerError):
    """The backend took the session and then said nothing for too long (RFC 9110 15.6.5)."""

    side = Side.UPSTREAM
    status = 504
    reason = "upstream-timeout"


class TryTimeout(UpstreamTimeout):
    """One try of a request had no answer in its route's `per_try_timeout`, and another may be made."""

    retryable = Retryable.YES
    reason = "try-timeout"


class StatusUnwanted(BalancerError):
    """A backend answered with a status for which its route tries again, `pause` seconds later or more."""

    side = Side.UPSTREAM
    retryable = Retryable.YES
    status = 503
    reason = "status-unwanted"

    def __init__(self, message: str, status: int = 503, pause: float = 0.0) -> None:
        self.status, self.pause = status, pause
        super().__init__(message)


class ResponseInvalid(BalancerError):
    """The backend's bytes are not a response that can be passed on faithfully."""

    side = Side.UPSTREAM
    status = 502
    reason = "response-invalid"
