"""A matcher of one's own: large uploads go to a backend of their own, where they hold nobody up.

Run it with `twist balancer --config examples/own_matcher.py`, then `curl -d hello http://127.0.0.1:8080/echo` and
`head -c 2000000 /dev/zero | curl --data-binary @- -o /dev/null -v http://127.0.0.1:8080/echo`.
"""

from __future__ import annotations

import attrs
from zope.interface import implementer

from balancer import Backend, Config, HTTPListener, Pool, Route
from balancer.demo import DemoBackends
from balancer.errors import ConfigError
from balancer.interfaces import IMatcher, ISession, Kind, Matcher
from balancer.plugins.matchers import Method


def _checked(_matcher: LargeBody, _attribute: object, size: int) -> None:
    if size < 0:
        raise ConfigError([f"LargeBody: more_than: {size!r} is less than nothing; write a number of bytes, or 0"])


@implementer(IMatcher)
@attrs.frozen
class LargeBody(Matcher):
    """Matches requests with a body of more than so many bytes, or of a size that only its end will tell."""

    more_than: int = attrs.field(validator=_checked)
    kinds = frozenset({Kind.HTTP})

    def matches(self, session: ISession) -> bool:
        if session.request is None:
            return False
        length = session.request.length
        return length is None or length > self.more_than


site = Pool("site", backends=[Backend("127.0.0.1:9001", name="b1"), Backend("127.0.0.1:9002", name="b2")])
uploads = Pool("uploads", backends=[Backend("127.0.0.1:9003", name="b3")])

config = Config(
    HTTPListener(
        "tcp:8080:interface=127.0.0.1",
        routes=[
            Route(Method("POST", "PUT") & LargeBody(1_000_000), uploads),
            Route(pool=site),
        ],
    ),
    companions=[DemoBackends()],
)
