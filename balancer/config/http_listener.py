"""The listener of HTTP, as a user writes it; refuses to bind or serve anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import attrs

from balancer.config.listeners import Proxied
from balancer.config.mistakes import (
    as_tuple,
    collecting,
    count,
    instance,
    seconds,
    shown,
    sound,
)
from balancer.config.pools import Pool
from balancer.config.routes import POOL, Route
from balancer.interfaces import Kind


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
            yield from instance("pool", self.pool, Pool, POOL)
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
