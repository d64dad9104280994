"""Listeners of UDP as values."""

from __future__ import annotations

from typing import Any

import pytest
from zope.interface import implementer

from balancer.config import Backend, HTTPListener, Pool, Route, UDPListener
from balancer.errors import ConfigError
from balancer.interfaces import IFilter
from balancer.plugins.datagrams import DNSName
from balancer.plugins.flow_keys import QUICConnectionID, TokenKey
from balancer.plugins.matchers import Path

SITE = Pool("site", backends=["a:1"])
API = Pool("api", backends=["a:1"])


@pytest.mark.parametrize(("given", "requests"), [({}, None), ({"per_packet": True}, 1), ({"requests": 7}, 7)])
def test_each_datagram_alone_is_one_request(given: dict[str, Any], requests: int | None) -> None:
    """`per_packet` is another word for `requests=1`; without either, a flow takes any number."""
    assert UDPListener("udp:53", pool=API, **given).requests == requests


@implementer(IFilter)
class Shout:
    """Changes requests."""

    def request(self, head: Any, session: Any) -> Any:
        return head

    def response(self, head: Any, session: Any) -> Any:
        return head


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "version": ({"pool": API, "send_proxy": "v1"}, "send_proxy: 'v1' is not a choice; give 'v2'"),
    "key": ({"pool": API, "key": 7}, "key: 7 does not provide IFlowKey; give one such as QUICConnectionID()"),
    "requests": (
        {"pool": API, "key": TokenKey(0, 4), "requests": 2},
        "requests: would be ignored, for `key` keeps datagrams together; give one of them",
    ),
    "per_packet": (
        {"pool": API, "key": TokenKey(0, 4), "per_packet": True},
        "per_packet: would be ignored, for `key` keeps datagrams together; give one of them",
    ),
    "unknown backend": (
        {"pool": API, "key": QUICConnectionID(server_ids={"b9": b"1"})},
        (
            "key: QUICConnectionID(length=8, server_ids={'b9': b'1'}): no pool has a backend named 'b9'; "
            "write Backend(..., name='b9')"
        ),
    ),
    "nowhere": ({}, "routes: there is none; give routes=[...] or pool=..."),
    "both": (
        {"pool": API, "routes": [Route(DNSName("a"), SITE)]},
        "pool: cannot stand beside routes; give one of them",
    ),
    "of requests": (
        {"routes": [Route(Path("/v1"), SITE)]},
        ("routes: route 1: Path('/v1') never matches a flow; give a matcher such as DNSName('*.a.example')"),
    ),
    "filters": (
        {"routes": [Route(pool=SITE, filters=Shout())]},
        "routes: route 1: filters: would be ignored, for they change requests, of which UDP has none; leave them out",
    ),
    "never reached": (
        {"routes": [Route(pool=SITE), Route(DNSName("a"), API)]},
        "routes: route 2 is never reached; route 1 before it takes every flow",
    ),
}


@pytest.mark.parametrize(("given", "mistake"), MISTAKES.values(), ids=MISTAKES)
def test_what_would_be_ignored_or_cannot_be_is_told(given: dict[str, Any], mistake: str) -> None:
    """A setting that cannot do what it says is a mistake, in one line with the remedy."""
    with pytest.raises(ConfigError) as caught:
        UDPListener("udp:53", **given)
    assert list(caught.value.mistakes) == [f"UDPListener 'udp:53': {mistake}"]


def test_the_pools_are_those_of_its_routes() -> None:
    """A listener uses the pools that its routes lead to, each once, and backends there may be named by its key."""
    named = Pool("named", backends=[Backend("a:1", name="b1")])
    listener = UDPListener(
        "udp:53",
        routes=[Route(DNSName("*.a.example"), SITE), Route(DNSName("b.example"), named), Route(pool=SITE)],
        key=QUICConnectionID(server_ids={"b1": b"1"}),
        send_proxy="v2",
    )
    assert listener.pools == (SITE, named)


def test_matchers_of_datagrams_fit_no_request() -> None:
    """A route by datagrams on a listener of requests would never be taken, which is told."""
    with pytest.raises(ConfigError, match="never matches a request"):
        HTTPListener("tcp:80", routes=[Route(DNSName("a"), SITE)])
