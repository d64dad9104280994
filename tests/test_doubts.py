"""What `balancer check` warns of."""

from __future__ import annotations

from typing import Any

import pytest

from balancer import TLS, Backend, Config, Health, HTTPListener, Pool, Route, TCPListener
from balancer.doubts import doubts
from balancer.plugins.algorithms import LeastConnections
from balancer.plugins.combinators import Fallback, Zones
from balancer.plugins.filters import HSTS, StripPrefix
from balancer.plugins.health import Script, TCPCheck
from balancer.plugins.matchers import Path

NEAR, FAR = Backend("a:1", zone="eu1"), Backend("b:1", zone="us1")


def of_pool(**settings: Any) -> list[str]:
    """The warnings about a pool with these settings."""
    pool = Pool("site", **{"backends": [NEAR, FAR], **settings})
    return list(doubts(Config(TCPListener("tcp:1", pool=pool))))


def of_listeners(*listeners: Any) -> list[str]:
    """The warnings about a config with these listeners."""
    return list(doubts(Config(listeners)))


def site(*filters: Any) -> list[Route]:
    """Routes of which the second has the filters."""
    pool = Pool("site", backends=["a:1"])
    return [Route(Path("/v1"), pool, filters=StripPrefix("/v1")), Route(pool=pool, filters=filters)]


def test_zones_that_nobody_is_in() -> None:
    """A zone that an algorithm or a part of it prefers, and that no backend is in, is told with those there are."""
    assert of_pool(algorithm=Fallback(Zones("us1"), Zones("eu-1", LeastConnections()))) == [
        "warning: Pool 'site': algorithm: no backend is in the zone 'eu-1'; there is 'eu1', 'us1'"
    ]
    assert of_pool(algorithm=Zones("eu1", Zones("us1"))) == of_pool() == of_pool(algorithm=LeastConnections()) == []


def test_zones_where_there_are_none() -> None:
    """Where no backend has a zone, how to give it one is told."""
    assert of_pool(algorithm=Zones("eu1"), backends=["a:1"]) == [
        "warning: Pool 'site': algorithm: no backend is in the zone 'eu1'; give some a Backend(..., zone='eu1')"
    ]


def test_programs_that_are_not_there() -> None:
    """A program that a check would run and that is not there is told; one that is found is not."""
    assert of_pool(health=Health(Script(["/no/such/check", "--quick"]))) == [
        (
            "warning: Pool 'site': health: check: '/no/such/check' is no program that can be run here; "
            "install it, or give the path of another"
        )
    ]
    assert of_pool(health=Health(Script(["sh", "-c", "true"]))) == of_pool(health=Health(TCPCheck())) == []


def test_filters_for_tls_where_there_is_none() -> None:
    """What is for requests over TLS alone is told where nobody can come so, with the listener and the route."""
    assert of_listeners(HTTPListener("tcp:80", routes=site(HSTS(60)))) == [
        (
            "warning: HTTPListener 'tcp:80': routes: route 2: "
            "HSTS(max_age=60, include_subdomains=False, preload=False) "
            "says nothing, for nobody comes over TLS; give it tls=TLS(...), or leave the filter out"
        )
    ]


@pytest.mark.parametrize(
    "settings", [{"tls": TLS("site.pem")}, {"trusted_proxies": ["10.0.0.1"]}, {"accept_proxy": ["10.0.0.1"]}]
)
def test_filters_for_tls_where_there_may_be_some(settings: Any) -> None:
    """Where TLS ends here, or at a proxy that is believed, it is not told, nor of a listener that shares the routes."""
    routes = site(HSTS())
    assert of_listeners(HTTPListener("tcp:443", routes=routes, **settings), HTTPListener("tcp:80", routes=routes)) == []


def test_filters_for_tls_inside_a_route() -> None:
    """A listener inside a route may have TLS around it."""
    inside = HTTPListener(routes=site(HSTS()))
    assert of_listeners(TCPListener("tcp:443", tls=TLS("site.pem"), routes=Route(serve=inside))) == []
