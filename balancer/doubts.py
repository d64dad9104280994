"""What of a config is no mistake, and hardly meant all the same, as lines to read; refuses to stop anybody for it."""

from __future__ import annotations

from collections.abc import Iterator
from shutil import which
from typing import Any

from balancer.config import Config, HTTPListener, Pool


def doubts(config: Config) -> Iterator[str]:
    """A line for each, as plugins say what they need: zones, programs of this machine, requests over TLS."""
    for pool in config.pools:
        yield from (f"warning: {pool}: algorithm: {line}" for line in _empty_zones(pool))
        yield from (f"warning: {pool}: health: check: {line}" for line in _absent_programs(pool))
    yield from (f"warning: {line}" for line in _unsaid(config))


def _empty_zones(pool: Pool) -> Iterator[str]:
    known = sorted({backend.zone for backend in pool.backends} - {""})
    for zone in sorted(set(getattr(pool.algorithm, "zones", ())) - set(known)):
        others = f"there is {', '.join(map(repr, known))}" if known else f"give some a Backend(..., zone={zone!r})"
        yield f"no backend is in the zone {zone!r}; {others}"


def _absent_programs(pool: Pool) -> Iterator[str]:
    check = None if pool.health is None else pool.health.check
    for program in getattr(check, "programs", ()):
        if which(program) is None:
            yield f"{program!r} is no program that can be run here; install it, or give the path of another"


def _unsaid(config: Config) -> Iterator[str]:
    """What filters have for requests over TLS alone, on listeners that get none; one may serve others as well."""
    listeners = [one for one in config.all_listeners if isinstance(one, HTTPListener)]
    heard = {id(item) for one in listeners if _may_be_secure(one) for _, item in _filters(one)}
    for one in listeners:
        for number, item in _filters(one):
            if id(item) not in heard and set(getattr(item, "schemes", ())) == {"https"}:
                remedy = "give it tls=TLS(...), or leave the filter out"
                yield f"{one}: routes: route {number}: {item!r} says nothing, for nobody comes over TLS; {remedy}"


def _may_be_secure(listener: HTTPListener) -> bool:
    """Whether TLS may end here, around it, or at a proxy that is believed."""
    return (
        listener.tls is not None or listener.endpoint == "" or bool(listener.trusted_proxies or listener.accept_proxy)
    )


def _filters(listener: HTTPListener) -> Iterator[tuple[int, Any]]:
    """The filters of its routes, each with the number of the route."""
    return ((number, item) for number, route in enumerate(listener.routes, 1) for item in route.filters)
