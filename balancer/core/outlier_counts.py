"""What is counted of one backend by the rules of ejection; decides nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

from balancer.core.backend import Backend
from balancer.core.blame import Ending
from balancer.core.deadlines import Timer
from balancer.core.outlier_rules import ROWS, Verdict

SHOWN: Final = 5
"""Ends of a row that are shown as evidence; the latest."""


class Stage(Enum):
    """How far out of use a backend is."""

    IN = "in use as any other"
    TRIAL = "let a few sessions at a time, until one of them ends"
    OUT = "ejected"

    __hash__ = object.__hash__  # an enumeration's own is of its name, and in Python


class Record:
    """One backend's ends: `well` and `badly` in this interval, and how many bad ones came in a row, rule by rule.

    `times` is how often in a row it was ejected, and `clean` whether it was in use for all of the interval. `since` is
    when the stage began, `failed_at` when a session of a trial last failed, `older` the sessions from before the trial,
    and `doubted` whether a health check has failed during an ejection. Until `quiet_until` nothing is told of it that
    has no effect.
    """

    __slots__ = (
        "_latest", "_rows", "backend", "badly", "clean", "doubted", "failed_at", "older", "quiet_until", "since",
        "stage", "timer", "times", "well",
    )  # fmt: skip

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.well = self.badly = self.times = self.older = 0
        self.stage, self.since, self.failed_at, self.quiet_until = Stage.IN, 0.0, 0.0, 0.0
        self.clean, self.doubted = True, False
        self.timer: Timer | None = None
        self._rows = dict.fromkeys(ROWS, 0)
        self._latest: deque[str] = deque(maxlen=SHOWN)

    @property
    def serves(self) -> bool:
        """Whether it takes sessions as any other; in a panic all do, and those that are down are none to count on."""
        return self.stage is Stage.IN and self.would_serve

    @property
    def would_serve(self) -> bool:
        """Whether it would if only it was not ejected."""
        backend = self.backend
        return backend.up and not backend.agent and not backend.drains and backend.weight > 0

    @property
    def answers(self) -> bool:
        """Whether it said something in a session that tries it out, and not to fail it: it may be long to its end."""
        return self.stage is Stage.TRIAL and self.backend.timing.latest > max(self.since, self.failed_at)

    @property
    def ends(self) -> int:
        """Those of this interval that tell anything."""
        return self.well + self.badly

    @property
    def rate(self) -> float:
        """The share of them that was well; there must be one."""
        return self.well / self.ends

    def count_well(self) -> None:
        """One more that was well: no row goes on."""
        self.well += 1
        if self._latest:
            self.forget()

    def count_badly(self, what: Ending, word: str) -> None:
        """One more that was not, and the word for it."""
        self.badly += 1
        self._latest.append(word)
        for rule, counted in ROWS.items():
            self._rows[rule] = self._rows[rule] + 1 if what in counted else 0

    def rows(self, longest: Mapping[str, int]) -> Iterator[Verdict]:
        """What is said of each row that is as long as its rule allows; it begins anew with that."""
        for rule in ROWS:
            length = self._rows[rule]
            if rule in longest and length >= longest[rule]:
                self._rows[rule] = 0
                yield Verdict(rule, f"{length} consecutive {rule.replace('_', ' ')}", self._evidence(length))

    def enter(self, stage: Stage, now: float) -> None:
        """It is out of use so far from now on; whatever was to happen to it otherwise does not."""
        timer = self.take_timer()
        if timer is not None:
            timer.cancel()
        self.stage, self.since, self.doubted = stage, now, False
        self.clean = False
        self.forget()

    def take_timer(self) -> Timer | None:
        """What ends the stage, if anything does; it is for others to cancel from now on."""
        timer, self.timer = self.timer, None
        return timer

    def forget(self) -> None:
        """No row goes on."""
        self._latest.clear()
        self._rows = dict.fromkeys(ROWS, 0)

    def close_interval(self) -> None:
        """Count the next interval; after one in which it was never out it has been ejected one time fewer."""
        if self.clean and self.times:
            self.times -= 1
        self.clean = self.stage is Stage.IN
        self.well = self.badly = 0

    def _evidence(self, length: int) -> str:
        return ("... " if length > len(self._latest) else "") + ", ".join(list(self._latest)[-length:])
