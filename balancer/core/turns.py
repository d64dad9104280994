"""So many at once and no more: all others wait for their turn, in order; refuses to know what is done in a turn."""

from __future__ import annotations

from typing import Protocol


class Taker(Protocol):
    """Whoever takes turns, one at a time."""

    def begin(self) -> None:
        """It is its turn, until it says that it is `Turns.done`; it may say so before this returns."""


class Turns:
    """At most `most` have their turn at once; `taken` of them do so now, and `waiting` will."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[Taker, None] = {}
        self._waiting: dict[Taker, None] = {}
        self._giving = False

    @property
    def taken(self) -> int:
        """Who has a turn now."""
        return len(self._taken)

    @property
    def waiting(self) -> int:
        """Who waits for one."""
        return len(self._waiting)

    def ask(self, taker: Taker) -> None:
        """Have it begin, now or as soon as those before it leave room."""
        self._waiting[taker] = None
        self._give()

    def done(self, taker: Taker) -> None:
        """Its turn is over, or is not wanted any more; without either this does nothing."""
        self._waiting.pop(taker, None)
        self._taken.pop(taker, None)
        self._give()

    def _give(self) -> None:
        """Begin what there is room for; who is done at once makes room in this very loop, so that nothing nests."""
        if self._giving:
            return
        self._giving = True
        try:
            while self._waiting and len(self._taken) < self._most:
                taker = next(iter(self._waiting))
                del self._waiting[taker]
                self._taken[taker] = None
                taker.begin()
        finally:
            self._giving = False
