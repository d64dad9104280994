"""The whole of a config and the checks that only the whole allows; refuses to know which parts will serve it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, Final, Literal

import attrs

from balancer.config.acme import ACME, wrong_together
from balancer.config.backends import Backend
from balancer.config.ejection import Ejection
from balancer.config.encrypted import Encrypted
from balancer.config.endpoints import backend_endpoint, endpoint_or_none, listener_endpoint
from balancer.config.health import Health
from balancer.config.http_listener import HTTPListener
from balancer.config.listeners import Listener
from balancer.config.mistakes import Noun, as_tuple, count, instance, parsed, repeated, seconds, shown, sound
from balancer.config.pools import Pool
from balancer.config.signals import unserved
from balancer.config.tcp_listener import TCPListener
from balancer.config.tls import TLS
from balancer.config.udp_listener import UDPListener
from balancer.config.upstream_tls import UpstreamTLS, not_for_http
from balancer.interfaces import Kind

_LISTENER: Final = "such as HTTPListener('tcp:8080', pool=site)"
_LONGEST_PATH: Final = 107
"""The bytes that the system takes for the path of a unix socket (sun_path, with its end)."""

_HEEDED: Final[Mapping[str, tuple[Kind, ...]]] = {
    "connect_timeout": (Kind.TCP, Kind.HTTP),
    "attempts": (Kind.TCP, Kind.HTTP),
    "queue": (Kind.TCP, Kind.HTTP),
    "queue_timeout": (Kind.TCP, Kind.HTTP),
    "tls": (Kind.TCP, Kind.HTTP),
    "response_timeout": (Kind.HTTP,),
    "stall_timeout": (Kind.HTTP,),
    "keepalive": (Kind.HTTP,),
    "keepalive_timeout": (Kind.HTTP,),
    "max_head": (Kind.HTTP,),
    "max_fields": (Kind.HTTP,),
    "max_interim": (Kind.HTTP,),
    "max_age": (Kind.HTTP,),
    "max_uses": (Kind.HTTP,),
    "warm": (Kind.HTTP,),
}
"""The settings of a pool that not every listener looks at, and the kinds of those that do."""


def _listeners(given: Listener | Iterable[Listener]) -> tuple[Listener, ...]:
    return as_tuple(given)


def _companions(given: Any) -> tuple[Any, ...]:
    return as_tuple(given)


@attrs.frozen(eq=False)
class Config(Noun):
    """Everything the balancer is to do; a config module calls it `config`. Raises `ConfigError`.

    On a stop what is alive has `drain` seconds to end. `companions` provide Twisted's `IService` and live and die
    with the balancer: they are started before anything is bound, one after another, and stopped last. Where
    `startService` returns a Deferred, it is waited for; a method `with_reactor(reactor)`, if there is one, is called
    once before. With `control="unix:/path"` a running balancer takes commands there, from its own user and root alone.

    Of all health checks at most `max_checks` run at once. The others wait for their turn, in order, and their time-out
    begins with it.
    """

    listeners: tuple[Listener, ...] = attrs.field(converter=_listeners)
    drain: float = attrs.field(default=30.0, kw_only=True)
    companions: tuple[Any, ...] = attrs.field(default=(), converter=_companions, kw_only=True)
    control: str | None = attrs.field(default=None, kw_only=True)
    max_checks: int = attrs.field(default=128, kw_only=True)

    @property
    def control_path(self) -> str | None:
        """Where commands are taken, if anywhere."""
        return None if self.control is None else str(listener_endpoint(self.control).place)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The pools in use, in order of first use, each once."""
        return tuple(_uses(self.listeners))

    def unheeded(self, pool: Pool) -> tuple[str, ...]:
        """The settings of a pool in use that nothing looks at: neither the pool nor a listener that uses it."""
        return tuple(dict.fromkeys((*_unheeded(_uses(self.listeners)[pool]), *pool.unheeded)))

    def send_proxy(self, pool: Pool) -> Literal["v1", "v2"] | None:
        """With what version of the PROXY protocol connections to its backends open."""
        return next(iter(_greetings(self.listeners, pool)), None)

    def kinds(self, pool: Pool) -> tuple[Kind, ...]:
        """The kinds of listener that use a pool in use."""
        return tuple(_uses(self.listeners)[pool])

    def proxies_datagrams(self, pool: Pool) -> bool:
        """Whether datagrams to its backends open with a PROXY header."""
        return any(one.send_proxy for one in sound(_all(self.listeners), UDPListener) if pool in one.pools)

    @property
    def all_listeners(self) -> tuple[Listener, ...]:
        """Those that are bound, each before those inside its routes."""
        return tuple(_all(self.listeners))

    @property
    def acmes(self) -> tuple[ACME, ...]:
        """The certificates to be obtained, in order of first use, each once."""
        every = (listener.tls for listener in sound(_all(self._sound_listeners()), Encrypted))
        return tuple(dict.fromkeys(sound((tls.acme for tls in sound(every, TLS)), ACME)))

    def _sound_listeners(self) -> list[Listener]:
        return [listener for listener in self.listeners if isinstance(listener, Listener)]

    def mistakes(self) -> Iterator[str]:
        """What is wrong with it and with how its pools are used, a line for each."""
        yield from super().mistakes()
        for pool, kinds in _uses(self._sound_listeners()).items():
            yield from (f"{pool}: {line}" for line in _unfit(pool, kinds))
            if len(_greetings(self._sound_listeners(), pool)) > 1:
                yield (
                    f"{pool}: the listeners that use it disagree on send_proxy; give all of them the same, "
                    "or each its own Pool"
                )

    def _mistakes(self) -> Iterator[str]:
        if not self.listeners:
            yield f"listeners: there is none; give at least one, {_LISTENER}"
        for listener in self.listeners:
            yield from instance("listeners", listener, Listener, f"give one, {_LISTENER}")
            if isinstance(listener, Listener) and listener.endpoint == "":
                yield f"listeners: {listener} has no endpoint; give it one, such as 'tcp:8080'"
        yield from seconds("drain", self.drain, like=30)
        yield from count("max_checks", self.max_checks)
        for companion in self.companions:
            yield from _no_service(companion)
        yield from _clashes(self._sound_listeners())
        yield from self._wrong_acmes()
        if self.control is not None:
            yield from self._wrong_control(self.control)
        for name in repeated(str(pool.name) for pool in _uses(self._sound_listeners())):
            yield f"listeners: two different pools are named {name!r}; give each its own name"

    def _wrong_acmes(self) -> Iterator[str]:
        every = _all(self._sound_listeners())
        at_once = [one for one in sound(every, Encrypted) if getattr(one, "starttls", None) is None]
        over_tls = {one.tls.acme for one in at_once if isinstance(one.tls, TLS) and isinstance(one.tls.acme, ACME)}
        yield from wrong_together(self.acmes, plain_http=any(map(_is_plain_http, every)), over_tls=over_tls)

    def _wrong_control(self, control: str) -> Iterator[str]:
        """What is wrong with the place of the control socket."""
        yield from parsed("control", control, _control)
        wanted = endpoint_or_none(listener_endpoint, control)
        for one in self._sound_listeners():
            taken = endpoint_or_none(listener_endpoint, one.endpoint)
            if wanted is not None and taken is not None and taken.overlaps(wanted):
                yield f"control: {control!r} is taken by {one}; give it a path of its own"


