"""Runs health checks: when, how long at most, and what a result changes; refuses to know what a check says."""

from __future__ import annotations

from collections.abc import Callable, Collection
from inspect import isawaitable
from operator import attrgetter
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.python.reflect import safe_repr

from balancer.core.backend import Backend
from balancer.core.health import Thresholds
from balancer.core.pool import Pool
from balancer.errors import CheckFailed
from balancer.interfaces import Kind, Report
from balancer.net.check_target import Target
from balancer.net.reasons import OUR_OWN, error_number
from balancer.net.tls.dialing import Secure

Changed = Callable[[Backend, str], None]
"""Is told of a backend that went up or down, or of one that is usable or is not any more, and of the evidence."""

Skipped = Callable[[str], None]
"""Is told of a check that could not be made for want of something of our own, and does not count."""


@attrs.frozen
class Schedule:
    """When a check runs and when its word counts. `every` and `timeout` in seconds, `jitter` a share of `every`."""

    every: float
    timeout: float
    jitter: float
    rise: int
    fall: int
    greeting: bytes = b""
    """What opens every connection of a check, before its own bytes."""
    datagram_greeting: bytes = b""
    """What opens every datagram of a check."""
    kinds: Collection[Kind] = ()
    """The kinds of listener that use the pool."""
    secure: Callable[[Backend], Secure | None] = attrgetter("secure")
    """How connections to a backend are made over TLS, if they are; those of sessions are."""


class Probe:
    """The checks of one backend, one after another, for as long as it runs.

    A check is judged by a Deferred of our own, for its code may take a cancellation for one more error and go on. While
    it does, no other is begun, so that there is never more than one, and every interval counts as a failed check.
    """

    def __init__(
        self,
        check: Any,
        schedule: Schedule,
        pool: Pool,
        backend: Backend,
        *,
        reactor: Any,
        changed: Changed,
        skipped: Skipped,
    ) -> None:
        self._reactor, self._check, self._schedule = reactor, check, schedule
        self._pool, self._backend = pool, backend
        self._changed, self._skipped = changed, skipped
        self._thresholds = Thresholds(rise=schedule.rise, fall=schedule.fall, up=backend.up)
        self._call: IDelayedCall | None = None
        self._running: Deferred[Report | None] | None = None
        self._verdict: Deferred[Report | None] | None = None
        self._target: Target | None = None

    def start(self, delay: float) -> None:
        """Check for the first time after `delay` seconds."""
        self._call = self._reactor.callLater(delay, self._run)

    def stop(self) -> None:
        """Check no more; what runs is cancelled."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
        if self._verdict is not None:
            self._verdict.cancel()
        if self._target is not None:
            self._target.abort()

    def _run(self) -> None:
        if self._running is not None:
            self._conclude(Failure(CheckFailed("the check did not stop when cancelled")))
            return
        schedule, backend = self._schedule, self._backend
        if self._target is not None:
            self._target.abort()
        self._target = target = Target(
            self._reactor,
            backend,
            schedule.timeout,
            greeting=schedule.greeting,
            datagram_greeting=schedule.datagram_greeting,
            secure=schedule.secure(backend),
            kinds=schedule.kinds,
        )
        self._running = running = Deferred.fromCoroutine(self._ask(target))
        self._verdict = verdict = Deferred[Report | None]()
        verdict.addTimeout(self._schedule.timeout, self._reactor, _too_late)
        verdict.addBoth(self._judge, target)
        running.addBoth(self._ended, verdict)

    async def _ask(self, target: Target) -> Report | None:
        """Run the check, which may be a function. What it answers must have been waited for, and be None or a report.

        The report is made once more, since the class alone does not prove that its values are what they were.
        """
        answer = getattr(self._check, "check", self._check)(target)
        if not isawaitable(answer):
            raise TypeError(f"{self._check!r} answered {answer!r}, which cannot be awaited")
        result = await answer
        if not isinstance(result, Report | None):
            raise TypeError(f"{self._check!r} answered {result!r}, which is neither None nor a Report")
        return None if result is None else Report(result.weight, result.tags, result.detail)

    def _ended(self, result: Report | Failure | None, verdict: Deferred[Any]) -> None:
        """The check has ended; if too late, it does not matter how."""
        self._running = None
        if not verdict.called:
            verdict.callback(result)

    def _judge(self, result: Report | Failure | None, target: Target) -> None:
        self._verdict = None
        target.close()
        if self._running is not None:
            self._running.cancel()
        if self._call is None:
            return
        shortage = _shortage(result, target)
        if shortage:
            self._skipped(f"backend {self._backend.name!r}: the check could not be made: {shortage}; it does not count")
            self._come_again()
        else:
            self._conclude(result)

    def _conclude(self, result: Report | Failure | None) -> None:
        """Count a result, and come again."""
        if isinstance(result, Failure):
            self._record(None, _evidence(result))
        else:
            report = result or Report()
            self._record(report, report.detail)
        self._come_again()

    def _record(self, report: Report | None, evidence: str) -> None:
        """Change what a report, or a failure, changes, and tell of a backend that is in use now or is not any more."""
        backend = self._backend
        before = backend.up, backend.usable
        visible = report is not None and backend.apply(report)
        if self._thresholds.record(report is not None):
            backend.up = report is not None
            visible = True
        if visible:
            self._pool.refresh()
        if (backend.up, backend.usable) != before:
            self._changed(backend, evidence)

    def _come_again(self) -> None:
        """Check once more after a pause, spread so that the checks of many balancers do not fall into step."""
        share = self._schedule.jitter * (2 * self._pool.ports.random.random() - 1)
        self._call = self._reactor.callLater(self._schedule.every * (1 + share), self._run)


def _too_late(_cancelled: Report | Failure | None, seconds: float) -> Failure:
    return Failure(CheckFailed(f"no result within {seconds:g} s"))


def _shortage(result: Report | Failure | None, target: Target) -> str:
    """What of our own a check that failed was short of; empty if that was not why."""
    if not isinstance(result, Failure):
        return ""
    if not target.shortage and error_number(result.value) in OUR_OWN:
        return result.getErrorMessage()
    return target.shortage


def _evidence(failure: Failure) -> str:
    if failure.check(CheckFailed) is not None:
        return failure.getErrorMessage()
    return f"the check itself failed: {safe_repr(failure.value)}"


class Checks:
    """The probes of all backends of one pool."""

    def __init__(
        self, check: Any, schedule: Schedule, pool: Pool, *, reactor: Any, changed: Changed, skipped: Skipped
    ) -> None:
        self._every = schedule.every
        self._probes = [
            Probe(check, schedule, pool, backend, reactor=reactor, changed=changed, skipped=skipped)
            for backend in pool.backends
        ]

    def start(self) -> None:
        """Begin, with the first checks spread over one interval, the first of them at once."""
        for index, probe in enumerate(self._probes):
            probe.start(self._every * index / len(self._probes))

    def stop(self) -> None:
        """Check no more."""
        for probe in self._probes:
            probe.stop()
