"""Failures of our own: what was asked of us wrongly, what we are too full for, and what we end."""

from __future__ import annotations

from collections.abc import Iterable

from balancer.errors.root import BalancerError, Side


class ConfigError(BalancerError):
    """A config that cannot run. `mistakes` holds one line for each thing wrong, in the order found."""

    reason = "config"

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class StartError(BalancerError):
    """The balancer could not start; the message is one line that names the object and the remedy."""

    reason = "start"


class CertificateNotObtained(BalancerError):
    """An authority gave no certificate; the message is one line that says why. It asks for `pause` seconds of rest."""

    status = 503
    reason = "certificate-not-obtained"

    def __init__(self, why: str, *, pause: float = 0.0) -> None:
        self.pause = pause
        super().__init__(why)


class ControlRefused(BalancerError):
    """A command over the control socket that is not carried out; the message is one line that says why."""

    side = Side.DOWNSTREAM
    status = 400
    reason = "control-refused"


class PolicyFailed(BalancerError):
    """A plugin of the user's raised, or answered with something that was not offered to it."""

    status = 503
    reason = "policy-failed"


class ReadOnly(BalancerError, AttributeError):
    """A plugin tried to change what it is only given to look at."""

    reason = "read-only"


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


class RouteRefused(NoRoute):
    """The route of a connection has `refuse=True`."""

    status = 403
    reason = "route-refused"


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


class ExchangeTimeout(BalancerError):
    """A request and its answer took longer, all in all, than their route's `timeout`."""

    status = 504
    reason = "exchange-timeout"


class Overtaken(BalancerError):
    """A try of a request was cut, since another that was made beside it was answered first: an end, not a fault."""

    reason = "overtaken"


class IdleTimeout(BalancerError):
    """Neither side of a session said anything for the idle time-out: an end, not a fault."""

    status = 408
    reason = "idle-timeout"