def _is_plain_http(listener: Listener) -> bool:
    return isinstance(listener, HTTPListener) and listener.tls is None


def _control(text: str) -> None:
    """Take the place of the control socket. Raises `ValueError`, or `TypeError` if it is no text."""
    endpoint = listener_endpoint(text)
    remedy = "give a path alone, such as 'unix:/run/balancer.sock'"
    if endpoint.scheme != "unix":
        raise ValueError(f"{text!r} is no unix socket; {remedy}")
    if endpoint.options:
        raise ValueError(f"{text!r} has options, which would be ignored; {remedy}")
    if len(str(endpoint.place).encode()) > _LONGEST_PATH:
        raise ValueError(f"{text!r} is longer than the {_LONGEST_PATH} bytes that a socket's path may have; shorten it")


def _no_service(companion: Any) -> Iterator[str]:
    """`IService` itself is out of reach here, without Twisted."""
    methods = (getattr(companion, name, None) for name in ("startService", "stopService"))
    if isinstance(companion, type) or not all(map(callable, methods)):
        yield f"companions: {shown(companion)} does not provide IService; give a Twisted service object"


def _clashes(listeners: Iterable[Listener]) -> Iterator[str]:
    """Endpoints that the system would not let be bound at once."""
    written = ((one.endpoint, endpoint_or_none(listener_endpoint, one.endpoint)) for one in listeners)
    known = [(text, endpoint) for text, endpoint in written if endpoint is not None]
    for (earlier, taken), (later, wanted) in combinations(known, 2):
        if taken.overlaps(wanted):
            yield f"listeners: {later!r} is taken by {earlier!r} already; bind each port once"


