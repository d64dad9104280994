"""Asks a health check, which may be anybody's, for its result; what it answers is proved, not believed."""

from __future__ import annotations

from inspect import isawaitable
from typing import Any

from balancer.interfaces import Report


async def examined(check: Any, target: Any) -> Report | None:
    """Run a check, or the function in its place. Raises what it raises, and `TypeError` for what is no result.

    What it answers must have been waited for, and be None or a report. That is made once more, since the class alone
    does not prove that its values are what they were.
    """
    answer = getattr(check, "check", check)(target)
    if not isawaitable(answer):
        raise TypeError(f"{check!r} answered {answer!r}, which cannot be awaited")
    result = await answer
    if not isinstance(result, Report | None):
        raise TypeError(f"{check!r} answered {result!r}, which is neither None nor a Report")
    return None if result is None else Report(result.weight, result.tags, result.detail, result.signals)
