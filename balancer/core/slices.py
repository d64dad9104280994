"""Long work in slices of a turn each, so that nothing else waits for it; refuses to know what is done."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Final, TypeVar

SLICE: Final = 0.002
"""Seconds of one turn that work may take."""

Result = TypeVar("Result")

Work = Callable[[Iterator[None]], object]
"""Takes all the steps, perhaps not all of them at once."""


def at_once(steps: Iterator[None]) -> None:
    """Take all the steps now."""
    for _ in steps:
        pass


def finished(steps: Generator[None, None, Result]) -> Result:
    """What the steps come to, all taken now."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def in_slices(
    steps: Iterator[None], seconds: Callable[[], float], later: Callable[[Callable[[], None]], object]
) -> None:
    """Take all the steps: now, as far as a slice goes but one at least, and then as `later` calls back, in its turn."""
    until = seconds() + SLICE
    for _ in steps:
        if seconds() >= until:
            later(lambda: in_slices(steps, seconds, later))
            return
