"""A pool while it runs: who is eligible, who is chosen, and exactly one end for every choice.

Membership, health, tier and drain change the snapshot and rebuild the picker, off the request path. What changes with
each session (what it already tried, and what is full) is judged after the pick, so that every algorithm, a stranger's
too, gets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from balancer.core.backend import Backend
from balancer.core.explaining import PoolExplained, explaining
from balancer.core.holding import Holding
from balancer.core.lease import Lease
from balancer.core.making import SLICE
from balancer.core.pickers import BUDGET, LEFT_ALONE, MADE_NONE, Algorithm, Policy, Ports, Snapshot
from balancer.core.remaining import choose_among, draw
from balancer.core.session import Session
from balancer.core.signals import Hearing
from balancer.core.slices import finished
from balancer.core.slow_start import Curve, Starts
from balancer.core.standing import Standing
from balancer.core.tiered import Tiered
from balancer.errors import BalancerError, NoBackend, PolicyFailed, PoolFull
from balancer.interfaces import Phase

__all__ = ["REFUSALS", "START", "Declined", "Lease", "Pool", "Seeker", "Wait", "Watch"]

REFUSALS = 3
"""How often a picker is asked before the pool leaves out what was refused."""

START = 0.25
"""Seconds that a first picker may take at once, so that nearly every algorithm is ready when the start is; one that
takes longer goes on in slices, and its pool refuses sessions until then."""


class Declined(NoBackend):
    """The algorithm said that none will do, and is believed."""


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
    `watch` is told how sessions end, if anybody wants to know, and `hearing` reads the heads of answers, if backends
    report anything in them. `waiting` sessions wait now.
    The counts of those who wait for room are for `core.limited_pool`; where no backend has a limit, none ever waits.
    """

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
        spill: float | None = None,
        panic: float | None = None,
        slow_start: Curve | None = None,
    ) -> None:
        self.name, self.backends, self.ports = name, tuple(backends), ports
        self.watch: Watch | None = None
        self.hearing: Hearing | None = None
        self.waiting = 0
        self.holding = None if failure_hold is None else Holding(self.backends, failure_hold, ports.after)
        self.starts = None if slow_start is None else Starts(slow_start, ports.seconds())
        self.standing: Standing | None = None
        if spill is not None or panic is not None:
            self.standing = Standing(self.backends, spill=spill, panic=panic, changed=ports.changed)
        if self.standing is not None and spill is not None:
            algorithm = Tiered(algorithm, self.standing)
            on_policy_error = on_policy_error and Tiered(on_policy_error, self.standing)
        self.policy = Policy(algorithm, name, ports, self.backends)
        self.plan_b = None if on_policy_error is None else Policy(on_policy_error, name, ports, self.backends)
        self._serves = False
        self.refresh(first=START)

    def eligible(self) -> list[Backend]:
        """The usable backends of the lowest tier that has any, or of those in use, in the order of the config."""
        if self.standing is not None:
            return self.standing.eligible()
        return _first_tier([backend for backend in self.backends if backend.usable])

    def refresh(self, *, first: float = SLICE) -> None:
        """Have a picker made for those eligible now; to be called after every change of what makes them so.

        The first slice of the work may take so many seconds.
        """
        if self.watch is not None:
            self.watch.settle()
        if self.standing is not None:
            self.standing.settle()
        if self.starts is not None:
            self.starts.settle(self.backends, self.ports.seconds())
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
        failed and no other stands in. A choice that the session already tried, that is full, or that starts slowly and
        has had its share, is refused; after a few of those the pool leaves them out itself. A backend that gets nothing
        new keeps the sessions that belong to it, and `PoolFull` is raised for one that is to wait there.
        """
        if not self._serves:
            raise NoBackend(f"pool {self.name!r}: no backend is up")
        left = REFUSALS
        passed: tuple[Backend, ...] = ()
        while left:
            lease = self.choose(self.policy.snapshot, session)
            if lease is None:
                raise Declined(f"pool {self.name!r}: the algorithm chose none")
            backend = lease.backend
            if (
                (backend.usable or (backend.fit and lease.belongs()))
                and backend not in session.tried
                and not (backend.guarded and self._turns_away(lease))
            ):
                backend.books.active += 1
                return lease
            if backend not in session.tried:
                passed += (backend,)
            waits = lease.awaits_room()
            lease.refuse()
            if waits:
                raise PoolFull(f"pool {self.name!r}: backend {backend.name!r}, where the session belongs, is full")
            left -= 1
        return self._pick_remaining(session, passed)

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
        backend.books.active += 1
        return Lease(self, session, backend, self.policy, Snapshot([backend], lambda _: backend))

    def choose(self, snapshot: Snapshot | None, session: Session) -> Lease | None:
        """What the algorithm chooses, or the one that stands in where it has no snapshot or fails; not yet counted."""
        policy = self.policy
        if snapshot is None:
            policy, snapshot = self._stand_in()
        begun = self.ports.seconds() if policy.timed else session.now
        try:
            backend = policy.ask(snapshot, session)
        except PolicyFailed:
            if policy is self.plan_b or self.plan_b is None or self.plan_b.snapshot is None:
                raise
            return self.choose(None, session)
        if backend is None:
            return None
        lease = Lease(self, session, backend, policy, snapshot)
        if policy.timed:
            policy.took(lease.began - begun)
        elif lease.began - begun > BUDGET:
            policy.timed = True  # or the session has waited: to look at the clock twice for each pick would be dear
        return lease

    def _stand_in(self) -> tuple[Policy, Snapshot]:
        """The algorithm that stands in for one that cannot choose. Raises `NoBackend` and `PolicyFailed`."""
        if self.plan_b is not None and self.plan_b.snapshot is not None:
            return self.plan_b, self.plan_b.snapshot
        if self.beginning:
            raise NoBackend(f"pool {self.name!r}: the algorithm is still making its first picker")
        raise PolicyFailed(f"pool {self.name!r}: {LEFT_ALONE if self.policy.left_alone else MADE_NONE}")

    def _turns_away(self, lease: Lease) -> bool:
        """Whether the backend takes no more, or has had its share of what comes while it starts slowly."""
        backend = lease.backend
        if backend.full:
            return True
        if not backend.starting or self.starts is None or lease.belongs():
            return False
        return self.ports.random.random() >= self.starts.share(backend, self.ports.seconds())

    def _pick_remaining(self, session: Session, passed: Sequence[Backend]) -> Lease:
        """The picker had its chances: choose among what was not tried, of a higher tier if need be.

        Who was passed over only because it starts slowly is better than none.
        """
        open_ones = [backend for backend in self.backends if backend.usable and not backend.full]
        remaining = _first_tier([backend for backend in open_ones if backend not in session.tried])
        remaining = remaining or _first_tier([backend for backend in open_ones if backend in passed])
        if not remaining:
            raise NoBackend(f"pool {self.name!r}: every backend that is up was tried")
        lease = choose_among(self, remaining, session)
        if lease is None:
            raise Declined(f"pool {self.name!r}: the algorithm chose none")
        if lease.backend not in remaining:
            lease.refuse()
            lease = draw(self, remaining, session)
        lease.backend.books.active += 1
        return lease


def _first_tier(backends: list[Backend]) -> list[Backend]:
    """Those of the lowest tier among them."""
    lowest = min((backend.tier for backend in backends), default=0)
    return [backend for backend in backends if backend.tier == lowest]
