"""Whatever is to be simulated, it is a pool and what comes to it."""

from __future__ import annotations

from typing import Any

import pytest

from balancer import Config, HTTPListener, Pool, Route, TCPListener, UDPListener
from balancer.config import Retry
from balancer.errors import ConfigError
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.matchers import Path
from balancer.testing.simulation.subjects import subject_of

SITE = Pool("site", backends=["127.0.0.1:1"])
DATABASE = Pool("database", backends=["127.0.0.1:2"])
NAMES = Pool("names", backends=["127.0.0.1:3"])
RETRIED = Route(pool=SITE, retry=Retry(attempts=2))
CONFIG = Config(
    [
        HTTPListener("tcp:80", routes=[RETRIED]),
        TCPListener("tcp:81", pool=DATABASE),
        UDPListener("udp:53", pool=NAMES),
    ]
)


def test_an_algorithm_has_ten_backends() -> None:
    """An algorithm by itself balances ten backends alike, for HTTP."""
    subject = subject_of(RoundRobin())
    assert [backend.name for backend in subject.pool.backends] == [f"b{number}" for number in range(1, 11)]
    assert (subject.pool.algorithm, type(subject.listener)) == (RoundRobin(), HTTPListener)


def test_a_pool_by_itself_serves_http() -> None:
    """A pool is taken as it is."""
    subject = subject_of(SITE)
    assert (subject.pool, subject.route.pool, type(subject.listener)) == (SITE, SITE, HTTPListener)


def test_a_pool_of_a_config_comes_with_its_route() -> None:
    """A pool of a config has the listener and the route that lead to it, and so their time-outs and retries."""
    assert subject_of(CONFIG, "site").route is RETRIED
    assert type(subject_of(CONFIG, "database").listener) is TCPListener
    assert subject_of(Config([HTTPListener("tcp:80", routes=[Route(Path("/"), SITE)])])).pool is SITE


@pytest.mark.parametrize(
    ("given", "name", "line"),
    [
        (CONFIG, None, "there are the pools site, database, names; say which, by its name"),
        (CONFIG, "shop", "pool: 'shop' is not in use; give one of site, database, names"),
        (CONFIG, "names", "Pool 'names': it serves datagrams alone; only requests and connections can be simulated"),
        (SITE, "site", "pool: 'site' would be ignored, for no config is given; leave it out"),
        (3, None, "3 cannot be simulated; give an algorithm such as RoundRobin(), a Pool or a Config"),
    ],
)
def test_mistakes_are_told(given: Any, name: str | None, line: str) -> None:
    """What cannot be simulated is refused, in a line that says what to give."""
    with pytest.raises(ConfigError) as caught:
        subject_of(given, name)
    assert caught.value.mistakes == (f"simulate: {line}",)
