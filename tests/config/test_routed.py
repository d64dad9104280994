"""Routes of a listener, whatever its kind: what it accepts, and what a user is told of the rest."""

from __future__ import annotations

import pytest

from balancer.config import Config, HTTPListener, Pool, Route, Routed, TCPListener
from balancer.plugins.first_bytes import SNI
from balancer.plugins.matchers import Path
from tests.config.conftest import Told

SITE, API = Pool("site", backends=["a:1"]), Pool("api", backends=["a:2"])
PRELUDE = """
from balancer.plugins.first_bytes import SNI, SSH
from balancer.plugins.matchers import Always, Host, Path
from balancer.interfaces import Kind, Matcher
class Flows(Matcher):
    kinds = {Kind.UDP}
    def __repr__(self): return 'Flows()'
class Odd(Flows):
    kinds = ("tcp",)
class Bounded(Matcher):
    def __init__(self, hosts): self.hosts = hosts
    def __repr__(self): return 'Bounded()'
site = Pool('site', backends=['a:1'])
"""
TCP, HTTP = "TCPListener 'tcp:1'", "HTTPListener 'tcp:1'"
LIKE = {TCP: "give a matcher such as SNI('a.example')", HTTP: "give a matcher such as Path('/v1')"}
WRONG = {
    "TCPListener('tcp:1')": f"{TCP}: routes: there is none; give routes=[...] or pool=...",
    "TCPListener('tcp:1', pool=5)": f"{TCP}: pool: 5 is not a Pool; give the Pool object",
    "TCPListener('tcp:1', pool=site, routes=Route(SSH(), site))": f"{TCP}: pool: cannot stand beside routes; "
    "give one of them",
    "TCPListener('tcp:1', routes=[site])": f"{TCP}: routes: Pool 'site' is not a Route; "
    "give one such as Route(SNI('a.example'), pool)",
    "TCPListener('tcp:1', routes=[Route(SSH(), site), Route(Always(), site), Route(pool=site)])": f"{TCP}: routes: "
    "route 3 is never reached; route 2 before it takes every connection",
    "TCPListener('tcp:1', routes=[Route(SSH(), site), Route(Path('/v1'), site)])": f"{TCP}: routes: "
    f"route 2: Path('/v1') never matches a connection; {LIKE[TCP]}",
    "TCPListener('tcp:1', routes=Route(Host('a.example') & SSH(), site))": f"{TCP}: routes: "
    f"route 1: (Host('a.example') & SSH()) never matches a connection; {LIKE[TCP]}",
    "HTTPListener('tcp:1', routes=Route(Flows(), site))": f"{HTTP}: routes: route 1: Flows() never matches "
    f"a request; {LIKE[HTTP]}",
    "HTTPListener('tcp:1', routes=Route(SSH(), site))": f"{HTTP}: routes: route 1: SSH() looks at the first bytes "
    f"of a TCP connection, which are not there for a request; {LIKE[HTTP]}",
    "TCPListener('tcp:1', routes=[Route(SSH(), site, name='x'), Route(pool=site, name='x')])": f"{TCP}: routes: "
    "two are named 'x'; give each its own name",
    "TCPListener('tcp:1', routes=Route(SSH(), site, name=''))": "Route '': name: '' is not text of one line; "
    "give a name in quotes",
    "TCPListener('tcp:1', routes=Route(SSH(), site, name=5))": "Route 5: name: 5 is not text of one line; "
    "give a name in quotes",
    "HTTPListener('tcp:1', routes=Route(Bounded('a.example'), site))": "Route to Pool 'site': matcher: Bounded(): "
    "hosts: 'a.example' is no set of hosts; give None, or names in lower case such as frozenset({'a.example'})",
    "HTTPListener('tcp:1', routes=Route(Path('/') & Bounded(5), site))": "Bounded(): hosts: 5 is no set of hosts; "
    "give None, or names in lower case such as frozenset({'a.example'})",
    "TCPListener('tcp:1', routes=Route(Odd(), site))": "Route to Pool 'site': matcher: kinds: 'tcp' is not a Kind; "
    "give Kind.TCP, Kind.UDP or Kind.HTTP, from balancer.interfaces",
}


@pytest.mark.parametrize("listener", WRONG)
def test_mistakes(told: Told, listener: str) -> None:
    """What is wrong with the routes of a listener is told in a line that says what to write."""
    assert told(f"{PRELUDE}config = Config({listener})") == [WRONG[listener]]


@pytest.mark.parametrize("kind", [TCPListener, HTTPListener])
def test_a_pool_stands_for_one_route(kind: type[Routed]) -> None:
    """`pool` is short for a single route that takes everything."""
    assert [(route.matcher, route.pool) for route in kind("tcp:1", pool=SITE).routes] == [(None, SITE)]


@pytest.mark.parametrize("matcher", [~Path("/v1"), Path("/v1") | SNI("a.example"), lambda _: True])
def test_what_may_match_is_left_alone(matcher: object) -> None:
    """A matcher that can match a connection one way or another, or does not say, is taken."""
    route = Route(matcher, API)  # type: ignore[arg-type]  # zope's promise, made by a callable
    assert TCPListener("tcp:1", routes=[route, Route(pool=SITE)]).routes[0] is route


def test_all_pools_are_seen() -> None:
    """Every pool of every route of a TCP listener is in use, and greeted as its listener says."""
    listener = TCPListener("tcp:1", routes=[Route(SNI("a.example"), API), Route(pool=SITE)], send_proxy="v2")
    config = Config(listener)
    assert (listener.pools, config.pools) == ((API, SITE), (API, SITE))
    assert [config.send_proxy(pool) for pool in config.pools] == ["v2", "v2"]
    assert all("keepalive" in config.unheeded(pool) for pool in config.pools)
