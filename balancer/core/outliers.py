"""Ejects backends whose sessions end badly, for a while, and tries them out before they are wholly back.

Never more than the cap are out at once, and no tier is left without a backend by this alone: the last one is not
ejected, and when the others become unusable one comes back at once. Has no clock of its own, and refuses to know who is
told and what follows from that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

import attrs

from balancer.core.backend import Backend
from balancer.core.blame import Ending, ending, said
from balancer.core.deadlines import Later, Timer
from balancer.core.outlier_counts import Record, Stage
from balancer.core.outlier_rates import standing_out
from balancer.core.outlier_rules import TRIAL, Rules, Verdict
from balancer.core.pool import Lease, Pool
from balancer.errors import BalancerError
from balancer.interfaces import Phase

EJECTED: Final = "ejected"
ON_TRIAL: Final = "on trial"
BACK: Final = "back"
NOT_EJECTED: Final = "not ejected"
"""What may happen to a backend."""


@attrs.frozen
class Change:
    """What has happened to a backend, or has not although a rule wanted it; why, and by what evidence."""

    backend: Backend
    what: str
    why: str
    evidence: str = ""


class Outliers:
    """Watches how the sessions of one pool end: `core.pool.Watch`.

    `ejections` and `observed` count by rule what was done and what was only observed, `spared` what the cap and the
    care for the last backend prevented. Of the latter two each backend is counted, and told of, once in `Rules.time`.
    """

    def __init__(self, rules: Rules, pool: Pool, *, later: Later, told: Callable[[Change], None]) -> None:
        self.ejections, self.observed, self.spared = Counter[str](), Counter[str](), 0
        self._rules, self._pool, self._later, self._told = rules, pool, later, told
        self._records = {backend: Record(backend) for backend in pool.backends}
        self._away: dict[Record, None] = {}
        self._sweeping: Timer | None = None

    def start(self) -> None:
        """Watch the pool."""
        self._pool.watch = self
        self._sweeping = self._later(self._rules.every, self._sweep)

    def stop(self) -> None:
        """Watch it no more; nobody comes back either."""
        self._pool.watch = None
        timers = [self._sweeping, *(record.take_timer() for record in self._records.values())]
        for timer in filter(None, timers):
            timer.cancel()
        self._sweeping = None

    def count(self, stage: Stage) -> int:
        """How many backends are out, or on trial."""
        return sum(record.stage is stage for record in self._away)

    def ended(self, lease: Lease, phase: Phase, status: int | None, error: BalancerError | None) -> None:
        """A session has ended, of which the backend was told by its lease."""
        record = self._records[lease.backend]
        what = ending(phase, first_byte=lease.first_byte, status=status, error=error)
        if record.stage is not Stage.IN:
            self._tried_out(record, lease, what, said(status, error))
        elif what is Ending.WELL:
            record.count_well()
        elif what is not Ending.UNSAID:
            record.count_badly(what, said(status, error))
            for verdict in record.rows(self._rules.rows):
                self._strike(record, verdict)

    def checked(self, backend: Backend, passed: bool) -> None:
        """A health check has passed or failed.

        One that passed all the while knows nothing of what was wrong. So a backend comes back by it only if the checks
        have found something wrong, too, and do no more.
        """
        record = self._records[backend]
        if record.stage is not Stage.OUT or not self._rules.back_by_check:
            return
        if not passed:
            record.doubted = True
        elif record.doubted and backend.up:
            self._try_out(record, "a health check passed")

    def settle(self) -> None:
        """What else makes backends usable has changed: where only ejected ones are left in a tier, one comes back."""
        if not self._away:
            return
        served = {one.backend.tier for one in self._records.values() if one.serves}
        for record in sorted(self._away, key=lambda one: (one.stage is Stage.OUT, one.since)):
            if record.backend.tier not in served and record.would_serve:
                served.add(record.backend.tier)
                self._back(record, "no other is left in its tier")

    def _tried_out(self, record: Record, lease: Lease, what: Ending, word: str) -> None:
        """A session on a backend that is out has ended; if it was one of those that try it out, that decides."""
        if record.stage is Stage.OUT:
            return
        if lease.began < record.since:
            record.older = max(0, record.older - 1)
            record.backend.become(trial=record.older + self._rules.trials)
        elif what is Ending.WELL:
            self._back(record, "a session ended well")
            self._pool.refresh()
        elif what is not Ending.UNSAID:
            record.failed_at = self._pool.ports.seconds()
            self._strike(record, Verdict(TRIAL, "it failed while it was tried out", word))

    def _strike(self, record: Record, verdict: Verdict) -> None:
        """A rule wants a backend out. One that is not in use is none the better for it."""
        if record.stage is Stage.OUT or not record.would_serve:
            return
        observed, now = verdict.rule in self._rules.observed, self._pool.ports.seconds()
        spared = "observed only" if observed else self._why_spared(record)
        if not spared:
            self._eject(record, verdict)
        elif now >= record.quiet_until:
            record.quiet_until = now + self._rules.time
            self.observed[verdict.rule] += observed
            self.spared += not observed
            self._told(Change(record.backend, NOT_EJECTED, verdict.why, f"{verdict.evidence}; {spared}"))

    def _why_spared(self, record: Record) -> str:
        """Why a backend must not be ejected; empty if it may be."""
        cap, tier = self._rules.cap(len(self._records)), record.backend.tier
        if self.count(Stage.OUT) >= cap:
            return f"{cap} of {len(self._records)} may be ejected at once, and {'is' if cap == 1 else 'are'} already"
        others = (one for one in self._records.values() if one is not record and one.backend.tier == tier)
        return "" if any(one.serves for one in others) else "no other would be left in its tier"

    def _eject(self, record: Record, verdict: Verdict) -> None:
        rules, ports, backend = self._rules, self._pool.ports, record.backend
        record.times = min(record.times + 1, rules.most_times)
        seconds = rules.seconds_out(record.times, ports.random.random())
        self._away[record] = None
        record.enter(Stage.OUT, ports.seconds())
        record.timer = self._later(seconds, partial(self._time_over, record))
        self.ejections[verdict.rule] += 1
        backend.become(trial=None, ejected=True)
        evidence = f"{verdict.evidence}; {_ordinal(record.times)} time, for {round(seconds, 1):g} s"
        self._told(Change(backend, EJECTED, verdict.why, evidence))
        self._pool.refresh()

    def _time_over(self, record: Record) -> None:
        record.take_timer()
        self._try_out(record, "its time is over")

    def _try_out(self, record: Record, why: str) -> None:
        """Let it have a few sessions at a time, beside those that are on it still."""
        backend = record.backend
        record.enter(Stage.TRIAL, self._pool.ports.seconds())
        record.older = backend.live
        backend.become(trial=record.older + self._rules.trials, ejected=False)
        self._told(Change(backend, ON_TRIAL, why))
        self._pool.refresh()

    def _back(self, record: Record, why: str) -> None:
        """It is in use as any other, as soon as the pool sees to it."""
        backend = record.backend
        del self._away[record]
        record.enter(Stage.IN, self._pool.ports.seconds())
        backend.become(trial=None, ejected=False)
        self._told(Change(backend, BACK, why))

    def _sweep(self) -> None:
        """An interval is over."""
        self._sweeping = self._later(self._rules.every, self._sweep)
        for record, verdict in standing_out(self._rules, list(self._records.values())):
            self._strike(record, verdict)
        for record in [one for one in self._away if one.answers]:
            self._back(record, "it answers")
            self._pool.refresh()
        for record in self._records.values():
            record.close_interval()


def _ordinal(number: int) -> str:
    teen = 10 < number % 100 < 20
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
