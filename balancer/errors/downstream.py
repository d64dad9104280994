"""Failures of clients: those that leave, are late, or say what cannot be passed on."""

from __future__ import annotations

from balancer.errors.root import BalancerError, Side


class DownstreamGone(BalancerError):
    """The client ended its connection before it had its answer."""

    side = Side.DOWNSTREAM
    status = 499
    reason = "downstream-gone"


class DownstreamTimeout(BalancerError):
    """The client was silent for too long in the middle of something (RFC 9110 15.5.9)."""

    side = Side.DOWNSTREAM
    status = 408
    reason = "downstream-timeout"
    closes = True


class RequestRefused(BalancerError):
    """The client's bytes are not a request that can be passed on safely; the connection must close.

    `status` is what to answer: 400, 413, 414, 417, 431, 501 or 505.
    """

    side = Side.DOWNSTREAM
    reason = "request-refused"
    closes = True

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


class PathRefused(RequestRefused):
    """The path of a request is one that backends read in different ways; the connection may go on."""

    status = 400
    reason = "path-refused"
    closes = False


class Misdirected(BalancerError):
    """A request over TLS is for another host than its connection was made for (RFC 9110 15.5.20)."""

    side = Side.DOWNSTREAM
    status = 421
    reason = "misdirected"


class TLSToPlainPort(RequestRefused):
    """The client speaks TLS where HTTP is spoken in the clear; it would understand no answer, and gets none."""

    status = 400
    reason = "tls-to-plain-port"


class ProxyHeaderInvalid(BalancerError):
    """The bytes that open a connection are not the PROXY header they should be; the connection must close."""

    side = Side.DOWNSTREAM
    status = 400
    reason = "proxy-header"


class ProxyHeaderLate(ProxyHeaderInvalid):
    """The PROXY header that should open a connection did not come in time."""

    status = 408
    reason = "proxy-timeout"


class ProxySourceUnlisted(ProxyHeaderInvalid):
    """Somebody connected who is none of those that must send PROXY headers, where all have to."""

    status = 403
    reason = "proxy-source"
