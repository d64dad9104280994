"""Sees to it that pickers made in slices are made some time: on a clock that stands still nobody would stop them else.

Refuses to know what the slices are for.
"""

from __future__ import annotations

from collections.abc import Generator
from time import process_time
from typing import Any, Final

SLICES: Final = 100_000
"""The most slices that a picker may take to make."""
SECONDS: Final = 5.0
"""The most CPU seconds that it may take."""


class EndlessPicker(RuntimeError):
    """A picker is still not made when it should long be."""


def bounded(made: Generator[None, None, Any]) -> Generator[None, None, Any]:
    """The same slices, if they come to an end. Raises `EndlessPicker`."""
    until = process_time() + SECONDS
    for _ in range(SLICES):
        try:
            next(made)
        except StopIteration as end:
            return end.value
        if process_time() > until:
            raise EndlessPicker(f"there is no picker after {SECONDS:g} s of work")
        yield
    raise EndlessPicker(f"there is no picker after {SLICES} slices")


class Ending:
    """An algorithm, or its keeper, in whose place this one stands; its generators end."""

    def __init__(self, making: Any) -> None:
        self._making = making

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._making, name)
        return (lambda: Ending(found())) if name == "keeper" else found

    def picker(self, *offered: Any) -> Any:
        """See `IAlgorithm` and `IKeeper`."""
        made = self._making.picker(*offered)
        return bounded(made) if isinstance(made, Generator) else made
