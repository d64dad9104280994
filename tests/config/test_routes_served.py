"""Routes that lead elsewhere than to a pool: to a listener inside them, or nowhere."""

from __future__ import annotations

import pytest

from balancer.config import Config, HTTPListener, Pool, Route, TCPListener
from balancer.interfaces import Kind
from balancer.plugins.first_bytes import HTTP1, SNI, SSH
from tests.config.conftest import Told

SITE, API, SHELL = (Pool(name, backends=[f"{name}:1"]) for name in ("site", "api", "shell"))
PRELUDE = """
from balancer.plugins.first_bytes import SSH
from balancer.plugins.matchers import Path
site = Pool('site', backends=['a:1'])
web = HTTPListener(pool=site)
"""
OUTSIDE = "give it to the listener around this one"
LIKE = "give one such as HTTPListener(tls=TLS('/etc/balancer/certs'), pool=site)"
WRONG = {
    "Route(SSH())": "Route: pool: is missing; give the Pool object, or a filter that answers itself, "
    "such as Respond(404)",
    "Route(SSH(), site, serve=web)": "Route to HTTPListener: serve: cannot stand beside pool; give one of them",
    "Route(SSH(), site, refuse=True)": "Route to Pool 'site': refuse: cannot stand beside pool; give one of them",
    "Route(SSH(), serve=web, refuse=True)": "Route to HTTPListener: refuse: cannot stand beside serve; "
    "give one of them",
    "Route(SSH(), site, refuse='yes')": "Route to Pool 'site': refuse: 'yes' is not a choice; give True or False",
    "Route(SSH(), serve=site)": f"Route: serve: Pool 'site' is not a Listener; {LIKE}",
    "Route(SSH(), serve=UDPListener(pool=site))": "Route to UDPListener: serve: UDPListener takes datagrams, "
    f"not connections; {LIKE}",
    "Route(SSH(), serve=HTTPListener('tcp:2', pool=site))": "Route to HTTPListener 'tcp:2': serve: "
    "HTTPListener 'tcp:2': its endpoint would be ignored, for the route's is the one bound; leave it out",
}
OF_A_PORT = {
    "reuse_port": "True",
    "accept_proxy": "'10.0.0.0/8'",
    "proxy": "'optional'",
    "proxy_timeout": "5",
    "max_connections": "5",
    "max_connections_per_source": "5",
    "max_rate": "5",
    "max_rate_per_source": "5",
}


@pytest.mark.parametrize("route", WRONG)
def test_mistakes(told: Told, route: str) -> None:
    """A route leads to one place that can take connections; all else is told in a line."""
    assert told(f"{PRELUDE}config = Config(TCPListener('tcp:1', routes={route}))") == [WRONG[route]]


@pytest.mark.parametrize("setting", OF_A_PORT)
def test_what_only_a_bound_port_has(told: Told, setting: str) -> None:
    """A listener inside a route cannot have what is decided before its routes are asked."""
    inside = f"HTTPListener(pool=site, {setting}={OF_A_PORT[setting]})"
    lines = told(f"{PRELUDE}config = Config(TCPListener('tcp:1', routes=Route(SSH(), serve={inside})))")
    assert lines == [f"HTTPListener: {setting}: would be ignored without an endpoint; {OUTSIDE}"]


@pytest.mark.parametrize("setting", ["idle=5", "linger=5", "send_proxy='v1'", "max_lifetime=5"])
def test_what_only_a_relay_has(told: Told, setting: str) -> None:
    """A listener that relays nothing itself cannot say how it would."""
    listener = f"TCPListener('tcp:1', routes=[Route(SSH(), serve=web), Route(refuse=True)], {setting})"
    why = "would be ignored, for no route has a pool; give it to the listener that serves"
    assert told(f"{PRELUDE}config = Config({listener})") == [f"TCPListener 'tcp:1': {setting.partition('=')[0]}: {why}"]


@pytest.mark.parametrize(("setting", "value"), [("serve", "web"), ("refuse", "True")])
def test_only_connections_turn_off(told: Told, setting: str, value: str) -> None:
    """A route of requests, or of datagrams, leads to a pool."""
    for listener in ("HTTPListener('tcp:1', ", "UDPListener('udp:1', "):
        kind = "HTTPListener 'tcp:1'" if "HTTP" in listener else "UDPListener 'udp:1'"
        lines = told(f"{PRELUDE}config = Config({listener}routes=Route({setting}={value})))")
        assert lines == [f"{kind}: routes: route 1: {setting}: is for the connections of a TCPListener; give a pool"]


def test_who_is_bound_has_an_endpoint(told: Told) -> None:
    """A listener that stands in no route says where it binds."""
    lines = told(f"{PRELUDE}config = Config(web)")
    assert lines == ["Config: listeners: HTTPListener has no endpoint; give it one, such as 'tcp:8080'"]


def test_what_is_inside_is_seen() -> None:
    """The pools of listeners inside routes are in use, each for what is served there."""
    plain = TCPListener(pool=SHELL, send_proxy="v1")
    inside = TCPListener(routes=[Route(HTTP1(), serve=HTTPListener(pool=API)), Route(serve=plain)])
    listener = TCPListener("tcp:1", routes=[Route(SNI("a.example"), SITE), Route(SSH(), serve=inside)])
    config = Config(listener)
    assert [one.kind for one in listener.within] == [Kind.TCP, Kind.HTTP, Kind.TCP]
    assert config.all_listeners == (listener, *listener.within)
    assert (listener.pools, listener.all_pools, config.pools) == ((SITE,), (SITE, API, SHELL), (SITE, API, SHELL))
    assert [config.send_proxy(pool) for pool in config.pools] == [None, None, "v1"]
    assert [("keepalive" in config.unheeded(pool)) for pool in config.pools] == [True, False, True]


def test_mistakes_of_pools_that_are_used_inside(told: Told) -> None:
    """A pool that greets in one listener and not in another is a mistake wherever these are."""
    inside = "Route(serve=TCPListener(pool=site, send_proxy='v1'))"
    (line,) = told(f"{PRELUDE}config = Config(TCPListener('tcp:1', routes=[Route(SSH(), site), {inside}]))")
    assert line.startswith("Pool 'site': the listeners that use it disagree on send_proxy")
