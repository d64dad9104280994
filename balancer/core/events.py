"""Keeps what happened to backends lately, in a bounded ring; told the time by a wall clock, and knows no backend."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import attrs

KEPT: Final = 1024
"""Events that are kept; older ones are forgotten."""

LONGEST: Final = 200
"""Characters of one text that are kept, which plugins may have made of anything."""


def _bounded(text: str) -> str:
    """One line of it, and no more than is kept."""
    line = " ".join(text[: 4 * LONGEST].split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."


@attrs.frozen
class Event:
    """One change: when (in seconds since 1970), of which backend, to what, by whom, and the evidence there was.

    An event without a backend is one of the whole pool.
    """

    at: float
    pool: str
    backend: str
    what: str = attrs.field(converter=_bounded)
    why: str = attrs.field(converter=_bounded)
    evidence: str = attrs.field(default="", converter=_bounded)


class Events:
    """The latest events. `noted` counts all there ever were."""

    def __init__(self, wall: Callable[[], float], *, kept: int = KEPT) -> None:
        self.noted = 0
        self._wall = wall
        self._ring: deque[Event] = deque(maxlen=kept)

    def note(self, pool: str, backend: str, what: str, *, why: str, evidence: str = "") -> None:
        """One more, as of now."""
        self.noted += 1
        self._ring.append(Event(self._wall(), pool, backend, what, why, evidence))

    def __iter__(self) -> Iterator[Event]:
        """Oldest first."""
        return iter(self._ring)

    def __reversed__(self) -> Iterator[Event]:
        """Latest first."""
        return reversed(self._ring)
