"""Every failure the balancer can name, in one tree; refuses to know where a failure is noticed or shown.

An error says three things beside its message: whose doing it was (`side`), whether the same work may be tried on
another backend (`retryable`), and what an HTTP client is told (`status`). `reason` is the same failure as one stable
token for logs, counters and reply bodies, which never carry the message: that one may name internal addresses. With one
that `closes`, the connection of an HTTP client ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import ClassVar


class Side(Enum):
    """Who ended a session before its time."""

    DOWNSTREAM = "downstream"
    UPSTREAM = "upstream"
    OURS = "ours"


class Retryable(Enum):
    """Whether the work that failed may be tried again, as far as its protocol lets work be done twice."""

    NO = "no"
    YES = "yes, on another backend"
    IF_REUSED = "yes, and if the connection was reused, which explains the failure, on the same backend too"


class BalancerError(Exception):
    """The root of the tree; raised only through its subclasses."""

    side: ClassVar[Side] = Side.OURS
    retryable: ClassVar[Retryable] = Retryable.NO
    status: int = 500
    reason: ClassVar[str] = "internal-error"
    closes: ClassVar[bool] = False


class ConfigError(BalancerError):
    """A config that cannot run. `mistakes` holds one line for each thing wrong, in the order found."""

    reason = "config"

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class StartError(BalancerError):
    """The balancer could not start; the message is one line that names the object and the remedy."""

    reason = "start"


class ControlRefused(BalancerError):
    """A command over the control socket that is not carried out; the message is one line that says why."""

    side = Side.DOWNSTREAM
    status = 400
    reason = "control-refused"


class CheckFailed(BalancerError):
    """A health check found its backend unwell; the message is the evidence, in one line."""

    side = Side.UPSTREAM
    status = 503
    reason = "check-failed"


class PolicyFailed(BalancerError):
    """A plugin of the user's raised, or answered with something that was not offered to it."""

    status = 503
    reason = "policy-failed"


class FilterFailed(PolicyFailed):
    """A filter raised or answered with what cannot be sent; `named` says which."""

    status = 500
    reason = "filter-failed"

    def __init__(self, why: str, *, named: str = "a filter") -> None:
        self.named = named
        super().__init__(f"{named}: {why}")


class FilterTimeout(FilterFailed):
    """A filter took longer over a request than its listener's `filter_timeout`."""

    reason = "filter-timeout"


class NoRoute(BalancerError):
    """No route of the listener matches the session."""

    status = 404
    reason = "no-route"


class FirstBytesLate(NoRoute):
    """The first bytes of a connection, by which it was to be routed, did not come in time, and no route is for that."""

    side = Side.DOWNSTREAM
    status = 408
    reason = "peek-timeout"


class NoBackend(BalancerError):
    """The pool has no backend that may serve the session now."""

    status = 503
    reason = "no-backend"


class PoolFull(NoBackend):
    """Every backend that may serve the session has all the sessions it takes, and too many wait already."""

    reason = "pool-full"


class QueueTimeout(NoBackend):
    """The session waited for room on a backend for the pool's queue time-out, and none came free."""

    reason = "queue-timeout"


class Draining(BalancerError):
    """The balancer is stopping and the session did not end within the drain time."""

    status = 503
    reason = "draining"


class LimitReached(BalancerError):
    """A connection was refused, since its listener or its source has as many as its settings allow."""

    status = 503
    reason = "limit"


class ListenerFull(LimitReached):
    """A listener has its `max_connections`."""

    reason = "max-connections"


class ListenerBusy(LimitReached):
    """More connections come to a listener than its `max_rate`."""

    reason = "max-rate"


class SourceFull(LimitReached):
    """A source has its `max_connections_per_source`."""

    reason = "max-connections-per-source"


class SourceBusy(LimitReached):
    """More connections come from a source than the listener's `max_rate_per_source`."""

    reason = "max-rate-per-source"


class LifetimeExceeded(BalancerError):
    """A relayed connection was older than its listener's `max_lifetime`: an end, not a fault."""

    status = 408
    reason = "max-lifetime"


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


class ExchangeTimeout(BalancerError):
    """A request and its answer took longer, all in all, than their route's `timeout`."""

    status = 504
    reason = "exchange-timeout"


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


class Overtaken(BalancerError):
    """A try of a request was cut, since another that was made beside it was answered first: an end, not a fault."""

    reason = "overtaken"


class ResponseInvalid(BalancerError):
    """The backend's bytes are not a response that can be passed on faithfully."""

    side = Side.UPSTREAM
    status = 502
    reason = "response-invalid"


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


class IdleTimeout(BalancerError):
    """Neither side of a session said anything for the idle time-out: an end, not a fault."""

    status = 408
    reason = "idle-timeout"


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
