"""What is told of requests that did not fare well, and where it says that it happened."""

from __future__ import annotations

import pytest

from balancer.core.faults import Faults
from balancer.core.messages import END
from balancer.core.routes import Route, Routes
from balancer.core.site import Site
from balancer.errors import BalancerError, ConnectFailed, DownstreamGone, FilterFailed, NoRoute, UpstreamGone
from tests.core.stage import Stage


def site_of(stage: Stage, told: list[str]) -> Site:
    """One that tells what it has to say there."""
    routes = Routes([Route(None, stage.target)], Faults(lambda what, _error: told.append(what)))
    return Site(routes, stage.deadlines, stage.clock.seconds, told=told.append, later=stage.later)


def told(error: BalancerError | None, *, connected: bool) -> list[str]:
    """What is told when an exchange ends so."""
    stage, lines = Stage(), list[str]()
    site = site_of(stage, lines)
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


def test_what_ended_well_is_no_news() -> None:
    """An exchange without an error is none that did not fare well."""
    assert told(None, connected=True) == []


def test_a_filter_that_failed_is_counted_by_its_name() -> None:
    """What a stranger's code raised is a fault of its own, beside the request that it cost."""
    lines = list[str]()
    site = site_of(Stage(), lines)
    site.failed(FilterFailed("raised KeyError", named="filter Mine"), "192.0.2.1")
    refused = "500 filter-failed: filter Mine: raised KeyError, client 192.0.2.1, 1 so far"
    assert (site.faults.count, lines) == (1, ["filter Mine failed, 1 times so far", refused])
