"""Where backends are that have a name: who is asked, how often, and what changes with the answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.parts import Parts
from balancer.assembly.together import together
from balancer.config.names import name_server
from balancer.core.backend import Backend
from balancer.errors import StartError
from balancer.net.lookups import Lookup, Pace
from balancer.net.name_servers import NameServers
from balancer.net.resolving import Names

log = Logger("balancer")


async def find(parts: Parts, pool: nouns.Pool, backends: Mapping[nouns.Backend, Backend]) -> None:
    """Look up the names of a pool's backends, and have them looked up again later.

    Raises `StartError` for one that is unknown, unless it may start down.
    """
    names: Names = NameServers(parts.reactor, map(name_server, pool.dns)) if pool.dns else parts.names
    pace = Pace(pool.lookup_pause, parts.random)
    looks = []
    for settings, backend in backends.items():
        place = settings.place
        if isinstance(place, str) or not settings.endpoint.has_name:
            continue
        lookup = Lookup(
            backend,
            place,
            names,
            reactor=parts.reactor,
            pace=pace,
            moved=partial(_moved, parts, pool),
            told=partial(_tell, pool, settings),
        )
        parts.lookups.append(lookup)
        looks.append(_look(lookup, pool, settings))
    await together(looks)


async def _look(lookup: Lookup, pool: nouns.Pool, settings: nouns.Backend) -> None:
    try:
        await lookup.look()
    except LookupError as error:
        if settings.start == "up":
            remedy = 'correct the name, or let it be unknown for now with start="down" and a health check'
            raise StartError(f"Pool {pool.name!r}: Backend {settings.name!r}: {error}; {remedy}") from error


def _moved(parts: Parts, pool: nouns.Pool, backend: Backend) -> None:
    """Connections to where it was are used no more."""
    if pool in parts.upstreams:
        parts.upstreams[pool].moved(backend)


def _tell(pool: nouns.Pool, settings: nouns.Backend, line: str) -> None:
    log.info("pool {pool!r}: backend {backend!r}: {line}", pool=pool.name, backend=settings.name, line=line)
