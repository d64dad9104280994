"""What listeners say that choose among routes; refuses to match anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import attrs

from balancer.config.listeners import Listener
from balancer.config.mistakes import as_tuple, collecting, instance, repeated, shown, sound
from balancer.config.pools import Pool
from balancer.config.routes import POOL, Route
from balancer.interfaces import Kind


def _routes(given: Route | Iterable[Route]) -> tuple[Route, ...]:
    return as_tuple(given)


def _default_routes(listener: Routed) -> tuple[Route, ...]:
    """The route that `pool` stands for; what is wrong with it is told by the listener."""
    with collecting():
        return () if listener.pool is None else (Route(pool=listener.pool),)


@attrs.frozen(eq=False)
class Routed(Listener):
    """What listeners with routes share: `routes`, or `pool` in place of a single route without a matcher."""

    session: ClassVar[str]
    """What a route takes, in a word."""
    matcher_like: ClassVar[str]
    """A matcher for such, as an example."""

    pool: Pool | None = attrs.field(default=None, kw_only=True)
    routes: tuple[Route, ...] = attrs.field(
        default=attrs.Factory(_default_routes, takes_self=True), converter=_routes, kw_only=True
    )

    @property
    def within(self) -> tuple[Listener, ...]:
        """See `Listener.within`."""
        served = [route.serve for route in sound(self.routes, Route)]
        inside = [one for one in served if isinstance(one, Listener)]
        return tuple(dict.fromkeys(found for one in inside for found in (one, *one.within)))

    def _targets(self) -> list[Pool | None]:
        return [route.pool for route in sound(self.routes, Route)]

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        if self.pool is not None:
            yield from instance("pool", self.pool, Pool, POOL)
            if [route.pool for route in sound(self.routes, Route) if route.always] != [self.pool]:
                yield "pool: cannot stand beside routes; give one of them"
        elif not self.routes:
            yield "routes: there is none; give routes=[...] or pool=..."
        for route in self.routes:
            yield from instance("routes", route, Route, f"give one such as Route({self.matcher_like}, pool)")
        for number, route in enumerate(self.routes, 1):
            if isinstance(route, Route):
                yield from (f"routes: route {number}: {line}" for line in self._misused(route))
        names = [route.name for route in sound(self.routes, Route) if isinstance(route.name, str)]
        yield from (f"routes: two are named {name!r}; give each its own name" for name in repeated(names))
        yield from self._unreachable()

    def _misused(self, route: Route) -> Iterator[str]:
        """What is wrong with a route for the sessions of this kind of listener."""
        if not route.fits(self.kind):
            yield f"{shown(route.matcher)} never matches a {self.session}; give a matcher such as {self.matcher_like}"
        if route.turns_off and self.kind is not Kind.TCP:
            setting = "refuse" if route.serve is None else "serve"
            yield f"{setting}: is for the connections of a TCPListener; give a pool"
        if route.timeout is not None and self.kind is not Kind.HTTP:
            yield "timeout: would be ignored, for it bounds HTTP requests alone; leave it out"
        if route.retry is not None and self.kind is not Kind.HTTP:
            yield "retry: would be ignored, for only HTTP requests are tried again; leave it out"

    def _unreachable(self) -> Iterator[str]:
        """A route that takes every session leaves none for those after it."""
        takers = [number for number, route in enumerate(self.routes) if isinstance(route, Route) and route.always]
        for number in range(takers[0] + 1, len(self.routes)) if takers else ():
            yield (
                f"routes: route {number + 1} is never reached; "
                f"route {takers[0] + 1} before it takes every {self.session}"
            )
