"""Who waits for room, and whose turn it is; knows no pool, no session and no time.

Sources take turns, and what waits for one source is served in the order in which it came. So a source that floods a
queue delays each of the others by one turn at a time, and with one source alone it is first come, first served.

A waiter may have no use for the room of some backends. Those to whom the same ones are useless stand in one line, and
of the lines that can use a room the one that waits for the fewest backends comes first. That starves nobody: a waiter
gets into such a line when a room that was given out to it was useless, and the next in turn gets that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain
from typing import Generic, Protocol, TypeVar

from balancer.core.backend import Backend

ANY: frozenset[Backend] = frozenset()
"""What is of no use to those who can be served by any backend."""


class Queued(Protocol):
    """What waits, by its identity."""

    useless: frozenset[Backend]
    """The backends whose room it has no use for; changed by the queue alone while it waits."""

    @property
    def never(self) -> frozenset[Backend]:
        """Those of them that are of no use whatever becomes of the others."""

    @property
    def source(self) -> object:
        """On whose behalf it waits."""


_Waiter = TypeVar("_Waiter", bound=Queued)


class Line(Generic[_Waiter]):
    """Those who wait for the same; every step is O(1)."""

    def __init__(self) -> None:
        self._sources: OrderedDict[object, OrderedDict[_Waiter, None]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._sources)

    def add(self, waiter: _Waiter) -> None:
        """Have it wait behind those of its source, or its source behind all the others."""
        self._sources.setdefault(waiter.source, OrderedDict())[waiter] = None

    def __iter__(self) -> Iterator[_Waiter]:
        return chain.from_iterable(self._sources.values())

    def first(self) -> _Waiter:
        """Whose turn it is; there must be somebody."""
        return next(iter(next(iter(self._sources.values()))))

    def remove(self, waiter: _Waiter, *, in_turn: bool) -> None:
        """Forget it. If it had its turn, the rest of its source wait until all the others have had theirs."""
        waiters = self._sources[waiter.source]
        del waiters[waiter]
        if not waiters:
            del self._sources[waiter.source]
        elif in_turn:
            self._sources.move_to_end(waiter.source)


class Queue(Generic[_Waiter]):
    """All who wait. A step takes as long as there are lines, which are few: one, while no backend fails."""

    def __init__(self) -> None:
        self._lines: dict[frozenset[Backend], Line[_Waiter]] = {}

    @property
    def takes_any(self) -> bool:
        """Whether anybody waits who can be served by any backend."""
        return ANY in self._lines

    def add(self, waiter: _Waiter) -> None:
        """Have it wait from now on."""
        self._lines.setdefault(waiter.useless, Line()).add(waiter)

    def first(self, backend: Backend) -> _Waiter | None:
        """Whose turn it is when that backend has room."""
        useful = max((useless for useless in self._lines if backend not in useless), key=len, default=None)
        return None if useful is None else self._lines[useful].first()

    def remove(self, waiter: _Waiter, *, in_turn: bool) -> None:
        """It is served, which was its turn, or waits no longer."""
        line = self._lines[waiter.useless]
        line.remove(waiter, in_turn=in_turn)
        if not line:
            del self._lines[waiter.useless]

    def pass_over(self, waiter: _Waiter, backend: Backend) -> None:
        """It had its turn and has no use for that backend: have it wait for the others."""
        self.remove(waiter, in_turn=True)
        waiter.useless |= {backend}
        self.add(waiter)

    def reconsider(self) -> None:
        """The backends have changed: what was passed over may be of use now. It was a turn all the same."""
        passed_over = [one for line in self._lines.values() for one in line if one.useless != one.never]
        for waiter in passed_over:
            self.remove(waiter, in_turn=False)
            waiter.useless = waiter.never
            self.add(waiter)
