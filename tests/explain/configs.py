"""Configs that questions are put to; holds no test itself."""

from __future__ import annotations

from typing import Any

from balancer.config import Backend, Config, HTTPListener, Listener, Pool, Route, TCPListener, UDPListener
from balancer.explain import Way, follow, lines_of, offline, question, told
from balancer.plugins.algorithms import First
from balancer.plugins.matchers import Path

SITE = Pool(
    "site",
    backends=[Backend("10.0.0.1:80", name="b1", max_connections=2), Backend("10.0.0.2:80", name="b2")],
    algorithm=First(),
)
API = Pool("api", backends=[Backend("10.0.1.1:80", name="b1"), Backend("api.example:80", name="b3")], algorithm=First())
NAMES = Pool("names", backends=[Backend("udp:10.0.2.1:53", name="d1")])


def site(*listeners: Listener, **settings: Any) -> Config:
    """A config of these listeners; without any, one for HTTP, one for connections and one for datagrams."""
    usual = (
        HTTPListener("tcp:8080", routes=[Route(Path("/api"), API), Route(pool=SITE)]),
        TCPListener("tcp:5432", pool=API),
        UDPListener("udp:53", pool=NAMES),
    )
    return Config(listeners or usual, **settings)


def asked(config: Config, line: str, **more: Any) -> Way:
    """The way of a question through a config."""
    standing = {name: more.pop(name) for name in ("down", "full", "draining") if name in more}
    return follow(offline(config, **standing), question(line, **more))


def text(config: Config, line: str, **more: Any) -> list[str]:
    """The same, as lines."""
    return lines_of(told(asked(config, line, **more)))
