"""What health checks say of a backend and what that changes; refuses to know when they run, and what they ask."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import attrs
from twisted.python.failure import Failure
from twisted.python.reflect import safe_repr

from balancer.core.backend import Backend
from balancer.core.examining import examined
from balancer.core.health import Thresholds
from balancer.core.pool import Pool
from balancer.core.rhythm import places
from balancer.errors import CheckFailed
from balancer.interfaces import Report
from balancer.net.check_target import Target
from balancer.net.probing import Examiner, Probing, Terms

Changed = Callable[[Backend, str], None]
"""Is told of a backend that went up or down, or of one that is usable or is not any more, and of the evidence."""

Tagged = Callable[[Backend], None]
"""Is told of a backend that has other tags now."""

Skipped = Callable[[str], None]
"""Is told of a check that could not be made for want of something of our own, and does not count."""

Aim = Callable[[Backend], Target]
"""Makes a backend a target, for one check."""


@attrs.frozen
class Schedule:
    """How often a check runs, in seconds, and when its word counts.

    The interval is `every`; while results do not agree with the verdict `every_changing`, and while they agree that the
    backend is down `every_down`, where these are given.
    """

    every: float
    rise: int
    fall: int
    every_changing: float | None = None
    every_down: float | None = None

    def interval(self, thresholds: Thresholds) -> float:
        """Seconds from one check to the next."""
        if thresholds.changing:
            return self.every_changing or self.every
        return self.every if thresholds.up else self.every_down or self.every


class Probe:
    """The checks of one backend: `net.probing.Examiner`."""

    def __init__(
        self,
        check: Any,
        schedule: Schedule,
        pool: Pool,
        backend: Backend,
        *,
        aim: Aim,
        changed: Changed,
        tagged: Tagged,
        skipped: Skipped,
    ) -> None:
        self._check, self._schedule = check, schedule
        self._pool, self._backend = pool, backend
        self._aim, self._changed, self._tagged, self._skipped = aim, changed, tagged, skipped
        self._thresholds = Thresholds(rise=schedule.rise, fall=schedule.fall, up=backend.up)

    @property
    def every(self) -> float:
        """See `Examiner.every`."""
        return self._schedule.interval(self._thresholds)

    def aim(self) -> Target:
        """See `Examiner.aim`."""
        return self._aim(self._backend)

    def ask(self, target: Target) -> Coroutine[Any, Any, Report | None]:
        """See `Examiner.ask`."""
        return examined(self._check, target)

    def judge(self, answer: Report | Failure | None) -> None:
        """Count a result, and what it changes."""
        if isinstance(answer, Failure):
            self._record(None, evidence_of(answer))
        else:
            report = answer or Report()
            self._record(report, report.detail)

    def skipped(self, shortage: str) -> None:
        """See `Examiner.skipped`."""
        self._skipped(f"backend {self._backend.name!r}: the check could not be made: {shortage}; it does not count")

    def _record(self, report: Report | None, evidence: str) -> None:
        """Change what a report, or a failure, changes, and tell of a backend that is in use now or is not any more.

        Its tags are told as well: by them pools follow the roles of databases.
        """
        backend = self._backend
        before, tags = (backend.up, backend.usable), backend.tags
        visible = report is not None and backend.apply(report)
        if self._thresholds.record(report is not None):
            backend.become(up=report is not None)
            visible = True
        if visible:
            self._pool.refresh()
        if (backend.up, backend.usable) != before:
            self._changed(backend, evidence)
        if backend.tags != tags:
            self._tagged(backend)
        if self._pool.watch is not None:
            self._pool.watch.checked(backend, report is not None)


def evidence_of(failure: Failure) -> str:
    """What speaks against a backend, in a line; a failure that only a fault of the check explains is told as such."""
    if failure.check(CheckFailed) is not None:
        return failure.getErrorMessage()
    return f"the check itself failed: {safe_repr(failure.value)}"


class Checks:
    """The probes of all backends of one pool; `group` is how many pools have theirs already."""

    def __init__(self, examiners: Mapping[Backend, Examiner], terms: Terms, *, group: int = 0) -> None:
        self._probings = {backend: Probing(examiner, terms) for backend, examiner in examiners.items()}
        self._places = places(group, len(self._probings))

    def __len__(self) -> int:
        """How many backends they check."""
        return len(self._probings)

    def start(self) -> None:
        """Begin, with the first checks spread over one interval."""
        for probing, place in zip(self._probings.values(), self._places, strict=True):
            probing.start(place)

    def stop(self) -> None:
        """Check no more."""
        for probing in self._probings.values():
            probing.stop()

    def hurry(self, backend: Backend) -> None:
        """Check that one at once, if it is among them; see `Probing.hurry`."""
        if backend in self._probings:
            self._probings[backend].hurry()
