"""A pool as in production, and its rules of who is eligible, on a clock that the test moves; opens no connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from twisted.internet.task import Clock

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadlines
from balancer.core.limited_pool import LimitedPool
from balancer.core.pickers import Ports
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.interfaces import Kind

PATIENCE = 10.0
"""Seconds that a session waits for room."""


class _Alarm:
    """Wakes deadlines up by a clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self.seconds = clock, clock.seconds

    def wake_after(self, seconds: float, call: Callable[[], None]) -> None:
        """See `core.deadlines.Alarm`."""
        self._clock.callLater(seconds, call)


class MemoryPool:
    """What an algorithm meets in production: `pool` with `backends` b0, b1 and so on of these weights, on `clock`.

    Each takes `limit` sessions at once, if that is not None; `queue` more may wait then. `faults` are what the pool had
    to contain so far: what failed, and the exception. All chance comes from `seed`.
    """

    def __init__(
        self,
        algorithm: Any,
        weights: Iterable[float] = (1, 1, 1),
        *,
        seed: int = 0,
        limit: int | None = None,
        queue: int = 8,
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.faults: list[tuple[str, BaseException]] = []
        self.backends: Sequence[Backend] = tuple(
            self._backend(place, weight, limit) for place, weight in enumerate(weights)
        )
        self.pool = self._made(algorithm, Random(seed), None if limit is None else queue)
        self.turn()

    def _backend(self, place: int, weight: float, limit: int | None) -> Backend:
        host = f"192.0.2.{place % 254 + 1}"
        return Backend(
            f"b{place}",
            f"{host}:{8000 + place}",
            (host, 8000 + place),
            seconds=self.clock.seconds,
            weight=weight,
            zone=("east", "west")[place % 2],
            tags=["even"] if place % 2 == 0 else ["odd"],
            max_connections=limit,
        )

    def _made(self, algorithm: Any, random: Random, queue: int | None) -> Pool:
        later: Callable[[Callable[[], None]], object] = lambda call: self.clock.callLater(0, call)  # noqa: E731  typed
        ports = Ports(random, self.clock.seconds, later, lambda what, error: self.faults.append((what, error)))
        if queue is None:
            return Pool("tested", self.backends, algorithm, ports=ports)
        deadlines = Deadlines(_Alarm(self.clock))
        limits: dict[str, Any] = {"deadlines": deadlines, "queue": queue, "queue_timeout": PATIENCE}
        return LimitedPool("tested", self.backends, algorithm, ports=ports, **limits)

    def session(self, client: str = "198.51.100.1", port: int = 40000) -> Session:
        """A TCP session of that client, as of now."""
        return Session(Kind.TCP, (client, port), self.clock.seconds())

    def pick(self, session: Session | None = None) -> Lease:
        """Choose for this session. Raises `NoBackend`, `PoolFull` or `PolicyFailed` as the pool does."""
        return self.pool.pick(session or self.session())

    def turn(self) -> None:
        """Let everything happen that needs no time."""
        self.clock.advance(0)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    def rebuild(self) -> None:
        """Have the picker made anew, as after every change of who is eligible."""
        self.pool.refresh()
        self.turn()

    def set_up(self, *backends: Backend, up: bool) -> None:
        """Have health say so of these."""
        for backend in backends:
            backend.up = up
        self.rebuild()

    def set_weight(self, backend: Backend, weight: float) -> None:
        """Have an operator change a weight."""
        backend.own_weight = weight
        self.rebuild()
