"""Counts the failures of strangers' code and tells of them now and then; refuses to know what failed, and why."""

from __future__ import annotations

from collections.abc import Callable


class Faults:
    """The failures of one policy, or of the plugins of one kind that serve together: `count` so far."""

    def __init__(self, report: Callable[[str, BaseException], object]) -> None:
        self.count = 0
        self._report = report

    def note(self, what: str, error: BaseException) -> None:
        """One more. The 1st, 2nd, 4th, 8th and so on is reported, so that a broken plugin does not flood the log."""
        self.count += 1
        if self.count & (self.count - 1) == 0:
            self._report(f"{what} failed, {self.count} times so far", error)
