"""Makes the pickers of one pool: by its algorithm, or by what the algorithm keeps for that pool as long as it lives.

Long work is done in slices of time, so that it holds nobody up. Refuses to contain what goes wrong; see `core.pickers`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from random import Random
from typing import Any, Final, Protocol

from balancer.core.backend import Backend
from balancer.interfaces import Picker

SLICE: Final = 0.001
"""Seconds in one turn that a picker under construction may take."""

Work = Generator[None, None, Picker]
"""A picker under construction."""


class Outside(Protocol):
    """What is needed of the outside."""

    @property
    def random(self) -> Random:
        """Where chance comes from."""

    @property
    def seconds(self) -> Callable[[], float]:
        """Tells the time."""

    @property
    def later(self) -> Callable[[Callable[[], None]], object]:
        """Calls back in the next turn."""


class Maker:
    """An algorithm as one pool asks it. `keeps` tells whether it has a keeper, see `IAlgorithm`."""

    work: Work | None = None
    """What is under way."""

    def __init__(self, algorithm: Any, members: Iterable[Backend], outside: Outside, keeper: Any = None) -> None:
        self.keeps = hasattr(algorithm, "keeper")
        self.outside = outside
        self._algorithm: Any = algorithm
        self._keeper: Any = keeper
        self._members = tuple(members)

    def still(self, outside: Outside) -> Maker:
        """One that makes the same choices, of which the keeper learns nothing; or has a new one, if it cannot do that.

        Raises what the keeper raises.
        """
        still = getattr(self._keeper, "still", None)
        return Maker(self._algorithm, self._members, outside, None if still is None else still())

    def quickly(self, backends: Sequence[Backend]) -> list[Any]:
        """What should be a picker for these, alone in the list, which is empty if that takes longer than a slice.

        Raises what the algorithm raises.
        """
        made = self._picker(backends)
        return list(self._worked(made, SLICE)) if isinstance(made, Generator) else [made]

    def begin(
        self,
        backends: Sequence[Backend],
        first: float,
        done: Callable[[Any, bool], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """Make one: at once, or in slices with a turn for each, of which the first may take so many seconds.

        In the end `done` is called with what should be a picker and whether that took slices, or `failed`; neither, if
        it was dropped or another was begun. What `done` raises counts as the algorithm's failure.
        """
        self.work = None
        try:
            made = self._picker(backends)
            if isinstance(made, Generator):
                self.work = made
                self._go_on(made, first, done, failed)
            else:
                done(made, False)
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            failed(error)

    def drop(self) -> None:
        """What is under way is no longer wanted."""
        self.work = None

    def _picker(self, backends: Sequence[Backend]) -> Any:
        """What should be a picker for these, or the work on it. Raises what the algorithm raises."""
        random = self.outside.random
        if not self.keeps:
            return self._algorithm.picker(tuple(backends), random)
        if self._keeper is None:
            self._keeper = self._algorithm.keeper()
        offered = frozenset(backends)
        others = tuple(backend for backend in self._members if backend not in offered)
        return self._keeper.picker(tuple(backends), others, random)

    def _go_on(
        self, work: Work, seconds: float, done: Callable[[Any, bool], None], failed: Callable[[BaseException], None]
    ) -> None:
        """A slice, and then the next, unless the work was superseded."""
        if self.work is not work:
            return
        try:
            for picker in self._worked(work, seconds):
                self.work = None
                done(picker, True)
                return
            self.outside.later(lambda: self._go_on(work, SLICE, done, failed))
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            self.work = None
            failed(error)

    def _worked(self, work: Work, limit: float) -> Iterator[Any]:
        """Work for about so long, one step at least: what was made, if that was the last of it."""
        until = self.outside.seconds() + limit
        try:
            next(work)
            while self.outside.seconds() < until:
                next(work)
        except StopIteration as finished:
            yield finished.value
