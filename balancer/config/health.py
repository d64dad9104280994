"""When a pool is checked, as a user writes it; refuses to run any check."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Literal

import attrs

from balancer.config.agent import wrong_port
from balancer.config.mistakes import (
    Noun,
    as_tuple,
    choice,
    count,
    instance,
    provides_or_callable,
    seconds,
    share,
)
from balancer.config.upstream_tls import UpstreamTLS, given_tls
from balancer.interfaces import ICheckTarget, IHealthCheck, Kind, Report

CheckFunction = Callable[[ICheckTarget], Awaitable[Report | None]]
"""What may stand in place of an `IHealthCheck`."""

_HEALTH_CHECK: Final = "give a health check object such as TCPCheck()"
KIND: Final = "give Kind.TCP, Kind.UDP or Kind.HTTP, from balancer.interfaces"
_LEAST_EVERY: Final = 0.05
_LEAST_TIMEOUT: Final = 0.01
"""Seconds; checks in a closer row would keep the balancer from its work."""


def _default_timeout(health: Health) -> float:
    return health.every


def _tls(given: UpstreamTLS | bool | None) -> Any:
    """The settings meant; False, in the clear whatever the pool's are, stays what it is."""
    return given if given is False else given_tls(given)


@attrs.frozen
class Health(Noun):
    """When and how often a health check runs, and how often it must agree before its word counts.

    A check begins `every` so many seconds (0.05 or more), give or take `jitter` (a share of that, 0 to 1), and fails
    when it takes longer than `timeout` seconds (0.01 or more; if not given, `every`). `fall` failures in a row take a
    backend down, `rise` successes bring it up; the very first result decides alone, and until it comes the backend is
    assumed to be what `assume` says. While results do not agree with the state of the backend, or there are none, it
    is checked `every_changing` seconds, and while they agree that it is down `every_down`; None is `every`. The checks
    of many backends are spread over the interval and stay so. `check` may also be a function of one argument, the
    `ICheckTarget`; it is taken to probe for every kind of listener.

    Backends are checked where they serve; or at `port` of the same host; or, each, where `Backend(check=...)` says. A
    PROXY header opens only connections to where they serve.

    Its connections are made over TLS as those of the pool are, unless `tls` says otherwise: False is in the clear, True
    is TLS with all defaults, and else it is an `UpstreamTLS` of its own. Raises `ConfigError`.
    """

    check: IHealthCheck | CheckFunction
    every: float = attrs.field(default=2.0, kw_only=True)
    timeout: float = attrs.field(default=attrs.Factory(_default_timeout, takes_self=True), kw_only=True)
    every_changing: float | None = attrs.field(default=None, kw_only=True)
    every_down: float | None = attrs.field(default=None, kw_only=True)
    rise: int = attrs.field(default=2, kw_only=True)
    fall: int = attrs.field(default=3, kw_only=True)
    jitter: float = attrs.field(default=0.1, kw_only=True)
    assume: Literal["up", "down"] = attrs.field(default="up", kw_only=True)
    port: int | None = attrs.field(default=None, kw_only=True)
    tls: UpstreamTLS | Literal[False] | None = attrs.field(default=None, converter=_tls, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        wrong = list(provides_or_callable("check", self.check, IHealthCheck, _HEALTH_CHECK))
        yield from wrong or self._wrong_protocols()
        yield from seconds("every", self.every, like=2, least=_LEAST_EVERY)
        if self.timeout is not self.every:
            yield from seconds("timeout", self.timeout, like=2, least=_LEAST_TIMEOUT)
        for name in ("every_changing", "every_down"):
            if getattr(self, name) is not None:
                yield from seconds(name, getattr(self, name), like=1, least=_LEAST_EVERY)
        if self.every_changing is not None and (self.rise, self.fall) == (1, 1):
            yield "every_changing: would be ignored, for with rise=1 and fall=1 every result decides; leave it out"
        yield from count("rise", self.rise)
        yield from count("fall", self.fall)
        yield from share("jitter", self.jitter)
        yield from wrong_port(self.port)
        yield from choice("assume", self.assume, ("up", "down"))
        if self.tls is not None and not isinstance(self.tls, bool):
            yield from instance(
                "tls", self.tls, UpstreamTLS, "give True, False, or one such as UpstreamTLS(verify=False)"
            )

    def _wrong_protocols(self) -> Iterator[str]:
        for kind in as_tuple(getattr(self.check, "protocols", ())):
            yield from instance("check: protocols", kind, Kind, KIND)


def tls_on_tls(health: Any, tls: Any) -> Iterator[str]:
    """That a check speaks TLS itself, and its connections are made over TLS as well: its own, or those of the pool."""
    check = getattr(health, "check", None)
    over = tls if getattr(health, "tls", None) is None else health.tls
    if over and getattr(check, "plain", False):
        name = type(check).__name__
        yield f"health: check: {name} speaks TLS itself, and cannot over TLS; give Health(..., tls=False)"
