"""A pool as in production, and its rules of who is eligible, on a clock that the test moves; opens no connection."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from random import Random
from typing import Any

import attrs
from twisted.internet.task import Clock

from balancer.assembly.ejection import rules
from balancer.config import Ejection, SlowStart
from balancer.core.backend import Backend
from balancer.core.deadlines import Deadlines
from balancer.core.limited_pool import LimitedPool
from balancer.core.outliers import Change, Outliers
from balancer.core.pickers import Ports
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.core.slow_start import Curve
from balancer.interfaces import Kind
from balancer.testing.ending import Ending, EndlessPicker

PATIENCE = 10.0
"""Seconds that a session waits for room."""

MOST_CHANGES = 16


class _Alarm:
    """Wakes deadlines up by a clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self.seconds = clock, clock.seconds

    def wake_after(self, seconds: float, call: Callable[[], None]) -> None:
        """See `core.deadlines.Alarm`."""
        self._clock.callLater(seconds, call)


class MemoryPool:
    """What an algorithm meets in production: `pool` with `backends` b0, b1 and so on of these weights, on `clock`.

    Each takes `limit` sessions at once, if that is not None; `queue` more may wait then. `tiers` are theirs in order;
    whoever it has none for is of tier 0. `failure_hold`, `spill`, `panic`, `slow_start` and `ejection` are as in a
    config's `Pool`; what is not given is not done.
    `faults` are what the pool had to contain so far: what failed, and the exception. `changes` are what it has done by
    a rule of its own lately, in words. All chance comes from `seed`. Raises `EndlessPicker`, here and whenever a picker
    is made, if there is no end to that.
    """

    def __init__(
        self,
        algorithm: Any,
        weights: Iterable[float] = (1, 1, 1),
        *,
        seed: int = 0,
        limit: int | None = None,
        queue: int = 8,
        tiers: Iterable[int] = (),
        failure_hold: float | None = None,
        spill: float | None = None,
        panic: float | None = None,
        slow_start: SlowStart | None = None,
        ejection: Ejection | None = None,
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.faults: list[tuple[str, BaseException]] = []
        self.changes: deque[str] = deque(maxlen=MOST_CHANGES)
        pairs = zip(weights, chain(tiers, repeat(0)), strict=False)
        self.backends: Sequence[Backend] = tuple(
            self._backend(place, weight, tier, limit) for place, (weight, tier) in enumerate(pairs)
        )
        curve = None if slow_start is None else Curve(**attrs.asdict(slow_start))
        sharing = {"failure_hold": failure_hold, "spill": spill, "panic": panic, "slow_start": curve}
        self.pool = self._made(Ending(algorithm), Random(seed), None if limit is None else queue, sharing)
        if ejection is not None:
            ruled = rules(ejection.within(len(self.backends)))
            Outliers(ruled, self.pool, later=self.clock.callLater, told=self._ejected).start()
        self.turn()

    def _backend(self, place: int, weight: float, tier: int, limit: int | None) -> Backend:
        host = f"192.0.2.{place % 254 + 1}"
        return Backend(
            f"b{place}",
            f"{host}:{8000 + place}",
            (host, 8000 + place),
            seconds=self.clock.seconds,
            weight=weight,
            tier=tier,
            zone=("east", "west")[place % 2],
            tags=["even"] if place % 2 == 0 else ["odd"],
            max_connections=limit,
        )

    def _made(self, algorithm: Any, random: Random, queue: int | None, sharing: dict[str, Any]) -> Pool:
        ports = Ports(
            random,
            self.clock.seconds,
            lambda call: self.clock.callLater(0, call),
            self._contained,
            lambda what, _why, _evidence: self.changes.append(what),
            self.clock.callLater,
        )
        if queue is None:
            return Pool("tested", self.backends, algorithm, ports=ports, **sharing)
        limits: dict[str, Any] = {"deadlines": Deadlines(_Alarm(self.clock)), "queue": queue, "queue_timeout": PATIENCE}
        return LimitedPool("tested", self.backends, algorithm, ports=ports, **limits, **sharing)

    def _contained(self, what: str, error: BaseException) -> None:
        if isinstance(error, EndlessPicker):
            raise error  # nothing can be learned of a pool that waits for its picker
        self.faults.append((what, error))

    def _ejected(self, change: Change) -> None:
        self.changes.append(f"{change.backend.name} is {change.what}")

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
            backend.become(up=up)
        self.pool.refresh()
        if self.pool.watch is not None:
            for backend in backends:
                self.pool.watch.checked(backend, up)
        self.turn()

    def set_weight(self, backend: Backend, weight: float) -> None:
        """Have an operator change a weight."""
        backend.become(own_weight=weight)
        self.rebuild()
