"""A pool while it runs: who is eligible, who is chosen, and exactly one end for every choice.

Membership, health, tier and drain change the snapshot and rebuild the picker, off the request path. What changes with
each session (what it already tried, and what is full) is judged after the pick, so that every algorithm, a stranger's
too, gets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from balancer.core.backend import Backend
from balancer.core.explaining import PoolExplained, explaining
from balancer.core.holding import Holding
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.pickers import SLICE, Algorithm, Policy, Ports, Snapshot
from balancer.core.session import Session
from balancer.core.slices import finished
from balancer.errors import BalancerError, NoBackend, PolicyFailed, PoolFull, Side
from balancer.interfaces import Outcome, Phase

REFUSALS = 3
"""How often a picker is asked before the pool leaves out what was refused."""

START = 0.25
"""Seconds that a first picker may take at once, so that nearly every algorithm is ready when the start is; one that
takes longer goes on in slices, and its pool refuses sessions until then."""

SMALL = 64
"""Up to so many remaining backends a picker is built for them alone; among more, chance decides."""


class Declined(NoBackend):
    """The algorithm said that none will do, and is believed."""


class Lease:
    """One pick for a session, from the moment it is made, which `began` tells, until the session on the backend ends.

    `policy` made it. `first_byte` is when the backend first said something, in seconds after that. `has_say` tells
    whether the picker has a say in the heads of requests and answers.
    """

    first_byte: float | None

    __slots__ = ("_pool", "_snapshot", "backend", "began", "first_byte", "has_say", "policy", "session")

    def __init__(self, pool: Pool, session: Session, backend: Backend, policy: Policy, snapshot: Snapshot) -> None:
        self.session, self.backend = session, backend
        self.first_byte, self.began = None, pool.ports.seconds()
        self._pool: Pool | None = pool
        self.policy, self._snapshot = policy, snapshot
        self.has_say = snapshot.has_say

    def answered(self) -> None:
        """The backend's first byte has come; later calls count for nothing."""
        if self.first_byte is None and self._pool is not None:
            now = self._pool.ports.seconds()
            self.first_byte = now - self.began
            self.backend.timing.observe(self.first_byte, now)

    def belongs(self) -> bool:
        """Whether the backend is the session's own, by the picker that made the choice."""
        return self.policy.belongs(self._snapshot, self.session, self.backend)

    def awaits_room(self) -> bool:
        """Whether the session is to wait for room on its own backend, which is full."""
        return self._snapshot.waits and self.backend.fit and self.backend.full and self.belongs()

    def requested(self, head: RequestHead) -> RequestHead:
        """Let that picker see, and change, the head of the request that the backend is sent. Raises `PolicyFailed`."""
        return self.policy.request(self._snapshot, self.session, self.backend, head)

    def responded(self, head: ResponseHead) -> ResponseHead:
        """Let the picker that made the choice see, and change, the head of an HTTP answer. Raises `PolicyFailed`."""
        return self.policy.respond(self._snapshot, self.session, self.backend, head)

    def end(self, phase: Phase = Phase.DONE, *, status: int | None = None, error: BalancerError | None = None) -> None:
        """Give the backend back; only the first call counts."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            if error is None and (status is None or status < 500):
                self.backend.active -= 1  # as `count_end` does, which most sessions need not be asked about
                self.backend.served += 1
            else:
                self._count_failure(pool, status, error)
            if self._snapshot.released is not None:
                self._tell(pool.ports.seconds(), phase, status, error)
            if pool.watch is not None:
                pool.watch.ended(self, phase, status, error)
            if pool.waiting:
                pool.freed(self.backend)

    def refuse(self) -> None:
        """The choice does not stand; it was never counted, but the picker that made it is told all the same."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            self._tell(pool.ports.seconds(), Phase.PICK, None, None)
            if self.backend not in self.session.tried:
                self.session.tried.append(self.backend)

    def _count_failure(self, pool: Pool, status: int | None, error: BalancerError | None) -> None:
        """It has ended badly, if not all of that is the backend's fault."""
        self.backend.count_end(error)
        if pool.holding is not None and (error is None or error.side is Side.UPSTREAM or (status or 0) >= 500):
            pool.holding.hold(self.backend, self.began, pool.ports.seconds())

    def _tell(self, now: float, phase: Phase, status: int | None, error: BalancerError | None) -> None:
        side = None if error is None else error.side
        outcome = Outcome(now, now - self.began, self.first_byte, phase, side, status, error, self.session)
        self.policy.tell(self._snapshot, self.backend, outcome)


