"""Listeners and the routes behind them, as a user writes them; refuses to bind, match or serve anything."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Final, Literal

import attrs

from balancer.config.endpoints import Endpoint, Place, listener_endpoint, network
from balancer.config.mistakes import (
    Noun,
    as_tuple,
    choice,
    collecting,
    count,
    instance,
    parsed,
    provides,
    provides_or_callable,
    seconds,
    shown,
    sound,
)
from balancer.config.pools import Pool
from balancer.interfaces import Found, IFilter, IMatcher, ISession, Kind

MatchFunction = Callable[[ISession], Found]
"""What may stand in place of an `IMatcher`."""

_POOL: Final = "give the Pool object"


def _filters(given: IFilter | Iterable[IFilter]) -> tuple[IFilter, ...]:
    return as_tuple(given)


def _no_pool() -> Any:
    """The pool is required, but stands behind an argument that is not; its absence is told among the mistakes."""


@attrs.frozen(eq=False)
class Route(Noun):
    """Sends the sessions its matcher accepts through its filters to its pool. Raises `ConfigError`.

    Without a matcher it takes every session. Routes are tried in the order written. A matcher may also be a function
    of one argument, the `ISession`.
    """

    matcher: IMatcher | MatchFunction | None = None
    pool: Pool = attrs.field(factory=_no_pool)
    filters: tuple[IFilter, ...] = attrs.field(default=(), converter=_filters, kw_only=True)

    @property
    def always(self) -> bool:
        """Whether it takes every session, so that a route after it is never reached."""
        return self.matcher is None or getattr(self.matcher, "always", False) is True

    @property
    def peek(self) -> int:
        """The most leading bytes of a connection that its matcher may need to see."""
        return getattr(self.matcher, "peek", 0)

    def __str__(self) -> str:
        return f"Route to {self.pool}" if isinstance(self.pool, Pool) else "Route"

    def _mistakes(self) -> Iterator[str]:
        if isinstance(self.matcher, Pool):
            yield f"matcher: {self.matcher} is a pool; write Route(pool=...)"
            return
        if self.matcher is not None:
            wrong = list(provides_or_callable("matcher", self.matcher, IMatcher, "give a matcher such as Path('/v1')"))
            yield from wrong or count("matcher: peek", self.peek, least=0)
        yield from instance("pool", self.pool, Pool, _POOL)
        for item in self.filters:
            yield from list(provides("filters", item, IFilter, "give a filter object")) or _transforming(item)


def _transforming(item: IFilter) -> Iterator[str]:
    if getattr(item, "body", None) is not None:
        yield f"filters: {shown(item)}: body: transforms are not supported yet; leave `body` out"


@attrs.frozen(eq=False)
class Listener(Noun):
    """What all listeners share: the endpoint they bind, in Twisted's grammar."""

    kind: ClassVar[Kind]

    endpoint: str

    @property
    def bound(self) -> Endpoint:
        """The endpoint taken apart; raises only for one that was reported as a mistake."""
        return listener_endpoint(self.endpoint)

    @property
    def place(self) -> Place:
        """(interface, port), the path of a unix socket, or the text after a type that only Twisted knows."""
        return self.bound.place

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The pools it sends to, in order, each once."""
        return tuple(dict.fromkeys(sound(self._targets(), Pool)))

    @abstractmethod
    def _targets(self) -> list[Pool]:
        """Where it may send a session, in order."""

    def __str__(self) -> str:
        return f"{type(self).__name__} {shown(self.endpoint)}"

    def _mistakes(self) -> Iterator[str]:
        yield from parsed("endpoint", self.endpoint, self._parse)

    def _parse(self, text: str) -> Endpoint:
        endpoint = listener_endpoint(text)
        if (endpoint.scheme == "udp") is not (self.kind is Kind.UDP):
            wanted = "udp:port" if self.kind is Kind.UDP else "tcp:port"
            raise ValueError(f"{text!r} does not carry {self.kind.name}; write it as {wanted}")
        return endpoint


def _sources(given: str | Iterable[str]) -> tuple[str, ...]:
    return as_tuple(given)


@attrs.frozen(eq=False)
class Proxied(Listener):
    """What listeners of connections say about the PROXY headers that may open these; see `TCPListener`."""

    accept_proxy: tuple[str, ...] = attrs.field(default=(), converter=_sources, kw_only=True)
    proxy: Literal["required", "optional"] = attrs.field(default="required", kw_only=True)
    proxy_timeout: float = attrs.field(default=3.0, kw_only=True)

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        for source in self.accept_proxy:
            yield from parsed("accept_proxy", source, network)
        yield from choice("proxy", self.proxy, ("required", "optional"))
        yield from seconds("proxy_timeout", self.proxy_timeout, like=3)
        yield from self._ignored()

    def _ignored(self) -> Iterator[str]:
        """What of it would change nothing."""
        if self.accept_proxy:
            if str(self.endpoint).startswith("unix:"):
                yield "accept_proxy: would be ignored, for nobody has an address on a unix socket; leave it out"
            return
        for name in ("proxy", "proxy_timeout"):
            if getattr(self, name) != getattr(attrs.fields(Proxied), name).default:
                yield f"{name}: would be ignored without accept_proxy; give that, or leave this out"


def _routes(given: Route | Iterable[Route]) -> tuple[Route, ...]:
    return as_tuple(given)


def _default_routes(listener: HTTPListener) -> tuple[Route, ...]:
    """The route that `pool` stands for; what is wrong with it is told by the listener."""
    with collecting():
        return () if listener.pool is None else (Route(pool=listener.pool),)


@attrs.frozen(eq=False)
class HTTPListener(Proxied):
    """Serves HTTP and chooses by request. Raises `ConfigError`.

    Give `routes`, or `pool` in place of a single route without a matcher; `routes` is always filled. A client has
    `request_timeout` seconds for a whole request head, and may be silent for `idle` seconds between two requests and
    within a body. One that has closed its sending side has `half_closed` seconds to see its answer begin: whether it
    still listens cannot be told. A head has at most `max_head` bytes and `max_fields` fields.

    `accept_proxy`, `proxy` and `proxy_timeout` are those of `TCPListener`; X-Forwarded-For tells of the client that the
    header tells of. There is no `send_proxy`: connections to backends carry the requests of many clients.
    """

    kind: ClassVar[Kind] = Kind.HTTP

    pool: Pool | None = attrs.field(default=None, kw_only=True)
    routes: tuple[Route, ...] = attrs.field(
        default=attrs.Factory(_default_routes, takes_self=True), converter=_routes, kw_only=True
    )
    request_timeout: float = attrs.field(default=10.0, kw_only=True)
    idle: float = attrs.field(default=75.0, kw_only=True)
    half_closed: float = attrs.field(default=1.0, kw_only=True)
    max_head: int = attrs.field(default=32768, kw_only=True)
    max_fields: int = attrs.field(default=100, kw_only=True)

    def _targets(self) -> list[Pool]:
        return [route.pool for route in sound(self.routes, Route)]

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        yield from self._wrong_routes()
        yield from seconds("request_timeout", self.request_timeout, like=10)
        yield from seconds("idle", self.idle, like=75)
        yield from seconds("half_closed", self.half_closed, like=1)
        yield from count("max_head", self.max_head, least=1024)
        yield from count("max_fields", self.max_fields)

    def _wrong_routes(self) -> Iterator[str]:
        if self.pool is not None:
            yield from instance("pool", self.pool, Pool, _POOL)
            if [route.pool for route in sound(self.routes, Route) if route.always] != [self.pool]:
                yield "pool: cannot stand beside routes; give one of them"
        elif not self.routes:
            yield "routes: there is none; give routes=[...] or pool=..."
        for route in self.routes:
            yield from instance("routes", route, Route, "give one such as Route(Path('/v1'), pool)")
        yield from self._blind()
        yield from self._unreachable()

    def _blind(self) -> Iterator[str]:
        """A matcher that waits for the first bytes of a connection: a request comes without them."""
        for number, route in enumerate(self.routes, 1):
            if isinstance(route, Route) and isinstance(route.peek, int) and route.peek > 0:
                yield (
                    f"routes: route {number}: {shown(route.matcher)} looks at the first bytes of a TCP connection, "
                    "which are not there for a request; give a matcher such as Path('/v1')"
                )

    def _unreachable(self) -> Iterator[str]:
        """A route that takes every request leaves none for those after it."""
        takers = [number for number, route in enumerate(self.routes) if isinstance(route, Route) and route.always]
        for number in range(takers[0] + 1, len(self.routes)) if takers else ():
            yield f"routes: route {number + 1} is never reached; route {takers[0] + 1} before it takes every request"


@attrs.frozen(eq=False)
class TCPListener(Proxied):
    """Relays connections. Raises `ConfigError`.

    A connection on which neither side says anything for `idle` seconds is closed. Once one side has finished, the
    other may be silent for `linger` seconds, whatever `idle` is.

    With `send_proxy`, "v1" or "v2", each connection to a backend opens with a PROXY header that tells of the client,
    and each health check of the pool with one that tells of none.

    `accept_proxy` lists addresses and networks, such as '10.0.0.0/8', whose PROXY headers, of either version, are
    believed: the client is where such a header says. With `proxy="required"` a connection from there that does not open
    with a header is cut, and one from elsewhere is refused; with "optional" either is served as it is. A listed source
    that begins a header and breaks its rules is cut all the same. A header has `proxy_timeout` seconds to come, and so
    has the first byte that tells that there is none.
    """

    kind: ClassVar[Kind] = Kind.TCP

    pool: Pool = attrs.field(kw_only=True)
    idle: float = attrs.field(default=600.0, kw_only=True)
    linger: float = attrs.field(default=30.0, kw_only=True)
    send_proxy: Literal["v1", "v2"] | None = attrs.field(default=None, kw_only=True)

    def _targets(self) -> list[Pool]:
        return [self.pool]

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        if self.send_proxy is not None:
            yield from choice("send_proxy", self.send_proxy, ("v1", "v2"))
        yield from instance("pool", self.pool, Pool, _POOL)
        yield from seconds("idle", self.idle, like=600)
        yield from seconds("linger", self.linger, like=30)


def _default_requests(listener: UDPListener) -> int | None:
    """What `per_packet` stands for."""
    return 1 if listener.per_packet is True else None


def _optional_count(field: str, value: Any, *, least: int = 1) -> Iterator[str]:
    return iter(()) if value is None else count(field, value, least=least)


@attrs.frozen(eq=False)
class UDPListener(Listener):
    """Relays datagrams. Raises `ConfigError`.

    A flow, which is one client's address and port, ends after `idle` seconds of silence. With `replies` it also ends
    when each of its datagrams has had so many, 0 being none, and when it ends by silence with some missing, its backend
    has failed. After `requests` datagrams the client's next one begins another flow, perhaps on another backend; until
    then no number of replies ends it. `per_packet=True` is `requests=1`. At most `max_flows` live at once, and of
    one source, an IPv4 address or the /64 of an IPv6 address, at most `max_flows_per_source`.
    """

    kind: ClassVar[Kind] = Kind.UDP

    pool: Pool = attrs.field(kw_only=True)
    idle: float = attrs.field(default=60.0, kw_only=True)
    max_flows: int = attrs.field(default=10000, kw_only=True)
    max_flows_per_source: int | None = attrs.field(default=None, kw_only=True)
    replies: int | None = attrs.field(default=None, kw_only=True)
    per_packet: bool = attrs.field(default=False, kw_only=True)
    requests: int | None = attrs.field(default=attrs.Factory(_default_requests, takes_self=True), kw_only=True)

    def _targets(self) -> list[Pool]:
        return [self.pool]

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        yield from instance("pool", self.pool, Pool, _POOL)
        yield from seconds("idle", self.idle, like=60)
        yield from count("max_flows", self.max_flows)
        yield from _optional_count("replies", self.replies, least=0)
        yield from choice("per_packet", self.per_packet, (True, False))
        yield from _optional_count("requests", self.requests)
        if self.per_packet is True and self.requests != 1:
            yield "requests: cannot stand beside per_packet, which is requests=1; give one of them"
        yield from self._wrong_share()

    def _wrong_share(self) -> Iterator[str]:
        """The cap for one source means nothing above the cap for all."""
        cap, room = self.max_flows_per_source, self.max_flows
        wrong = list(_optional_count("max_flows_per_source", cap))
        yield from wrong
        if not wrong and cap is not None and isinstance(room, int) and cap > room:
            yield f"max_flows_per_source: {cap} would be ignored, for max_flows is {room}; give less, or leave it out"
