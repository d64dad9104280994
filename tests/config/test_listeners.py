"""Listeners and routes as values."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface import alsoProvides

from balancer.config import HTTPListener, Pool, Route, TCPListener, UDPListener
from balancer.errors import ConfigError
from balancer.interfaces import IFilter, Kind, Matcher

SITE = Pool("site", backends=["a:1"])
API = Pool("api", backends=["a:1"])


def matches(session: object) -> bool:
    """A matcher that is a function."""
    return True


def unchanged(_filter: object, head: object, session: object) -> object:
    """A filter's method that leaves a head as it is."""
    return head


class Everything(Matcher):
    """A matcher that says it takes everything."""

    always = True

    def __call__(self, session: object) -> bool:
        return True


def test_a_pool_stands_for_one_route() -> None:
    """`pool` is short for a single route that takes everything."""
    listener = HTTPListener("tcp:80", pool=SITE)
    assert [(route.always, route.pool) for route in listener.routes] == [(True, SITE)]


def test_routes_keep_their_order() -> None:
    """Routes stand as written, and the pools in the order of their first use."""
    routes = [Route(matches, API), Route(matches, SITE), Route(matches, API), Route(pool=SITE)]
    listener = HTTPListener("tcp:80", routes=routes)
    assert listener.routes == tuple(routes)
    assert listener.pools == (API, SITE)


@pytest.mark.parametrize(("matcher", "always"), [(None, True), (matches, False), (Everything(), True)])
def test_always(matcher: object, always: bool) -> None:
    """A route takes everything without a matcher, or with one that says so."""
    assert Route(matcher, SITE).always is always  # type: ignore[arg-type]  # zope's promise, made by a callable


def test_one_filter_needs_no_list() -> None:
    """What is no filter is told as such, with or without a list around it."""
    with pytest.raises(ConfigError, match="Route to Pool 'site': filters: 5 does not provide IFilter"):
        Route(matches, SITE, filters=5)  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize("body", [{}, {"body": None}])
def test_filters_of_heads(body: dict[str, None]) -> None:
    """A filter that leaves bodies alone is taken, whether it says so or says nothing."""
    item: Any = type("Heads", (), {"request": unchanged, "response": unchanged, **body})()
    alsoProvides(item, IFilter)
    assert Route(matches, SITE, filters=item).filters == (item,)


def test_layer_four() -> None:
    """A TCP or UDP listener has one pool and says where it binds."""
    tcp, udp = TCPListener("tcp:5432:interface=127.0.0.1", pool=SITE), UDPListener("udp:53", pool=API)
    assert (tcp.kind, tcp.place, tcp.pools) == (Kind.TCP, ("127.0.0.1", 5432), (SITE,))
    assert (udp.kind, udp.place, udp.pools) == (Kind.UDP, ("", 53), (API,))


@pytest.mark.parametrize(("given", "requests"), [({}, None), ({"per_packet": True}, 1), ({"requests": 7}, 7)])
def test_each_datagram_alone_is_one_request(given: dict[str, Any], requests: int | None) -> None:
    """`per_packet` is another word for `requests=1`; without either, a flow takes any number."""
    assert UDPListener("udp:53", pool=API, **given).requests == requests


def test_a_wrong_pool_is_told_once() -> None:
    """Outside of a file too, what stands for a pool and is none is told by the listener alone."""
    with pytest.raises(ConfigError) as caught:
        HTTPListener("tcp:80", pool="site")  # type: ignore[arg-type]  # the mistake under test
    assert caught.value.mistakes == ("HTTPListener 'tcp:80': pool: 'site' is not a Pool; give the Pool object",)


def test_all_that_is_out_of_reach() -> None:
    """Every route after one that takes everything is told, and none before it."""
    routes = [Route(matches, API), Route(pool=SITE), Route(matches, API), Route(pool=API)]
    with pytest.raises(ConfigError) as caught:
        HTTPListener("tcp:80", routes=routes)
    assert [line.split("; ")[0] for line in caught.value.mistakes] == [
        "HTTPListener 'tcp:80': routes: route 3 is never reached",
        "HTTPListener 'tcp:80': routes: route 4 is never reached",
    ]
