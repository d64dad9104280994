"""What is to be simulated, from what it is given as: an algorithm, a pool or a whole config; simulates none."""

from __future__ import annotations

from typing import Any, Final

import attrs

from balancer.config import Backend, Config, HTTPListener, Listener, Pool, Route, Routed, TCPListener
from balancer.config.mistakes import shown
from balancer.errors import ConfigError
from balancer.interfaces import IAlgorithm

BACKENDS: Final = 10
"""So many alike, b1 to b10, are what an algorithm on its own has to balance."""


@attrs.frozen(eq=False)
class Subject:
    """A pool, and what comes to it: by which listener and over which route."""

    pool: Pool
    listener: Listener
    route: Route

    def by(self, algorithm: IAlgorithm) -> Subject:
        """The same with another algorithm."""
        pool = attrs.evolve(self.pool, algorithm=algorithm)
        route = attrs.evolve(self.route, pool=pool)
        return Subject(pool, attrs.evolve(self.listener, pool=None, routes=[route]), route)  # type: ignore[call-arg]  # it has routes


def subject_of(given: Any, name: str | None = None) -> Subject:
    """Whichever of these it is; `name` is that of a config's pool. Raises `ConfigError`."""
    if isinstance(given, Subject):
        return given
    if isinstance(given, Config):
        return _found(given, name)
    if name is not None:
        raise ConfigError([f"simulate: pool: {shown(name)} would be ignored, for no config is given; leave it out"])
    if isinstance(given, Pool):
        return _alone(given)
    if IAlgorithm.providedBy(given):
        backends = [Backend(f"192.0.2.{number}:80", name=f"b{number}") for number in range(1, BACKENDS + 1)]
        return _alone(Pool("simulated", backends=backends, algorithm=given))
    remedy = "give an algorithm such as RoundRobin(), a Pool or a Config"
    raise ConfigError([f"simulate: {shown(given)} cannot be simulated; {remedy}"])


def _alone(pool: Pool) -> Subject:
    """A pool by itself serves HTTP."""
    listener = HTTPListener("tcp:80", pool=pool)
    return Subject(pool, listener, listener.routes[0])


def _found(config: Config, name: str | None) -> Subject:
    """A pool of a config, over the first of the routes that lead to it."""
    pools = {pool.name: pool for pool in config.pools}
    if name is None and len(pools) > 1:
        raise ConfigError([f"simulate: there are the pools {', '.join(pools)}; say which, by its name"])
    pool = next(iter(pools.values())) if name is None else pools.get(name)
    if pool is None:
        raise ConfigError([f"simulate: pool: {shown(name)} is not in use; give one of {', '.join(pools)}"])
    for listener in config.all_listeners:
        for route in listener.routes if isinstance(listener, Routed) else ():
            if route.pool is pool and isinstance(listener, HTTPListener | TCPListener):
                return Subject(pool, listener, route)
    raise ConfigError([f"simulate: {pool}: it serves datagrams alone; only requests and connections can be simulated"])
