"""Counts what goes wrong and tells of it now and then; refuses to know what failed, and why.

The 1st, 2nd, 4th, 8th time and so on is told, so that what always fails does not flood the log.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from types import FunctionType
from typing import Final

from balancer.errors import BalancerError

MOST: Final = 256
"""Plugins that are counted one by one: a stranger's may have another name each time."""

OTHERS: Final = "others"

_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")


class Faults:
    """The failures of the plugins that serve together, plugin by plugin: `count` so far, and how the latest came.

    Whoever tells of it, a failure says no more than its type, unless the message is our own: others may hold secrets.
    `where` they serve stands before the name of each.
    """

    def __init__(self, report: Callable[[str, BaseException], object], where: str = "") -> None:
        self.count, self._where = 0, where
        self.counts: Counter[str] = Counter()
        self.causes: dict[str, str] = {}
        self._report = report

    def note(self, what: str, error: BaseException) -> None:
        """One more of that plugin."""
        self.count += 1
        what = self._where + what
        kind = what if what in self.counts or len(self.counts) < MOST else OTHERS
        self.counts[kind] += 1
        self.causes[kind] = cause(error)
        if _has_doubled(self.counts[kind]):
            self._report(f"{what} failed, {self.counts[kind]} times so far", error)


def cause(error: BaseException) -> str:
    """What to tell of an error that may be a stranger's, with secrets in it."""
    return str(error) if isinstance(error, BalancerError) else type(error).__name__


class Tally:
    """What befell the sessions of one listener, kind by kind: `counts` so far."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self.counts: Counter[str] = Counter()
        self._tell = tell

    def note(self, kind: str, line: str) -> None:
        """One more of that kind, of which there may be only so many; `line` says what happened this time."""
        self.counts[kind] += 1
        if _has_doubled(self.counts[kind]):
            self._tell(f"{line}, {self.counts[kind]} so far")


def named(stranger: object) -> str:
    """What a stranger calls itself, a function by its name; or of what type it is if it cannot say even that."""
    try:
        return stranger.__qualname__ if isinstance(stranger, FunctionType) else placeless(repr(stranger))
    except BaseException:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
        return f"<{type(stranger).__name__}>"


def placeless(text: str) -> str:
    """The text without where objects are in memory, which is another place each time."""
    return _ADDRESS.sub("", text)


def _has_doubled(count: int) -> bool:
    """Whether that is a power of two."""
    return count & (count - 1) == 0
