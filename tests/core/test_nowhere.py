"""What a route without a pool leads to."""

from __future__ import annotations

from typing import Any

from balancer.core.nowhere import NOWHERE
from balancer.errors import NoRoute


class Asking:
    """One who wants a connection."""

    failed: Any = None

    def fail(self, error: Any) -> None:
        self.failed = error


def test_there_is_nobody() -> None:
    """Whoever wants a connection is told at once that there is none, and none is spare."""
    asking: Any = Asking()
    nobody: Any = None
    assert NOWHERE.acquire(asking, fresh=False) is None  # type: ignore[func-returns-value]  # the port answers something
    assert isinstance(asking.failed, NoRoute)
    assert not NOWHERE.spare(nobody, nobody)
    assert NOWHERE.name == "-"
    assert NOWHERE.budget.under_way == 0
