"""How large requests may be: always bounded but for bodies, and no bound that another makes useless."""

from __future__ import annotations

import pytest

from balancer.config import HTTPListener, Pool, Route
from tests.config.conftest import Told

SITE = Pool("site", backends=["a:1"])
WHOLE = "is not a whole number of at least"
HTTP = {
    "max_line=63": f"max_line: 63 {WHOLE} 64",
    "max_head=10": f"max_head: 10 {WHOLE} 1024",
    "max_fields=0": f"max_fields: 0 {WHOLE} 1",
    "max_trailers=None": f"max_trailers: None {WHOLE} 64",
    "max_body=-1": f"max_body: -1 {WHOLE} 0",
    "max_body='1M'": f"max_body: '1M' {WHOLE} 0",
    "max_requests=0": f"max_requests: 0 {WHOLE} 1",
    "max_line=4096, max_head=4096": "max_line: 4096 would be ignored, for a whole head has max_head=4096 at most; "
    "give less, or leave it out",
}


@pytest.mark.parametrize(("given", "line"), HTTP.items())
def test_mistakes(told: Told, given: str, line: str) -> None:
    """What is wrong with a bound is told in a line."""
    assert told(f"config = Config(HTTPListener('tcp:1', pool=Pool('site', backends=['a:1']), {given}))") == [
        f"HTTPListener 'tcp:1': {line}"
    ]


def test_a_body_bound_that_no_route_leaves_room_for(told: Told) -> None:
    """The listener's would be ignored where every route has its own, and holds where one has none."""
    line = "HTTPListener 'tcp:1': max_body: would be ignored, for every route has its own; leave it out"
    text = "site = Pool('site', backends=['a:1'])\n"
    assert told(f"{text}config = Config(HTTPListener('tcp:1', routes=Route(None, site, max_body=1), max_body=2))") == [
        line
    ]
    routes = [Route(lambda _session: True, SITE, max_body=0), Route(pool=SITE)]
    assert HTTPListener("tcp:1", routes=routes, max_body=5).max_body == 5


@pytest.mark.parametrize("kind", ["TCP", "UDP"])
def test_bodies_are_of_http(told: Told, kind: str) -> None:
    """A bound for bodies is no use to those who have none."""
    text = f"{kind}Listener('{kind.lower()}:1', routes=Route(None, Pool('site', backends=['a:1']), max_body=1))"
    (line,) = told(f"config = Config({text})")
    assert line.endswith(
        f"route 1: max_body: would be ignored, for it bounds requests, of which {kind} has none; leave it out"
    )


def test_a_wrong_bound_of_a_route(told: Told) -> None:
    """It is told of the route."""
    text = "Route(None, Pool('site', backends=['a:1']), max_body=1.5)"
    assert told(f"config = Config(HTTPListener('tcp:1', routes={text}))") == [
        f"Route to Pool 'site': max_body: 1.5 {WHOLE} 0"
    ]


@pytest.mark.parametrize(("field", "least"), [("max_head", 1024), ("max_fields", 1), ("max_interim", 1)])
def test_answers_are_bounded_too(told: Told, field: str, least: int) -> None:
    """The bounds of what backends answer are those of their pool."""
    text = f"Pool('site', backends=['a:1'], {field}={least - 1})"
    assert told(f"config = Config(HTTPListener('tcp:1', pool={text}))") == [
        f"Pool 'site': {field}: {least - 1} {WHOLE} {least}"
    ]


def test_a_small_head_is_no_mistake() -> None:
    """The default for a line stands beside a smaller head, which then is what counts."""
    listener = HTTPListener("tcp:1", pool=SITE, max_head=2048)
    assert (listener.max_line, listener.max_head, listener.max_body, listener.max_requests) == (
        8192,
        2048,
        None,
        10_000,
    )
