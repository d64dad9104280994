"""A balancing algorithm of one's own: the value of a header chooses the backend.

Run it with `twist balancer --config examples/own_algorithm.py`, then `curl -H "Tenant: red" http://127.0.0.1:8080/`.
"""

from __future__ import annotations

import random as chance
from collections.abc import Sequence
from hashlib import blake2b

import attrs
from zope.interface import implementer

from balancer import Backend, Config, Health, HTTPListener, Pool
from balancer.demo import DemoBackends
from balancer.interfaces import IAlgorithm, IBackend, ISession, Picker
from balancer.plugins.health import HTTPCheck


@implementer(IAlgorithm)
@attrs.frozen
class ByHeader:
    """Requests that show the same value of a header go to the same backend; those that do not show it go to any."""

    header: str
    name: str = "by-header"

    def picker(self, backends: Sequence[IBackend], random: chance.Random) -> Picker:
        """Highest random weight: when a backend leaves, only the values that were its own move."""

        def pick(session: ISession) -> IBackend:
            value = session.request.get(self.header) if session.request else None
            if value is None:
                return random.choice(backends)
            return max(backends, key=lambda backend: blake2b(f"{value} {backend.name}".encode()).digest())

        return pick


web = Pool(
    "web",
    backends=[
        Backend("127.0.0.1:9001", name="b1"),
        Backend("127.0.0.1:9002", name="b2"),
        Backend("127.0.0.1:9003", name="b3"),
    ],
    algorithm=ByHeader("tenant"),
    health=Health(HTTPCheck("/healthz"), every=0.5),
)

config = Config(
    HTTPListener("tcp:8080:interface=127.0.0.1", pool=web),
    companions=[DemoBackends()],
)