class Seeker(Protocol):
    """Whoever waits for a backend; told once how that ended, unless it gave up before."""

    def served(self, lease: Lease) -> None:
        """There is room, on this one."""

    def not_served(self, error: BalancerError) -> None:
        """There was none in time (`QueueTimeout`), or the algorithm has none for it (`NoBackend`, `PolicyFailed`)."""


class Wait(Protocol):
    """One session's wait."""

    def cancel(self) -> None:
        """It is no longer wanted: nobody is called. Allowed at any time, any number of times."""


class Watch(Protocol):
    """Whoever may eject a pool's backends for how their sessions end."""

    def ended(self, lease: Lease, phase: Phase, status: int | None, error: BalancerError | None) -> None:
        """A session has ended so."""

    def checked(self, backend: Backend, passed: bool) -> None:
        """A health check has passed or failed, and the backend is up or down by it."""

    def settle(self) -> None:
        """What makes backends usable has changed; say what follows, before the eligible ones are counted."""


class Pool:
    """A named set of backends and the current picker over the eligible ones.

    Policies see what failed in `active` for `failure_hold` seconds from its pick; not with None (see `core.holding`).
    The counts of those who wait for room are for `core.limited_pool`; where no backend has a limit, none ever waits.
    """

    watch: Watch | None = None
    """Is told how sessions end, if anybody wants to know."""
    waiting = 0
    """Sessions that wait now."""
    longest_queue = 0
    """The most that ever waited at once."""
    waited = 0
    """Waits begun so far; of these some `timed_out`."""
    timed_out = 0
    refused = 0
    """Sessions that would have waited, and found the queue full."""

    def __init__(
        self,
        name: str,
        backends: Iterable[Backend],
        algorithm: Algorithm,
        *,
        ports: Ports,
        on_policy_error: Algorithm | None = None,
        failure_hold: float | None = None,
    ) -> None:
        self.name, self.backends, self.ports = name, tuple(backends), ports
        self.holding = None if failure_hold is None else Holding(self.backends, failure_hold, ports.after)
        self.policy = Policy(algorithm, name, ports, self.backends)
        self.plan_b = None if on_policy_error is None else Policy(on_policy_error, name, ports, self.backends)
        self._serves = False
        self.refresh(first=START)

    def eligible(self) -> list[Backend]:
        """The usable backends of the lowest tier that has any, in the order of the config."""
        return _first_tier([backend for backend in self.backends if backend.usable])

    def refresh(self, *, first: float = SLICE) -> None:
        """Have a picker made for those eligible now; to be called after every change of what makes them so.

        The first slice of the work may take so many seconds.
        """
        if self.watch is not None:
            self.watch.settle()
        eligible = self.eligible()
        keeping = self.policy.keeps and any(backend.fit for backend in self.backends)
        self._serves = bool(eligible) or keeping
        for policy in (self.policy, self.plan_b):
            if policy is not None and (eligible or (keeping and policy is self.policy)):
                policy.prepare(eligible, first=first)
            elif policy is not None:
                policy.give_up()

    def pick(self, session: Session) -> Lease:
        """Choose a backend for the session and count it as active there.

        Raises `NoBackend` when none may serve it or the first picker is not ready, `PolicyFailed` when the algorithm
        failed and no other stands in. A choice that the session already tried, or that is full, is refused; after a
        few of those the pool leaves them out itself. A backend that gets nothing new keeps the sessions that belong to
        it, and `PoolFull` is raised for one that is to wait there.
        """
        if not self._serves:
            raise NoBackend(f"pool {self.name!r}: no backend is up")
        left = REFUSALS
        while left:
            lease = self._choose(self.policy.snapshot, session)
            if lease is None:
                raise Declined(f"pool {self.name!r}: the algorithm chose none")
            backend = lease.backend
            if (
                (backend.usable or (backend.fit and lease.belongs()))
                and backend not in session.tried
                and not (backend.most and backend.full)
            ):
                backend.active += 1
                return lease
            waits = lease.awaits_room()
            lease.refuse()
            if waits:
                raise PoolFull(f"pool {self.name!r}: backend {backend.name!r}, where the session belongs, is full")
            left -= 1
        return self._pick_remaining(session)

    def wait(self, session: Session, seeker: Seeker) -> Wait:
        """Have a session wait that was told `PoolFull`. Raises `PoolFull` when too many wait already, or none may."""
        raise PoolFull(f"pool {self.name!r}: every backend is full")

    def freed(self, backend: Backend) -> None:
        """A session on it has ended; to be called while others wait."""

    def explain(self, session: Session) -> PoolExplained:
        """What would be chosen for the session, and why; neither the session nor the pool is changed by it."""
        return finished(explaining(self, session))

    @property
    def beginning(self) -> bool:
        """Whether the first picker is on its way, and nothing stands in for it."""
        return self.policy.beginning and (self.plan_b is None or self.plan_b.snapshot is None)

    def rejoin(self, backend: Backend, session: Session) -> Lease:
        """Count a session as active on the backend that it belongs to, however that is; no algorithm is told of it.

        Raises `PoolFull` when the backend is full.
        """
        if backend.most and backend.full:
            raise PoolFull(f"pool {self.name!r}: backend {backend.name!r} is full")
        backend.active += 1
        return Lease(self, session, backend, self.policy, Snapshot([backend], lambda _: backend))

    def _choose(self, snapshot: Snapshot | None, session: Session) -> Lease | None:
        """What the algorithm, or the one that stands in for it, chooses; not yet counted."""
        if snapshot is not None:
            try:
                backend = self.policy.ask(snapshot, session)
            except PolicyFailed:
                if self.plan_b is None or self.plan_b.snapshot is None:
                    raise
            else:
                return None if backend is None else Lease(self, session, backend, self.policy, snapshot)
        if self.plan_b is not None and self.plan_b.snapshot is not None:
            backend = self.plan_b.ask(self.plan_b.snapshot, session)
            return None if backend is None else Lease(self, session, backend, self.plan_b, self.plan_b.snapshot)
        if self.beginning:
            raise NoBackend(f"pool {self.name!r}: the algorithm is still making its first picker")
        raise PolicyFailed(f"pool {self.name!r}: the algorithm made no picker")

    def _pick_remaining(self, session: Session) -> Lease:
        """The picker had its chances: choose among what was not tried, of a higher tier if need be."""
        open_ones = [backend for backend in self.backends if backend.usable and not backend.full]
        remaining = _first_tier([backend for backend in open_ones if backend not in session.tried])
        if not remaining:
            raise NoBackend(f"pool {self.name!r}: every backend that is up was tried")
        lease = self._choose_among(remaining, session)
        if lease is None:
            raise Declined(f"pool {self.name!r}: the algorithm chose none")
        if lease.backend not in remaining:
            lease.refuse()
            lease = self._draw(remaining, session)
        lease.backend.active += 1
        return lease

    def _choose_among(self, remaining: list[Backend], session: Session) -> Lease | None:
        """What is chosen when nothing else is offered; chance stands in for a picker that takes too long to make."""
        current = self.policy.snapshot
        if current is not None and (current.in_slices or len(remaining) > SMALL):
            lease = self._choose_knowing(remaining, current, session)
            if lease is None or lease.backend in remaining:
                return lease
            lease.refuse()
        if len(remaining) > SMALL:
            return self._draw(remaining, session)
        try:
            snapshot = self.policy.compile(remaining)
        except PolicyFailed:
            return self._choose(None, session)
        return self._draw(remaining, session) if snapshot is None else self._choose(snapshot, session)

    def _choose_knowing(self, remaining: list[Backend], snapshot: Snapshot, session: Session) -> Lease | None:
        """The choice of a picker that is told beforehand of all that it cannot have.

        So a hash goes on along the order that it has for the key, where another table would be slow to make.
        """
        tried, possible = session.tried, frozenset(remaining)
        session.tried = [backend for backend in self.backends if backend not in possible]
        try:
            return self._choose(snapshot, session)
        finally:
            session.tried = tried

    def _draw(self, remaining: list[Backend], session: Session) -> Lease:
        """Chance's choice, of which no algorithm is told."""
        chosen = self.ports.random.choice(remaining)
        return Lease(self, session, chosen, self.policy, Snapshot(remaining, lambda _: chosen))


def _first_tier(backends: list[Backend]) -> list[Backend]:
    """Those of the lowest tier among them."""
    lowest = min((backend.tier for backend in backends), default=0)
    return [backend for backend in backends if backend.tier == lowest]
