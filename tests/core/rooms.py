"""A pool with limits, time, and sessions that wait in it, for the tests of both; holds no test itself."""

from __future__ import annotations

from typing import Any

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadlines
from balancer.core.limited_pool import LimitedPool
from balancer.core.pool import Lease, Wait
from balancer.core.session import Session
from balancer.errors import BalancerError
from balancer.interfaces import Kind
from tests.core.policies import Steered, Turns
from tests.core.virtual_time import VirtualTime

PATIENCE = 5.0
"""Seconds that a session waits."""


class Client:
    """A session and what becomes of it: `core.pool.Seeker`. `fate` is how its wait ended, told once."""

    def __init__(self, host: str, *tried: Backend) -> None:
        self.session = Session(Kind.TCP, (host, 1), 0.0, tried=list(tried))
        self.lease: Lease | None = None
        self.fates: list[str] = []
        self.wait: Wait | None = None

    def served(self, lease: Lease) -> None:
        self.lease = lease
        self.fates.append(lease.backend.name)

    def not_served(self, error: BalancerError) -> None:
        self.fates.append(error.reason)

    @property
    def fate(self) -> str:
        """How its wait ended."""
        (fate,) = self.fates
        return fate

    def end(self) -> None:
        """Give the backend back."""
        assert self.lease is not None
        self.lease.end()


class Rooms:
    """Backends a, b and so on, with so many places each, and clients on them and before them."""

    def __init__(self, *places: int | None, queue: int = 9, algorithm: Any = None, plan_b: Any = None) -> None:
        self.turns, self.time = Turns(look=0.0), VirtualTime()
        self.deadlines = Deadlines(self.time)
        self.algorithm = algorithm or Steered()
        self.backends = [self._backend("abcdef"[number], most) for number, most in enumerate(places)]
        self.pool = LimitedPool(
            "pool",
            self.backends,
            self.algorithm,
            ports=self.turns.ports(),
            deadlines=self.deadlines,
            queue=queue,
            queue_timeout=PATIENCE,
            on_policy_error=plan_b,
        )

    def client(self, host: str = "192.0.2.1", *tried: Backend) -> Client:
        """One that is served now. Raises what the pool raises."""
        client = Client(host, *tried)
        client.served(self.pool.pick(client.session))
        return client

    def waiting(self, host: str = "192.0.2.1", *tried: Backend) -> Client:
        """One that waits. Raises what the pool raises."""
        client = Client(host, *tried)
        client.wait = self.pool.wait(client.session, client)
        return client

    def turn(self, place: int, *, up: bool = True, draining: bool = False) -> None:
        """Health or control says something of a backend."""
        self.backends[place].become(up=up, draining=draining)
        self.pool.refresh()

    @property
    def counts(self) -> dict[str, int]:
        """Those that are not 0."""
        names = ("waiting", "longest_queue", "waited", "timed_out", "refused")
        return {name: getattr(self.pool, name) for name in names if getattr(self.pool, name)}

    def _backend(self, name: str, most: int | None) -> Backend:
        return Backend(name, f"{name}:80", (name, 80), seconds=self.time.seconds, max_connections=most)
