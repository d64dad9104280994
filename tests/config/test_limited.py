"""The limits of a listener in a config: none unless given, and what a user is told of those that cannot be meant."""

from __future__ import annotations

import pytest

from balancer.config import HTTPListener, Pool, TCPListener
from tests.config.conftest import Told

SITE = Pool("site", backends=["a:1"])
LIMITS = ("max_connections", "max_connections_per_source", "max_rate", "max_rate_per_source", "max_lifetime")
VAIN = "would be ignored, for nobody has an address on a unix socket; leave it out"
WRONG = {
    "'tcp:1', max_connections=0": "'tcp:1': max_connections: 0 is not a whole number of at least 1",
    "'tcp:1', max_connections_per_source=1.5": "'tcp:1': max_connections_per_source: 1.5 is not a whole number of at "
    "least 1",
    "'tcp:1', max_connections=2, max_connections_per_source=3": "'tcp:1': max_connections_per_source: 3 would be "
    "ignored, for max_connections is 2; give less, or leave it out",
    "'tcp:1', max_rate='2'": "'tcp:1': max_rate: '2' is not a positive number; give one such as 100",
    "'tcp:1', max_rate_per_source=0, max_rate=2": "'tcp:1': max_rate_per_source: 0 is not a positive number; "
    "give one such as 100",
    "'tcp:1', max_rate=0.5, max_rate_per_source=1": "'tcp:1': max_rate_per_source: 1 would be ignored, for max_rate "
    "is 0.5; give less, or leave it out",
    "'unix:/a', max_connections_per_source=1": f"'unix:/a': max_connections_per_source: {VAIN}",
    "'unix:/a', max_rate=2, max_rate_per_source=1": f"'unix:/a': max_rate_per_source: {VAIN}",
    "'tcp:1', max_lifetime=0": "'tcp:1': max_lifetime: 0 is not a positive number of seconds; give one such as 3600",
}


@pytest.mark.parametrize("kind", ["TCPListener", "HTTPListener"])
@pytest.mark.parametrize("given", WRONG)
def test_mistakes(told: Told, kind: str, given: str) -> None:
    """What is wrong with a limit, or would change nothing, is told in a line with what to do."""
    assert told(f"config = Config({kind}({given}, pool=Pool('site', backends=['a:1'])))") == [f"{kind} {WRONG[given]}"]


@pytest.mark.parametrize("kind", [TCPListener, HTTPListener])
def test_no_limit_unless_given(kind: type[TCPListener | HTTPListener]) -> None:
    """A listener has no limit of its own unless it is given one; the same number for one and for all is fine."""
    assert {getattr(kind("tcp:1", pool=SITE), name) for name in LIMITS} == {None}
    assert kind("tcp:1", pool=SITE, max_rate=2, max_rate_per_source=2).max_rate_per_source == 2
    assert kind("unix:/a", pool=SITE, max_connections=2, max_rate=0.5, max_lifetime=9).max_connections == 2
