"""Listeners of HTTP as values."""

from __future__ import annotations

import pytest

from balancer.config import HTTPListener, Pool, Route
from balancer.errors import ConfigError

SITE = Pool("site", backends=["a:1"])
API = Pool("api", backends=["a:1"])


def matches(session: object) -> bool:
    """A matcher that is a function."""
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


def passed(head: object, session: object) -> object:
    """A filter that is a function."""
    return head


def test_filters_have_a_time() -> None:
    """The time for filters is 5 seconds, or another one where there are filters to keep it."""
    assert HTTPListener("tcp:80", pool=SITE).filter_timeout == 5
    assert HTTPListener("tcp:80", routes=Route(matches, SITE, filters=passed), filter_timeout=9).filter_timeout == 9
    with pytest.raises(ConfigError, match="filter_timeout: 0 is not a positive number of seconds; give one such as 5"):
        HTTPListener("tcp:80", routes=Route(matches, SITE, filters=passed), filter_timeout=0)
    with pytest.raises(ConfigError) as caught:
        HTTPListener("tcp:80", pool=SITE, filter_timeout=9)
    (line,) = caught.value.mistakes
    assert line.endswith("filter_timeout: would be ignored, for no route has filters; leave it out")
