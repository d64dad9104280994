"""What is told of requests that did not fare well, and where it says that it happened."""

from __future__ import annotations

import pytest

from balancer.core.messages import END
from balancer.core.routes import Route, Routes
from balancer.core.site import Site
from balancer.errors import BalancerError, ConnectFailed, DownstreamGone, NoRoute, UpstreamGone
from tests.core.stage import Stage


def told(error: BalancerError, *, connected: bool) -> list[str]:
    """What is told when an exchange ends so."""
    stage, lines = Stage(), list[str]()
    routes = Routes([Route(None, stage.target)])
    site = Site(routes, stage.deadlines, stage.clock.seconds, told=lines.append, later=stage.later)
    exchange = stage.asked(END)
    if connected:
        stage.connect()
    site.ended(exchange, error)
    return lines


@pytest.mark.parametrize(
    ("error", "connected", "line"),
    [
        (UpstreamGone("gone"), True, "502 upstream-gone: pool 'pool': backend 'b': gone, client 192.0.2.1, 1 so far"),
        (ConnectFailed("no"), False, "502 connect-failed: pool 'pool': no, client 192.0.2.1, 1 so far"),
        (NoRoute("none"), False, "404 no-route: none, client 192.0.2.1, 1 so far"),
    ],
)
def test_a_failure_says_where_it_happened(error: BalancerError, connected: bool, line: str) -> None:
    """Pool and backend are named where the backend is to blame and its name is not in the message."""
    assert told(error, connected=connected) == [line]


def test_a_client_that_left_is_no_news() -> None:
    """Nobody is told of those who did not wait."""
    assert told(DownstreamGone("left"), connected=True) == []
