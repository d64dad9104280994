"""Threads that take no time, for tests of what is done in some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.python.failure import Failure


class Turns(Clock):
    """A reactor that other threads call at once."""

    def callFromThread(self, call: Callable[..., object], *given: Any) -> None:
        """Call at once."""
        call(*given)


class AtOnce:
    """Up to so many threads, none of which is one."""

    def __init__(self, _most: int) -> None:
        return

    def callInThreadWithCallback(self, told: Any, call: Callable[..., object], *given: Any) -> None:
        """Call, and tell."""
        try:
            result = call(*given)
        except Exception:  # noqa: BLE001  whoever asked is told
            told(False, Failure())
        else:
            told(True, result)
