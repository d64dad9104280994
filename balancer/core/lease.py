"""One pick of a pool, counted from the moment it is made, and ended exactly once; chooses nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from balancer.core.backend import Backend
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.pickers import Policy, Snapshot
from balancer.core.session import Session
from balancer.errors import BalancerError, Side
from balancer.interfaces import Outcome, Phase

if TYPE_CHECKING:
    from balancer.core.pool import Pool


class Lease:
    """One pick for a session, from the moment it is made, which `began` tells, until the session on the backend ends.

    `policy` made it. `first_byte` is when the backend first said something, in seconds after that. `has_say` tells
    whether anybody has a say in the heads of requests and answers.
    """

    first_byte: float | None

    __slots__ = ("_pool", "_snapshot", "backend", "began", "first_byte", "has_say", "policy", "session")

    def __init__(self, pool: Pool, session: Session, backend: Backend, policy: Policy, snapshot: Snapshot) -> None:
        self.session, self.backend = session, backend
        self.first_byte, self.began = None, pool.ports.seconds()
        self._pool: Pool | None = pool
        self.policy, self._snapshot = policy, snapshot
        self.has_say = snapshot.has_say or pool.hearing is not None

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
        """Whether the session is to wait for room on its own backend, which is full and not just tried out."""
        backend = self.backend
        return self._snapshot.waits and backend.fit and backend.full and backend.trial is None and self.belongs()

    def requested(self, head: RequestHead) -> RequestHead:
        """Let that picker see, and change, the head of the request that the backend is sent. Raises `PolicyFailed`."""
        return self.policy.request(self._snapshot, self.session, self.backend, head)

    def responded(self, head: ResponseHead) -> ResponseHead:
        """The head of an answer, after who listens and the picker that chose have seen it. Raises `PolicyFailed`."""
        if self._pool is not None and self._pool.hearing is not None:
            head = self._pool.hearing.heard(self.backend, head)
        return self.policy.respond(self._snapshot, self.session, self.backend, head)

    def end(self, phase: Phase = Phase.DONE, *, status: int | None = None, error: BalancerError | None = None) -> None:
        """Give the backend back; only the first call counts."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            if error is None and (status is None or status < 500):
                books = self.backend.books
                books.active -= 1  # as `count_end` does, which most sessions need not be asked about
                books.served += 1
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
                self.session.tried_on(self.backend)

    def _count_failure(self, pool: Pool, status: int | None, error: BalancerError | None) -> None:
        """It has ended badly, if not all of that is the backend's fault."""
        self.backend.count_end(error)
        if pool.holding is not None and (error is None or error.side is Side.UPSTREAM or (status or 0) >= 500):
            pool.holding.hold(self.backend, self.began, pool.ports.seconds())

    def _tell(self, now: float, phase: Phase, status: int | None, error: BalancerError | None) -> None:
        side = None if error is None else error.side
        outcome = Outcome(now, now - self.began, self.first_byte, phase, side, status, error, self.session)
        self.policy.tell(self._snapshot, self.backend, outcome)