def _all(listeners: Iterable[Listener]) -> dict[Listener, None]:
    """The listeners, each before those inside its routes, in order and each once."""
    return {found: None for one in listeners for found in (one, *one.within)}


def _greetings(listeners: Iterable[Listener], pool: Pool) -> dict[Literal["v1", "v2"] | None, None]:
    """How connections to the backends of a pool open, by the listeners that make any, in order and each once."""
    connecting = (one for one in _all(listeners) if one.kind is not Kind.UDP and pool in one.pools)
    return {one.send_proxy if isinstance(one, TCPListener) else None: None for one in connecting}


def _uses(listeners: Iterable[Listener]) -> dict[Pool, dict[Kind, None]]:
    """The pools in use, and for which kinds of session each is used, both in order."""
    uses: dict[Pool, dict[Kind, None]] = {}
    for listener in _all(listeners):
        for pool in listener.pools:
            uses.setdefault(pool, {})[listener.kind] = None
    return uses


def _unfit(pool: Pool, kinds: Collection[Kind]) -> Iterator[str]:
    """What of a pool does not suit the kinds of session it is used for."""
    for backend in sound(pool.backends, Backend):
        yield from _wrong_transport(backend, kinds)
        if backend.max_requests is not None and set(kinds) != {Kind.HTTP}:
            yield f"backends: {backend}: max_requests counts HTTP requests alone; give max_connections"
    if isinstance(pool.health, Health) and hasattr(pool.health.check, "protocols"):
        yield from _unprobed(pool.health.check, as_tuple(pool.health.check.protocols), kinds)
    yield from unserved(pool.signals, kinds)
    yield from (f"algorithm: {line}" for line in _undecided(pool.algorithm, kinds))
    yield from (f"on_policy_error: {line}" for line in _undecided(pool.on_policy_error, kinds))
    if isinstance(pool.tls, UpstreamTLS) and Kind.HTTP in kinds:
        yield from not_for_http(pool.tls)
    if isinstance(pool.ejection, Ejection) and Kind.HTTP not in kinds:
        yield from pool.ejection.wrong_for_streams()
    for name in _unheeded(kinds):
        if getattr(pool, name) != getattr(attrs.fields(Pool), name).default:
            listeners = " or ".join(f"{kind.name}Listener" for kind in _HEEDED[name])
            yield f"{name}: would be ignored, for no {listeners} uses the pool; leave it out"


def _unprobed(check: Any, probed: Collection[Any], kinds: Iterable[Kind]) -> Iterator[str]:
    """The kinds that a check cannot probe for; none if some of those it can are no kinds at all, and told as such."""
    if len(sound(probed, Kind)) < len(probed):
        return
    known = " and ".join(kind.name for kind in probed) or "nothing"
    for kind in (kind for kind in kinds if kind not in probed):
        yield (
            f"health: {shown(check)} cannot probe for the {kind.name}Listener that uses the pool, but for {known}; "
            f"leave health out, or give a check whose protocols contain {kind}"
        )


def _undecided(algorithm: Any, kinds: Iterable[Kind]) -> Iterator[str]:
    """That an algorithm goes by what no session of the pool ever says of itself."""
    told = sound(as_tuple(getattr(algorithm, "kinds", ())), Kind)
    if told and not set(told) & set(kinds):
        listeners = " or ".join(f"{kind.name}Listener" for kind in Kind if kind in told)
        yield (
            f"{shown(algorithm)} could tell no session from another, for no {listeners} uses the pool; "
            "give one that goes by what all sessions say, such as SourceHash()"
        )


def _unheeded(kinds: Collection[Kind]) -> tuple[str, ...]:
    return tuple(name for name, heeding in _HEEDED.items() if not set(heeding) & set(kinds))


def _wrong_transport(backend: Backend, kinds: Collection[Kind]) -> Iterator[str]:
    endpoint = endpoint_or_none(backend_endpoint, backend.address)
    scheme = endpoint.scheme if endpoint is not None else ""
    for kind in kinds:
        if scheme and (scheme == "udp") is not (kind is Kind.UDP):
            cannot = f"{backend.address!r} cannot serve the {kind.name}Listener that uses the pool"
            yield f"backends: {cannot}; give host:port, which serves TCP and UDP"
