"""Tells the log what a stranger's code did wrong; refuses to know whose code it was."""

from __future__ import annotations

from traceback import format_exception_only

from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger("balancer")


class FaultLog:
    """Tells the log of every fault of a stranger's code; `first` is the first one, in a line."""

    first = ""

    def __call__(self, what: str, error: BaseException) -> None:
        """A part of it failed."""
        self.first = self.first or in_a_line(error)
        log.failure("{what}", Failure(error), what=what)


def in_a_line(error: BaseException) -> str:
    """What kind of error it is and what it says, on one line whatever that is."""
    return " ".join(" ".join(format_exception_only(error)).split())
