"""The table of time-outs: every one there is, with what holds for this config."""

from __future__ import annotations

import re

import attrs
import pytest

import balancer
from balancer import TLS, Agent, Config, Health, HTTPListener, Pool, Retry, Route, TCPListener, UDPListener
from balancer.config import Backend
from balancer.plugins.first_bytes import SNI
from balancer.plugins.matchers import Path
from balancer.timeouts import BOUNDS, timeouts


async def well(target: object) -> None:
    """A health check that is a function."""


SITE = Pool(
    "site", backends=[Backend("a:1", max_connections=5)], health=Health(well, timeout=1.5), agent=Agent(9, timeout=0.5)
)
DATABASE = Pool("database", backends=["a:1"])
ROUTES = [Route(Path("/v1"), SITE, timeout=300), Route(pool=SITE, retry=Retry(per_try_timeout=2))]
CONFIG = Config(
    [
        HTTPListener("tcp:80", routes=ROUTES, max_lifetime=3600),
        TCPListener("tcp:5432", pool=DATABASE, accept_proxy="10.0.0.0/8"),
        TCPListener("tcp:443", tls=TLS("certs"), routes=[Route(SNI("a.example"), DATABASE)]),
        UDPListener("udp:53", pool=Pool("dns", backends=["a:53"])),
    ]
)
NOUNS = [getattr(balancer, name) for name in balancer.__all__]
TIMES = re.compile(r".*timeout|.*idle|linger|half_closed|max_lifetime|drain")


def test_the_whole_table() -> None:
    """Each time-out that holds is a line: of what it is, its setting, its seconds and what it bounds."""
    rows = [re.split(r"  +", line) for line in timeouts(CONFIG)]
    assert rows[0] == ["TIME-OUT OF", "SETTING", "SECONDS", "BOUNDS"]
    assert [" ".join(row[:3]) for row in rows[1:]] == [
        "HTTPListener 'tcp:80' request_timeout 10",
        "HTTPListener 'tcp:80' body_timeout 30",
        "HTTPListener 'tcp:80' idle 75",
        "HTTPListener 'tcp:80' half_closed 1",
        "HTTPListener 'tcp:80' upgrade_idle 3600",
        "HTTPListener 'tcp:80' max_lifetime 3600",
        "HTTPListener 'tcp:80', route 1 timeout 300",
        "HTTPListener 'tcp:80', route 2 timeout off",
        "HTTPListener 'tcp:80', route 2, Retry per_try_timeout 2",
        "TCPListener 'tcp:5432' idle 600",
        "TCPListener 'tcp:5432' linger 30",
        "TCPListener 'tcp:5432' proxy_timeout 3",
        "TCPListener 'tcp:5432' max_lifetime off",
        "TCPListener 'tcp:443' peek_timeout 3",
        "TCPListener 'tcp:443' idle 600",
        "TCPListener 'tcp:443' linger 30",
        "TCPListener 'tcp:443' max_lifetime off",
        "TCPListener 'tcp:443', TLS handshake_timeout 10",
        "UDPListener 'udp:53' idle 60",
        "Pool 'site' queue_timeout 5",
        "Pool 'site' connect_timeout 5",
        "Pool 'site' response_timeout 60",
        "Pool 'site' stall_timeout 60",
        "Pool 'site' keepalive_timeout 4",
        "Pool 'site', Health timeout 1.5",
        "Pool 'site', Agent timeout 0.5",
        "Pool 'database' connect_timeout 5",
        "Config drain 30",
    ]
    assert rows[1][3] == "a request head, from its first byte to its last"
    assert all(len(row) == 4 for row in rows)


def test_what_no_route_allows_has_no_time_out() -> None:
    """Where no route lets connections change to another protocol, there is no time-out of such."""
    table = "\n".join(timeouts(Config(HTTPListener("tcp:80", routes=Route(pool=SITE, upgrades=())))))
    assert "upgrade_idle" not in table


def test_what_is_served_inside() -> None:
    """A listener inside a route has its time-outs, and one that relays nothing itself has none of relays."""
    web = HTTPListener(pool=SITE, upgrade_idle=5)
    table = list(timeouts(Config(TCPListener("tcp:443", routes=Route(SNI("a.example"), serve=web)))))
    rows = [" ".join(re.split(r"  +", line)[:3]) for line in table]
    assert rows[1:3] == [
        "TCPListener 'tcp:443' peek_timeout 3",
        "TCPListener 'tcp:443', route 1, HTTPListener request_timeout 10",
    ]
    assert "TCPListener 'tcp:443', route 1, HTTPListener upgrade_idle 5" in rows
    assert "TCPListener 'tcp:443', route 1, HTTPListener, route 1 timeout off" in rows
    assert not any("proxy_timeout" in row for row in rows)


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__)
def test_no_time_out_is_forgotten(noun: type[attrs.AttrsInstance]) -> None:
    """Every setting that is a time-out by its name is in the table."""
    names = {field.name for field in attrs.fields(noun) if TIMES.fullmatch(field.name)}
    assert names == set(BOUNDS.get(noun, ()))
