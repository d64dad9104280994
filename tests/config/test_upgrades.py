"""What a user may say about changes of protocol, and is told when it is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import HTTPListener, Pool, Route, TCPListener, UDPListener
from balancer.errors import ConfigError

SITE = Pool("site", backends=["a:1"])


def matches(session: object) -> bool:
    """A matcher that is a function."""
    return True


def mistakes(make: Any, *given: Any, **settings: Any) -> tuple[str, ...]:
    """What is told of it."""
    with pytest.raises(ConfigError) as caught:
        make(*given, **settings)
    return caught.value.mistakes


def test_what_a_route_allows() -> None:
    """A route allows WebSocket unless it says otherwise; one name needs no list, and an empty one allows nothing."""
    assert Route(pool=SITE).upgrades == ("websocket",)
    assert Route(pool=SITE, upgrades="mqtt").upgrades == ("mqtt",)
    assert Route(pool=SITE, upgrades=["websocket", "connect-udp"]).upgrades == ("websocket", "connect-udp")
    assert Route(pool=SITE, upgrades=()).upgrades == ()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            "WebSocket",
            "'WebSocket' is not the name of a protocol in lower case; give one such as 'websocket'",
        ),
        ("foo/2", "'foo/2' is not the name of a protocol in lower case; give one such as 'websocket'"),
        ("", "'' is not the name of a protocol in lower case; give one such as 'websocket'"),
        (True, "True is not the name of a protocol in lower case; give one such as 'websocket'"),
        ("h2c", "'h2c' is HTTP itself, and would go past the routes; leave it out"),
        ("http", "'http' is HTTP itself, and would go past the routes; leave it out"),
        (["websocket", "websocket"], "'websocket' is there twice; give it once"),
    ],
)
def test_wrong_names(given: Any, line: str) -> None:
    """What is no name of a protocol that can be relayed is one line."""
    assert mistakes(Route, pool=SITE, upgrades=given) == (f"Route to Pool 'site': upgrades: {line}",)


def test_nothing_is_left_to_be_idle() -> None:
    """An idle time for upgraded connections is a mistake where no route allows any, or if it is no time."""
    nowhere = [Route(matches, SITE, upgrades=()), Route(pool=SITE, upgrades=())]
    assert mistakes(HTTPListener, "tcp:80", routes=nowhere, upgrade_idle=60) == (
        "HTTPListener 'tcp:80': upgrade_idle: would be ignored, for no route has upgrades; leave it out",
    )
    assert mistakes(HTTPListener, "tcp:80", pool=SITE, upgrade_idle=0) == (
        "HTTPListener 'tcp:80': upgrade_idle: 0 is not a positive number of seconds; give one such as 3600",
    )
    assert HTTPListener("tcp:80", routes=nowhere).upgrade_idle == 3600
    assert HTTPListener("tcp:80", routes=[nowhere[0], Route(pool=SITE)], upgrade_idle=60).upgrade_idle == 60


@pytest.mark.parametrize(("kind", "endpoint"), [(TCPListener, "tcp:81"), (UDPListener, "udp:81")])
def test_elsewhere_they_mean_nothing(kind: Any, endpoint: str) -> None:
    """Upgrades on the route of a listener that speaks no HTTP are a mistake."""
    line = "upgrades: would be ignored, for they are of HTTP connections; leave them out"
    assert mistakes(kind, endpoint, routes=Route(pool=SITE, upgrades="mqtt")) == (
        f"{kind.__name__} '{endpoint}': routes: route 1: {line}",
    )
