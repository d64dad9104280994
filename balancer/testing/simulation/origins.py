"""What modelled backends do with what they are sent: work on it, so many at once and the others in order, or fail.

Refuses to know who sends it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from balancer.testing.simulation.clock import VirtualClock
from balancer.testing.simulation.faults import Fault

GOOD, BAD = 200, 500


class Line(Protocol):
    """A connection to it."""

    def broken(self) -> None:
        """It has ended, without an answer to what was asked."""


class Job:
    """One request that a backend has, and how many seconds of work it is; `done` is told the status of the answer."""

    __slots__ = ("done", "seconds")

    def __init__(self, seconds: float, done: Callable[[int], object]) -> None:
        self.seconds = seconds
        self.done: Callable[[int], object] | None = done

    def cancel(self) -> None:
        """Nobody wants the answer any more, which a backend learns when it has made it, or before it begins."""
        self.done = None


class Origin:
    """One modelled backend, which has so many servers; `what` is wrong with it, as of faults, or nothing."""

    def __init__(self, clock: VirtualClock, servers: int, network: float) -> None:
        self.what = ""
        self.seen = False
        self._clock, self._network = clock, network
        self._servers, self._slower = servers, 1.0
        self._waiting: deque[Job] = deque()
        self._working: dict[Job, None] = {}
        self._finished: list[Job] = []
        self._lines: dict[Line, None] = {}

    @property
    def refuses(self) -> bool:
        """Whether it takes no connections."""
        return self.what == "down"

    def enter(self, line: Line) -> None:
        """A connection stands."""
        self._lines[line] = None

    def leave(self, line: Line) -> None:
        """It is closed. Allowed at any time, any number of times."""
        self._lines.pop(line, None)

    def ask(self, job: Job) -> None:
        """It has a request more."""
        if self.what == "failing":
            self._answer(job, BAD)
        elif self.what == "hung" or len(self._working) >= self._servers:
            self._waiting.append(job)
        else:
            self._begin(job)

    def befall(self, fault: Fault) -> None:
        """This is what is the matter with it from now on, and nothing else."""
        if fault.what == "down":
            self._die()
        self._recover()
        if fault.what != "back":
            self.what, self.seen = fault.what, fault.seen
        if fault.what == "slow":
            self._slower = fault.by

    def relieve(self, fault: Fault) -> None:
        """The time of a fault is over; another that has come since goes on."""
        if (self.what, self.seen) == (fault.what, fault.seen):
            self._recover()

    def _recover(self) -> None:
        self.what, self.seen, self._slower = "", False, 1.0
        finished, self._finished = self._finished, []
        for job in finished:
            self._end(job)
        self._go_on()

    def _die(self) -> None:
        self._waiting.clear()
        self._working.clear()
        self._finished.clear()
        lines, self._lines = self._lines, {}
        for line in lines:
            line.broken()

    def _begin(self, job: Job) -> None:
        self._working[job] = None
        self._clock.callLater(job.seconds * self._slower, self._finish, job)

    def _finish(self, job: Job) -> None:
        """The work is done; one that hangs tells nobody, and one that has died since knows nothing of it."""
        if job not in self._working:
            return
        if self.what == "hung":
            self._finished.append(job)
            return
        self._end(job)
        self._go_on()

    def _end(self, job: Job) -> None:
        del self._working[job]
        self._answer(job, GOOD)

    def _go_on(self) -> None:
        while self._waiting and len(self._working) < self._servers:
            job = self._waiting.popleft()
            if job.done is not None:
                self._begin(job)

    def _answer(self, job: Job, status: int) -> None:
        self._clock.callLater(self._network, lambda: job.done and job.done(status))
