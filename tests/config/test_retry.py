"""Retries as values, what is told of wrong ones, and what a pool says of its connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from balancer.config import Backend, Config, HTTPListener, Pool, Retry, Route, TCPListener
from balancer.errors import ConfigError

SETTINGS = {
    "attempts=1": "attempts: 1 is not a whole number of at least 2",
    "statuses=200": "statuses: 200 is not one of a failure; give some of 400 to 599, such as 503",
    "statuses=['503']": "statuses: '503' is not one of a failure; give some of 400 to 599, such as 503",
    "methods='get'": "methods: 'get' is not a method; give one in capital letters, such as 'GET'",
    "methods=[5]": "methods: 5 is not a method; give one in capital letters, such as 'GET'",
    "methods=[]": "methods: there is none; give at least one, or leave retry out",
    "per_try_timeout=0.001": "per_try_timeout: 0.001 is less than 0.01 seconds; give one such as 2",
    "backoff=-1": "backoff: -1 is not a positive number of seconds; give one such as 0.025, or 0",
    "budget=20": "budget: 20 is not a share; give a number from 0 to 1",
    "budget_floor=-1": "budget_floor: -1 is not a whole number of at least 0",
    "budget=0, budget_floor=0": "budget: 0 with budget_floor=0 allows no retry; give more, or leave retry out",
    "body=-1": "body: -1 is not a whole number of at least 0",
    "attempt_header='x-forwarded-for'": "attempt_header: 'x-forwarded-for' is not a field to add; "
    "give one such as 'x-attempt'",
    "attempt_header=5": "attempt_header: 5 is not a field to add; give one such as 'x-attempt'",
    "hedge=0": "hedge: 0 is not a positive number of seconds; give one such as 0.2",
    "hedge=1, methods='POST'": "hedge: would be ignored, for none of the methods is safe; leave it out",
    "hedge=2, per_try_timeout=1.5": "hedge: would be ignored, for per_try_timeout=1.5 is over before; give less",
}
ROUTES = {
    "site, retry=3": "Route to Pool 'site': retry: 3 is not a Retry; give one such as Retry(statuses=[503])",
    "once, retry=Retry()": "Route to Pool 'once': retry: would be ignored, for Pool 'once' has attempts=1; "
    "give Retry(attempts=...)",
    "once, retry=Retry(attempts=2, per_try_timeout=9)": "Route to Pool 'once': retry: per_try_timeout: would be "
    "ignored, for Pool 'once' has response_timeout=5; give less",
    "once, retry=Retry(attempts=2, hedge=5)": "Route to Pool 'once': retry: hedge: would be ignored, "
    "for Pool 'once' has response_timeout=5; give less",
    "site, timeout=1, retry=Retry(per_try_timeout=1)": "Route to Pool 'site': retry: per_try_timeout: would be "
    "ignored, for the route has timeout=1; give less",
    "None, retry=Retry(attempts=2)": "Route: pool: is missing; "
    "give the Pool object, or a filter that answers itself, such as Respond(404)",
}
POOLS = {
    "max_age=0": "max_age: 0 is not a positive number of seconds; give one such as 3600",
    "max_uses=0": "max_uses: 0 is not a whole number of at least 1",
    "warm=-1": "warm: -1 is not a whole number of at least 0",
    "warm=33": "warm: 33 is more than keepalive=32, which would be closed; give less",
    "max_uses=5, keepalive=0": "max_uses: would be ignored, for keepalive=0 keeps no connection; leave it out",
}
PRELUDE = """
from balancer import Retry
site = Pool('site', backends=['a:1'])
once = Pool('once', backends=['a:1'], attempts=1, response_timeout=5)
"""


@pytest.mark.parametrize(("given", "line"), SETTINGS.items())
def test_of_retries(told: Callable[[str], list[str]], given: str, line: str) -> None:
    """A wrong setting of a retry is one line."""
    route = f"Route(pool=site, retry=Retry({given}))"
    assert told(f"{PRELUDE}config = Config(HTTPListener('tcp:80', routes={route}))") == [f"Retry: {line}"]


@pytest.mark.parametrize(("given", "line"), ROUTES.items())
def test_of_routes(told: Callable[[str], list[str]], given: str, line: str) -> None:
    """A retry that its route's pool leaves nothing of is one line."""
    assert told(f"{PRELUDE}config = Config(HTTPListener('tcp:80', routes=Route(pool={given})))") == [line]


@pytest.mark.parametrize(("given", "line"), POOLS.items())
def test_of_pools(told: Callable[[str], list[str]], given: str, line: str) -> None:
    """A wrong setting of how connections are kept is one line."""
    text = f"config = Config(HTTPListener('tcp:80', pool=Pool('site', backends=['a:1'], {given})))"
    assert told(text) == [f"Pool 'site': {line}"]


def test_what_is_not_http_is_not_tried_again(told: Callable[[str], list[str]]) -> None:
    """Retries of a route of TCP would be ignored, which is a mistake."""
    line = "retry: would be ignored, for only HTTP requests are tried again; leave it out"
    text = f"{PRELUDE}config = Config(TCPListener('tcp:80', routes=Route(pool=site, retry=Retry())))"
    assert told(text) == [f"TCPListener 'tcp:80': routes: route 1: {line}"]


def test_a_single_status_or_method_needs_no_list() -> None:
    """A status, or a method, may stand by itself; without methods it is left to HTTP which may be sent twice."""
    retry = Retry(statuses=503, methods="GET", backoff=0)
    assert (retry.statuses, retry.methods, retry.backoff) == ((503,), ("GET",), 0)
    assert Retry().methods is None


def both(**limits: Any) -> Backend:
    """A backend with these limits."""
    return Backend("a:1", **limits)


def test_one_limit_by_two_names() -> None:
    """`max_requests` is the limit of a backend for HTTP, by another name, and not beside the other."""
    assert (both().limit, both(max_connections=3).limit, both(max_requests=4).limit) == (None, 3, 4)
    assert Pool("site", backends=[both(max_requests=4)]).limited
    with pytest.raises(ConfigError, match="max_requests: cannot stand beside max_connections, which is the same"):
        both(max_requests=4, max_connections=4)
    with pytest.raises(ConfigError, match="max_requests: 0 is not a whole number"):
        both(max_requests=0)


def test_requests_are_counted_for_http_alone() -> None:
    """A pool that a listener of TCP uses has connections, and its limit has to say so."""
    site = Pool("site", backends=[both(max_requests=4)])
    assert Config(HTTPListener("tcp:80", pool=site)).pools == (site,)
    with pytest.raises(ConfigError) as caught:
        Config([HTTPListener("tcp:80", pool=site), TCPListener("tcp:81", routes=Route(pool=site))])
    assert caught.value.mistakes == (
        "Pool 'site': backends: Backend 'a:1': max_requests counts HTTP requests alone; give max_connections",
    )
