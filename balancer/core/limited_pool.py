"""A pool whose backends take only so many sessions at once: none gets more, and who finds no room may wait for it.

What is full is refused after the pick, so every algorithm has this. Who waits is served in the turn that `core.queue`
gives it, as soon as there is room that it can use, and nobody who comes later is given that room first. Each wait ends
once: served, refused, out of time or no longer wanted. Refuses to know how a session is connected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.making import SLICE
from balancer.core.pickers import Algorithm, Ports
from balancer.core.pool import Declined, Lease, Pool, Seeker
from balancer.core.queue import Queue
from balancer.core.session import Session
from balancer.core.sources import source
from balancer.errors import BalancerError, NoBackend, PoolFull, QueueTimeout

BATCH: Final = 32
"""Steps of giving out room in one turn, so that much of it at once does not hold up everything else."""


class Waiter:
    """One session that waits: `core.pool.Wait`, and what `core.queue` keeps."""

    __slots__ = ("_leave", "deadline", "never", "over", "seeker", "session", "source", "useless")
    deadline: Deadline

    def __init__(self, session: Session, seeker: Seeker, leave: Callable[[Waiter], None]) -> None:
        self.session, self.seeker, self.over = session, seeker, False
        self.source = source(session.client[0])
        self.useless = self.never = frozenset[Backend](session.tried)
        self._leave = leave

    def cancel(self) -> None:
        """See `core.pool.Wait`."""
        if not self.over:
            self._leave(self)


class LimitedPool(Pool):
    """See `Pool`, for the `others` too. At most `queue` sessions wait, each for `queue_timeout` seconds at a time."""

    def __init__(
        self,
        name: str,
        backends: Iterable[Backend],
        algorithm: Algorithm,
        *,
        ports: Ports,
        deadlines: Deadlines,
        queue: int,
        queue_timeout: float,
        **others: Any,
    ) -> None:
        super().__init__(name, backends, algorithm, ports=ports, **others)
        self._deadlines, self._most, self._patience = deadlines, queue, queue_timeout
        self._queue: Queue[Waiter] = Queue()
        self._freed: dict[Backend, None] = {}  # those whose room is being given out, in the order in which it came free

    def refresh(self, *, first: float = SLICE) -> None:
        """See `Pool.refresh`; there may be room for those who wait now, also where there was none of use to them."""
        super().refresh(first=first)
        if self.waiting:
            self._queue.reconsider()
            self._give_out_all()

    def pick(self, session: Session) -> Lease:
        """See `Pool.pick`. Raises `PoolFull` where the session can be served by none but full ones, or has to wait."""
        if self.waiting and self._must_wait(session):
            raise PoolFull(f"pool {self.name!r}: others wait for a backend already")
        return self._pick_with_room(session)

    def wait(self, session: Session, seeker: Seeker) -> Waiter:
        """See `Pool.wait`."""
        if self.waiting >= self._most:
            self.refused += 1
            raise PoolFull(f"pool {self.name!r}: every backend is full, and no more than {self._most} may wait")
        waiter = Waiter(session, seeker, self._dismiss)
        waiter.deadline = self._deadlines.after(self._patience, lambda: self._too_late(waiter))
        first_to_take_any = not self._queue.takes_any
        self._queue.add(waiter)
        self.waited += 1
        self.waiting += 1
        self.longest_queue = max(self.longest_queue, self.waiting)
        if first_to_take_any:
            self._give_out_all()  # there may be room that is of no use to those who were here before
        return waiter

    def freed(self, backend: Backend) -> None:
        """See `Pool.freed`; given out in the next turn, so that however many are served, nobody nests calls."""
        if self._has_room(backend):
            idle = not self._freed
            self._freed[backend] = None
            if idle:
                self.ports.later(self._give_out)

    def _give_out_all(self) -> None:
        for backend in self.backends:
            self.freed(backend)

    def _must_wait(self, session: Session) -> bool:
        """Whether whoever waits comes first for all that the session could use.

        So it is while room is being given out. At other times all the room there is, if any, is of no use to those who
        wait, and there is none while anybody waits who can use any.
        """
        if not self._freed and not self._queue.takes_any:
            return False
        return any(backend.usable and backend not in session.tried for backend in self.backends)

    def _pick_with_room(self, session: Session) -> Lease:
        """A pick that forgets what it refused, for what is full has not failed the session.

        Raises `PoolFull` where a full one would do, unless the algorithm declined before any was refused.
        """
        tried = session.tried
        try:
            return super().pick(session)
        except NoBackend as error:
            at_once = isinstance(error, Declined) and len(session.tried) == len(tried)
            if not at_once and any(one.usable and one.full and one not in tried for one in self.backends):
                raise PoolFull(f"pool {self.name!r}: every backend is full") from error
            raise
        finally:
            session.become(tried=tried)

    def _give_out(self) -> None:
        """Give room to those who wait, until there is none or the turn has lasted long enough.

        While the first picker for backends that have just come up is made, everybody waits on.
        """
        try:
            for _ in range(0 if self.beginning else BATCH):
                if not self._freed:
                    break
                self._give(next(iter(self._freed)))
        finally:
            if self._freed:
                self.ports.later(self._give_out)

    def _has_room(self, backend: Backend) -> bool:
        """Whether who waits may be served there; where some sessions belong, those may while others may not."""
        return (backend.usable or (backend.fit and self.policy.keeps)) and not backend.full

    def _give(self, backend: Backend) -> None:
        """One step: to whoever's turn it is, who may be given another backend with room by the algorithm."""
        waiter = self._queue.first(backend) if self._has_room(backend) else None
        if waiter is None:
            del self._freed[backend]
            return
        waiter.session.at(self.ports.seconds())
        try:
            lease = self._pick_with_room(waiter.session)
        except PoolFull:  # the algorithm has only full ones in mind for it
            self._queue.pass_over(waiter, backend)
        except BalancerError as error:
            self._dismiss(waiter, in_turn=True)
            waiter.seeker.not_served(error)
        else:
            self._dismiss(waiter, in_turn=True)
            waiter.seeker.served(lease)

    def _too_late(self, waiter: Waiter) -> None:
        self.timed_out += 1
        self._dismiss(waiter)
        waiter.seeker.not_served(QueueTimeout(f"pool {self.name!r}: no room came free within {self._patience:g} s"))

    def _dismiss(self, waiter: Waiter, *, in_turn: bool = False) -> None:
        """Its wait is over."""
        self._queue.remove(waiter, in_turn=in_turn)
        waiter.over = True
        waiter.deadline.cancel()
        self.waiting -= 1
