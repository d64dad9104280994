"""From a whole config to all its parts."""

from __future__ import annotations

from balancer.config import HTTPListener, Pool, Route
from tests.assembly.parts import assembled


def test_pools_are_made_once() -> None:
    """A pool that several listeners and routes use is one pool, with one set of connections."""
    pool = Pool("pool", backends=["127.0.0.1:9001"])
    site = HTTPListener("tcp:8080", routes=[Route(lambda _: False, pool), Route(pool=pool)])
    assembly = assembled(site, HTTPListener("tcp:8081", pool=pool))
    assert list(assembly.pools) == list(assembly.upstreams) == [pool]
    assert len(assembly.listeners) == 2
