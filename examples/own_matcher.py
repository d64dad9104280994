"""A matcher of one's own: requests that only read go to the replicas, all others to the primary.

Run it with `twist balancer --config examples/own_matcher.py`, then `curl http://127.0.0.1:8080/headers` and
`curl -d hello http://127.0.0.1:8080/echo`.
"""

from __future__ import annotations

import attrs
from zope.interface import implementer

from balancer import Backend, Config, HTTPListener, Pool, Route
from balancer.demo import DemoBackends
from balancer.errors import ConfigError
from balancer.interfaces import IMatcher, ISession, Matcher
from balancer.plugins.matchers import Path


def _checked(_matcher: Method, _attribute: object, methods: tuple[str, ...]) -> None:
    for method in methods:
        if method != method.upper():
            raise ConfigError([f"Method: methods: {method!r} is not in capitals; write {method.upper()!r}"])


@implementer(IMatcher)
@attrs.frozen
class Method(Matcher):
    """Matches requests with one of these methods; `Matcher` gives it `&`, `|` and `~`."""

    methods: tuple[str, ...] = attrs.field(validator=_checked)

    def matches(self, session: ISession) -> bool:
        return session.request is not None and session.request.method in self.methods


primary = Pool("primary", backends=[Backend("127.0.0.1:9001", name="b1")])
replicas = Pool("replicas", backends=[Backend("127.0.0.1:9002", name="b2"), Backend("127.0.0.1:9003", name="b3")])

config = Config(
    HTTPListener(
        "tcp:8080:interface=127.0.0.1",
        routes=[
            Route(Method(("GET", "HEAD")) & ~Path("/admin"), replicas),
            Route(pool=primary),
        ],
    ),
    companions=[DemoBackends()],
)
