"""Backends, their health and the pools they form, as a user writes them; refuses to know how any of it is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final, Literal

import attrs

from balancer.config.endpoints import Endpoint, Place, backend_endpoint, endpoint_or_none
from balancer.config.mistakes import (
    Noun,
    as_tuple,
    choice,
    collecting,
    count,
    instance,
    parsed,
    positive,
    provides,
    provides_or_callable,
    repeated,
    seconds,
    share,
    shown,
    sound,
    word,
)
from balancer.interfaces import IAlgorithm, ICheckTarget, IHealthCheck, Kind, Report

CheckFunction = Callable[[ICheckTarget], Awaitable[Report | None]]
"""What may stand in place of an `IHealthCheck`."""

_ALGORITHM: Final = "give an algorithm object such as RoundRobin()"
_HEALTH_CHECK: Final = "give a health check object such as TCPCheck()"
_KIND: Final = "give Kind.TCP, Kind.UDP or Kind.HTTP, from balancer.interfaces"
_LEAST_EVERY: Final = 0.05
_LEAST_TIMEOUT: Final = 0.01
"""Seconds; checks in a closer row would keep the balancer from its work."""


def _strings(given: Iterable[str]) -> tuple[str, ...]:
    return as_tuple(given)


def _default_name(backend: Backend) -> str:
    return str(endpoint_or_none(backend_endpoint, backend.address) or backend.address)


def _default_tier(backend: Backend) -> int:
    return 1 if backend.backup else 0


def _default_timeout(health: Health) -> float:
    return health.every


@attrs.frozen
class Backend(Noun):
    """One server of a pool.

    `address` is "tcp:host:port", "udp:host:port", bare "host:port" (either) or "unix:/path"; an IPv6 host stands in
    brackets. `name` is unique in the pool and outlives reloads; without one it is the address. `weight` is its share
    relative to the others, above 0. Tier 0 is used first, a higher one only when the lower cannot serve; `backup=True`
    is tier 1. `start="down"` keeps it out until a health check finds it well; its host may be unknown until then.
    Raises `ConfigError`.
    """

    address: str
    name: str = attrs.field(default=attrs.Factory(_default_name, takes_self=True), kw_only=True)
    weight: float = attrs.field(default=1.0, kw_only=True)
    backup: bool = attrs.field(default=False, kw_only=True)
    tier: int = attrs.field(default=attrs.Factory(_default_tier, takes_self=True), kw_only=True)
    zone: str = attrs.field(default="", kw_only=True)
    tags: tuple[str, ...] = attrs.field(default=(), converter=_strings, kw_only=True)
    start: Literal["up", "down"] = attrs.field(default="up", kw_only=True)

    @property
    def endpoint(self) -> Endpoint:
        """The address taken apart; raises only for an address that was reported as a mistake."""
        return backend_endpoint(self.address)

    @property
    def place(self) -> Place:
        """(host, port), or the path of a unix socket."""
        return self.endpoint.place

    def __str__(self) -> str:
        return f"Backend {self.name if isinstance(self.name, str) else str(self.address)!r}"

    def _mistakes(self) -> Iterator[str]:
        yield from parsed("address", self.address, backend_endpoint)
        if self.name != _default_name(self):
            yield from word("name", self.name)
        yield from positive("weight", self.weight, like=1)
        yield from choice("backup", self.backup, (True, False))
        yield from count("tier", self.tier, least=0)
        if self.backup is True and self.tier != 1:
            yield f"tier: {shown(self.tier)} contradicts backup=True, which is tier 1; leave one of them out"
        yield from instance("zone", self.zone, str, "give a name in quotes")
        for tag in self.tags:
            yield from word("tags", tag)
        yield from choice("start", self.start, ("up", "down"))


@attrs.frozen
class Health(Noun):
    """When and how often a health check runs, and how often it must agree before its word counts.

    A check runs `every` so many seconds (0.05 or more), give or take `jitter` (a share of that, 0 to 1), and fails when
    it takes longer than `timeout` seconds (0.01 or more; if not given, `every`). `fall` failures in a row take a
    backend down, `rise` successes bring it up; the very first result decides alone, and until it comes the backend is
    assumed to be what `assume` says. `check` may also be a function of one argument, the `ICheckTarget`; it is taken
    to probe for every kind of listener. Raises `ConfigError`.
    """

    check: IHealthCheck | CheckFunction
    every: float = attrs.field(default=2.0, kw_only=True)
    timeout: float = attrs.field(default=attrs.Factory(_default_timeout, takes_self=True), kw_only=True)
    rise: int = attrs.field(default=2, kw_only=True)
    fall: int = attrs.field(default=3, kw_only=True)
    jitter: float = attrs.field(default=0.1, kw_only=True)
    assume: Literal["up", "down"] = attrs.field(default="up", kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        wrong = list(provides_or_callable("check", self.check, IHealthCheck, _HEALTH_CHECK))
        yield from wrong or self._wrong_protocols()
        yield from seconds("every", self.every, like=2, least=_LEAST_EVERY)
        if self.timeout is not self.every:
            yield from seconds("timeout", self.timeout, like=2, least=_LEAST_TIMEOUT)
        yield from count("rise", self.rise)
        yield from count("fall", self.fall)
        yield from share("jitter", self.jitter)
        yield from choice("assume", self.assume, ("up", "down"))

    def _wrong_protocols(self) -> Iterator[str]:
        for kind in as_tuple(getattr(self.check, "protocols", ())):
            yield from instance("check: protocols", kind, Kind, _KIND)


def _backends(given: Iterable[Backend | str]) -> tuple[Backend, ...]:
    """Addresses become backends; what is wrong with those is told by the pool, among its own mistakes."""
    with collecting():
        return tuple(Backend(item) if isinstance(item, str) else item for item in as_tuple(given))


@attrs.frozen(eq=False)
class Pool(Noun):
    """A named set of backends and how one of them is chosen. Two pools are the same only if they are one object.

    `algorithm` None is the balancer's default. `connect_timeout` bounds one attempt to connect, `attempts` is how
    many different backends are tried before giving up. When the algorithm fails `on_policy_error` takes its place;
    None refuses the session. `latency_half_life` is that of the average `IBackend.latency`. For HTTP alone:
    `response_timeout` bounds the silence before the response head and between the response's bytes, and up to
    `keepalive` idle connections are kept for each backend, `keepalive_timeout` each (keep it below the backends' own).
    Times are in seconds. What none of the listeners that use a pool looks at cannot be set. Raises `ConfigError`.
    """

    name: str
    backends: tuple[Backend, ...] = attrs.field(converter=_backends, kw_only=True)
    algorithm: IAlgorithm | None = attrs.field(default=None, kw_only=True)
    health: Health | None = attrs.field(default=None, kw_only=True)
    connect_timeout: float = attrs.field(default=5.0, kw_only=True)
    attempts: int = attrs.field(default=3, kw_only=True)
    on_policy_error: IAlgorithm | None = attrs.field(default=None, kw_only=True)
    latency_half_life: float = attrs.field(default=10.0, kw_only=True)
    response_timeout: float = attrs.field(default=60.0, kw_only=True)
    keepalive: int = attrs.field(default=32, kw_only=True)
    keepalive_timeout: float = attrs.field(default=4.0, kw_only=True)

    def __str__(self) -> str:
        return f"Pool {shown(self.name)}"

    def mistakes(self) -> Iterator[str]:
        """What is wrong with it and its backends, a line for each."""
        for backend in sound(self.backends, Backend):
            yield from backend.mistakes()
        yield from super().mistakes()

    def _mistakes(self) -> Iterator[str]:
        yield from word("name", self.name)
        yield from self._wrong_backends()
        if self.algorithm is not None:
            yield from provides("algorithm", self.algorithm, IAlgorithm, _ALGORITHM)
        if self.on_policy_error is not None:
            yield from provides("on_policy_error", self.on_policy_error, IAlgorithm, _ALGORITHM)
        if self.health is not None:
            yield from instance("health", self.health, Health, "give one such as Health(TCPCheck(), every=2)")
        yield from seconds("connect_timeout", self.connect_timeout, like=5)
        yield from count("attempts", self.attempts)
        yield from seconds("latency_half_life", self.latency_half_life, like=10)
        yield from seconds("response_timeout", self.response_timeout, like=60)
        yield from count("keepalive", self.keepalive, least=0)
        yield from seconds("keepalive_timeout", self.keepalive_timeout, like=4)

    def _never_up(self) -> Iterator[str]:
        """Only a health check lets in what starts down."""
        for backend in sound(self.backends, Backend) if self.health is None else ():
            if backend.start == "down":
                yield f"backends: {shown(backend)} starts down and would stay so; give the pool health=Health(...)"

    def _wrong_backends(self) -> Iterator[str]:
        if not self.backends:
            yield "backends: there is none; give at least one, such as '10.0.0.11:8080'"
        for backend in self.backends:
            yield from instance("backends", backend, Backend, "give a Backend or an address such as '10.0.0.11:8080'")
        yield from self._never_up()
        places = []
        for backend in sound(self.backends, Backend):
            endpoint = endpoint_or_none(backend_endpoint, backend.address)
            places += [(endpoint.place, str(backend.name))] if endpoint else []
        for place in repeated(place for place, _ in places):
            yield f"backends: two are at '{Endpoint('', place)}'; list each place once"
        names = dict(places).values()
        yield from (f"backends: two are named {name!r}; give each its own name" for name in repeated(names))
