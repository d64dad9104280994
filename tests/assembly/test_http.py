"""What stands behind a listener of HTTP."""

from __future__ import annotations

from typing import Any

from balancer.config import HTTPListener, Pool, Retry, Route
from balancer.core.site import Destination
from balancer.plugins.matchers import Path
from tests.assembly.parts import assembled

SITE = Pool("site", backends=["127.0.0.1:80"], attempts=4, response_timeout=9)


def destinations(*routes: Route, **settings: Any) -> list[Destination]:
    """Where the routes of a listener lead."""
    ((_, listener),) = assembled(HTTPListener("tcp:80", routes=routes, **settings)).listeners
    site: Any = listener.factory.listening.site  # type: ignore[attr-defined]  # a stream listener has one
    return [route.target for route in site.routes._routes]  # noqa: SLF001  nobody else asks for all of them


def test_routes_share_the_connections_of_a_pool() -> None:
    """Two routes to a pool use the same kept connections, and each bounds bodies and silence as it says."""
    first, second = destinations(Route(Path("/a"), SITE, max_body=5, timeout=3), Route(pool=SITE), max_body=7)
    assert first.upstreams is second.upstreams
    assert (first.max_body, second.max_body, first.patience.total, second.patience.total) == (5, 7, 3, None)
    assert first.patience.first == 9


def test_what_is_tried_again() -> None:
    """A route says how often and for what, and one that does not has the attempts of its pool."""
    asked, always = destinations(Route(Path("/a"), SITE, retry=Retry(attempts=2, statuses=[503])), Route(pool=SITE))
    assert (asked.retries.policy.attempts, asked.retries.policy.statuses) == (2, frozenset({503}))
    assert (always.retries.policy.attempts, always.retries.policy.statuses) == (4, frozenset())
