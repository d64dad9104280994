"""Asks a source of signals about one backend; when is for `net.probing` to say, and what counts for `core.signals`."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from twisted.python.failure import Failure

from balancer.core.backend import Backend
from balancer.core.signals import Intake, Missed
from balancer.errors import CheckFailed
from balancer.net.check_target import Target


class Collecting:
    """One source and one backend: `net.probing.Examiner`. What cannot be had leaves the numbers before it to expire."""

    def __init__(self, intake: Intake, backend: Backend, *, aim: Callable[[Backend], Target], missed: Missed) -> None:
        self._intake, self._backend = intake, backend
        self._aim, self._missed = aim, missed

    @property
    def every(self) -> float:
        """See `Examiner`."""
        seconds: float = self._intake.source.every
        return seconds

    def aim(self) -> Target:
        """See `Examiner`."""
        return self._aim(self._backend)

    async def ask(self, target: Target) -> Any:
        """See `Examiner`."""
        answer = self._intake.source.collect(target)
        if not isawaitable(answer):
            raise TypeError(f"collect() answered a {type(answer).__name__}, which cannot be awaited")
        return await answer

    def judge(self, answer: Any) -> None:
        """See `Examiner`."""
        if isinstance(answer, Failure) and answer.check(CheckFailed) is not None:
            self._missed(self._backend, answer.getErrorMessage())
        elif isinstance(answer, Failure):
            self._intake.failed(answer.value or Exception())
        else:
            self._intake.offer(self._backend, answer)

    def skipped(self, shortage: str) -> None:
        """See `Examiner`."""
        self._missed(self._backend, shortage)
