"""A pool as a user writes it; refuses to know how a backend is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import attrs

from balancer.config.agent import Agent
from balancer.config.backends import Backend
from balancer.config.ejection import Ejection, wrong_ejection
from balancer.config.endpoints import Endpoint, backend_endpoint, endpoint_or_none
from balancer.config.examined import wrong_places
from balancer.config.health import Health, tls_on_tls
from balancer.config.mistakes import (
    Noun,
    as_tuple,
    collecting,
    count,
    instance,
    is_number,
    part,
    provides,
    repeated,
    seconds,
    shown,
    sound,
    word,
)
from balancer.config.names import wrong_names, wrong_source
from balancer.config.signals import wrong_signals
from balancer.config.slow_start import SlowStart, given_slow_start
from balancer.config.upstream_tls import UpstreamTLS, given_tls
from balancer.interfaces import IAlgorithm, ISignalSource

_ALGORITHM: Final = "give an algorithm object such as RoundRobin()"

_BY_SYSTEM: Final = 30.0
_BY_DNS: Final = 300.0
"""Seconds between the lookups of a name, by who is asked."""


def _servers(given: str | Iterable[str]) -> tuple[str, ...]:
    return as_tuple(given)


def _sources(given: ISignalSource | Iterable[ISignalSource]) -> tuple[ISignalSource, ...]:
    return as_tuple(given)


def _backends(given: Iterable[Backend | str]) -> tuple[Backend, ...]:
    """Addresses become backends; what is wrong with those is told by the pool, among its own mistakes."""
    with collecting():
        return tuple(Backend(item) if isinstance(item, str) else item for item in as_tuple(given))


@attrs.frozen(eq=False)
class Pool(Noun):
    """A named set of backends and how one of them is chosen. Two pools are the same only if they are one object.

    `algorithm` None is the balancer's default. `connect_timeout` bounds one attempt to connect, `attempts` is how
    many different backends are tried before giving up. When the algorithm fails `on_policy_error` takes its place;
    None refuses the session. `latency_half_life` is that of the average `IBackend.latency`. A session that failed
    is seen by the algorithm in `IBackend.active` for `failure_hold` seconds from its pick, or for the mean of the
    backends' latencies if that is more, so that what fails at once does not look idle; not at all with None. While
    all the backends that could serve a session have their `max_connections`, up to `queue` connections or requests
    wait for room, in turn by the addresses they come from, each for up to `queue_timeout`; datagrams do not wait.
    For HTTP alone: `response_timeout` bounds the wait for the response head, `stall_timeout` silence between its
    bytes, and up to `keepalive` idle connections are kept for each backend, `keepalive_timeout` each (keep it below
    the backends' own) and until they are `max_age` old or have carried `max_uses` requests, if that is given. As
    soon as a backend is up `warm` connections are made to it, so that its first requests need not wait for one;
    they are idle like any other. The head of a response has at most `max_head` bytes and `max_fields` fields, and
    at most `max_interim` interim ones (1xx) come before it; what is beyond is a 502.

    Backends of the lowest tier that has a usable one serve. With `spill`, a tier that loses some keeps all sessions as
    long as those left, times that, make up for all, and hands the rest to the next tier: 1.4 is Envoy's factor. With
    `panic`, a tier of which less than that share is fit is used as a whole, up or not, while all tiers together cannot
    take everything. With `slow_start`, in seconds or a `SlowStart`, a backend that comes back, not from a drain, gets
    less than its share at first. None of the three is so by default.

    What is alive on a backend that a health check or its agent takes down goes on with `on_down="keep"`, is ended at
    once with "cut", and with a number after so many seconds if the backend is down all that time. An HTTP request of
    whose answer nothing has come goes to another backend if it is safe to send it twice, and so does a UDP client's
    next datagram.

    The names of backends are looked up again every `resolve_every` seconds (1 or more), and what was known before stays
    in use while that fails. None is 30; or, with `dns`, 300, and the system is not asked but these DNS servers
    ('10.0.0.2' or '10.0.0.2:53'), whose answers may say to come sooner. All addresses of a name are one backend's.
    `source` is the local address that connections to the backends come from; None is the system's choice.

    With `tls` connections to the backends are made over TLS: an `UpstreamTLS`, or True for one with all its defaults.
    `connect_timeout` bounds TCP and the handshake together.

    `signals` are where numbers come from that backends report of themselves, for an algorithm that goes by some: a
    source such as `Prometheus(...)`, or several.

    With an `ejection` backends whose sessions end badly get no more for a while; None ejects nobody.

    Times are in seconds. What none of the listeners that use a pool looks at cannot be set. Raises `ConfigError`.
    """

    name: str
    backends: tuple[Backend, ...] = attrs.field(converter=_backends, kw_only=True)
    algorithm: IAlgorithm | None = attrs.field(default=None, kw_only=True)
    health: Health | None = attrs.field(default=None, kw_only=True)
    agent: Agent | None = attrs.field(default=None, kw_only=True)
    connect_timeout: float = attrs.field(default=5.0, kw_only=True)
    attempts: int = attrs.field(default=3, kw_only=True)
    queue: int = attrs.field(default=100, kw_only=True)
    queue_timeout: float = attrs.field(default=5.0, kw_only=True)
    on_policy_error: IAlgorithm | None = attrs.field(default=None, kw_only=True)
    latency_half_life: float = attrs.field(default=10.0, kw_only=True)
    failure_hold: float | None = attrs.field(default=1.0, kw_only=True)
    spill: float | None = attrs.field(default=None, kw_only=True)
    panic: float | None = attrs.field(default=None, kw_only=True)
    slow_start: SlowStart | None = attrs.field(default=None, converter=given_slow_start, kw_only=True)
    response_timeout: float = attrs.field(default=60.0, kw_only=True)
    stall_timeout: float = attrs.field(default=60.0, kw_only=True)
    keepalive: int = attrs.field(default=32, kw_only=True)
    keepalive_timeout: float = attrs.field(default=4.0, kw_only=True)
    max_age: float = attrs.field(default=3600.0, kw_only=True)
    max_uses: int | None = attrs.field(default=None, kw_only=True)
    warm: int = attrs.field(default=0, kw_only=True)
    max_head: int = attrs.field(default=32768, kw_only=True)
    max_fields: int = attrs.field(default=100, kw_only=True)
    max_interim: int = attrs.field(default=16, kw_only=True)
    on_down: Literal["keep", "cut"] | float = attrs.field(default="keep", kw_only=True)
    ejection: Ejection | None = attrs.field(default=None, kw_only=True)
    signals: tuple[ISignalSource, ...] = attrs.field(default=(), converter=_sources, kw_only=True)

    resolve_every: float | None = attrs.field(default=None, kw_only=True)
    dns: tuple[str, ...] = attrs.field(default=(), converter=_servers, kw_only=True)
    source: str | None = attrs.field(default=None, kw_only=True)
    tls: UpstreamTLS | None = attrs.field(default=None, converter=given_tls, kw_only=True)

    @property
    def lookup_pause(self) -> float:
        """The most seconds from one lookup of a backend's name to the next."""
        return self.resolve_every or (_BY_DNS if self.dns else _BY_SYSTEM)

    def __str__(self) -> str:
        return f"Pool {shown(self.name)}"

    @property
    def limited(self) -> bool:
        """Whether any of its backends can be full, or be made so by its agent."""
        return self.agent is not None or any(backend.limit is not None for backend in sound(self.backends, Backend))

    @property
    def _on_sockets(self) -> bool:
        """Whether any of its backends is on a unix socket."""
        found = (endpoint_or_none(backend_endpoint, backend.address) for backend in sound(self.backends, Backend))
        return any(endpoint is not None and isinstance(endpoint.place, str) for endpoint in found)

    @property
    def unheeded(self) -> tuple[str, ...]:
        """The settings that nothing would look at, given the others."""
        return tuple(self._unheeded)

    @property
    def _unheeded(self) -> dict[str, str]:
        """The same, with the reason of each."""
        idle: dict[str, str] = {}
        if not self.limited:
            idle.update(dict.fromkeys(("queue", "queue_timeout"), "no backend has max_connections"))
        elif not self.queue:
            idle["queue_timeout"] = "queue=0 lets nobody wait"
        if len({backend.tier for backend in sound(self.backends, Backend)}) < 2:
            idle["spill"] = "all backends are of one tier"
        if self.health is None and self.ejection is None and self.agent is None:
            idle.update(dict.fromkeys(("panic", "slow_start"), "nothing takes backends out of use and back"))
        elif len(self.backends) == 1:
            idle["slow_start"] = "there is but one backend"
        if not self.keepalive:
            idle.update(dict.fromkeys(("max_age", "max_uses"), "keepalive=0 keeps no connection"))
        return idle

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
        yield from wrong_places(sound(self.backends, Backend), self.health, self.agent)
        yield from seconds("connect_timeout", self.connect_timeout, like=5)
        yield from count("attempts", self.attempts)
        yield from count("queue", self.queue, least=0)
        yield from seconds("queue_timeout", self.queue_timeout, like=5)
        yield from self._in_vain()
        yield from seconds("latency_half_life", self.latency_half_life, like=10)
        if self.failure_hold is not None:
            yield from seconds("failure_hold", self.failure_hold, like=1)
        yield from self._wrong_sharing()
        yield from seconds("response_timeout", self.response_timeout, like=60)
        yield from seconds("stall_timeout", self.stall_timeout, like=60)
        yield from count("keepalive", self.keepalive, least=0)
        yield from seconds("keepalive_timeout", self.keepalive_timeout, like=4)
        yield from self._wrong_ages()
        yield from count("max_head", self.max_head, least=1024)
        yield from count("max_fields", self.max_fields)
        yield from count("max_interim", self.max_interim)
        yield from wrong_names(self.backends, self.resolve_every, self.dns)
        if self.source is not None:
            yield from wrong_source(self.backends, self.source)
        yield from self._wrong_fate()
        tiers = [backend.tier for backend in sound(self.backends, Backend)]
        yield from wrong_ejection(self.ejection, tiers, checked=self.health is not None)
        algorithms = (self.algorithm, self.on_policy_error)
        asked = self.health is not None or self.agent is not None
        yield from wrong_signals(self.signals, algorithms, checked=asked, unix=self._on_sockets)
        yield from self._wrong_tls()
        yield from tls_on_tls(self.health, self.tls)

    def _wrong_sharing(self) -> Iterator[str]:
        """How sessions are shared out among tiers, and with backends that are not well or have just come back."""
        if self.spill is not None and not (is_number(self.spill) and self.spill >= 1):
            yield f"spill: {shown(self.spill)} is not a number from 1 up; give one such as 1.4"
        if self.panic is not None:
            yield from part("panic", self.panic, like=0.5)
        if self.slow_start is not None:
            yield from instance("slow_start", self.slow_start, SlowStart, "give a number of seconds such as 30")

    def _wrong_ages(self) -> Iterator[str]:
        """How long connections are kept, and how many are made before they are asked for."""
        yield from seconds("max_age", self.max_age, like=3600)
        if self.max_uses is not None:
            yield from count("max_uses", self.max_uses)
        wrong = list(count("warm", self.warm, least=0))
        yield from wrong
        if self.warm and not wrong and isinstance(self.keepalive, int) and self.warm > self.keepalive:
            yield f"warm: {self.warm} is more than keepalive={self.keepalive}, which would be closed; give less"

    def _wrong_fate(self) -> Iterator[str]:
        """What becomes of sessions when a health check takes their backend down."""
        if self.on_down == "keep":
            return
        if self.on_down != "cut" and list(seconds("on_down", self.on_down, like=10)):
            yield f"on_down: {shown(self.on_down)} is not a choice; give 'keep' or 'cut' or a number of seconds above 0"
        elif self.health is None and self.agent is None:
            yield "on_down: would be ignored, for no health check takes backends down; give health=Health(...)"

    def _wrong_tls(self) -> Iterator[str]:
        """What of TLS does not fit the backends."""
        tls, backends = self.tls, sound(self.backends, Backend)
        if tls is None:
            for backend in (backend for backend in backends if backend.server_name is not None):
                yield f"backends: {backend}: server_name would be ignored, for the pool has no tls; give it tls=True"
            return
        wrong = list(instance("tls", tls, UpstreamTLS, "give True, or one such as UpstreamTLS(ca='/etc/ca.pem')"))
        yield from wrong
        if wrong or not tls.names_by_host:
            return
        for backend in (backend for backend in backends if backend.server_name is None):
            endpoint = endpoint_or_none(backend_endpoint, backend.address)
            if endpoint is not None and isinstance(endpoint.place, str):
                yield f"tls: {backend} has no name that a certificate could be for; give it a server_name"

    def _in_vain(self) -> Iterator[str]:
        """What is set that nothing would look at."""
        for name, why in self._unheeded.items():
            if getattr(self, name) != getattr(attrs.fields(Pool), name).default:
                yield f"{name}: would be ignored, for {why}; leave it out"

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
