"""Pickers: made from an algorithm for one snapshot of backends, contained, and left alone while they fail.

An algorithm is strangers' code. Whatever it does wrong stays within the decision at hand, see `core.containment`; after
much of it in a row it is left alone for a while, and its fallback serves where there is one. Then it begins anew, with
a new picker. Refuses to know who is eligible.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from copy import copy
from functools import partial
from random import Random
from typing import Any, Final, Protocol

import attrs

from balancer.core.backend import Backend
from balancer.core.containment import Contained
from balancer.core.faults import Faults, cause, named
from balancer.core.making import SLICE, Maker
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.quarantine import Trust
from balancer.core.session import Session
from balancer.errors import PolicyFailed
from balancer.interfaces import Outcome, Picker

BUDGET: Final = 0.005
"""Seconds that a pick may take. One that takes longer counts, for the work is done; too many in a row are a fault."""

AGAIN: Final = 1.0
"""Seconds after which a picker that could not be made is tried again, whether or not anything has changed."""

MADE_NONE: Final = "the algorithm made no picker"
MAKING: Final = "picker()"
SLOW: Final = "slow picks"
LEFT_ALONE: Final = "the algorithm has failed too often in a row, and is left alone for a while"


class Algorithm(Protocol):
    """`IAlgorithm`, as the pool calls it."""

    name: str

    def picker(self, backends: Sequence[Any], random: Random) -> Picker | Generator[None, None, Picker]:
        """Compile a chooser for one snapshot."""


def _say_nothing(*_what: object) -> None:
    """The report of a pool that nobody listens to."""


def _never(_seconds: float, _call: Callable[[], None]) -> None:
    """The alarm of a pool for which no time passes."""


@attrs.frozen
class Ports:
    """What a pool needs of the outside."""

    random: Random
    seconds: Callable[[], float]
    later: Callable[[Callable[[], None]], object]
    """Calls back in the next turn of the reactor."""
    report: Callable[[str, BaseException], object] = _say_nothing
    """Tells the operator which policy failed, where, and how."""
    changed: Callable[[str, str, str], object] = _say_nothing
    """Tells the operator of a change to the pool as a whole: what, by whom or which rule, and the evidence."""
    after: Callable[[float, Callable[[], None]], object] = _never
    """Calls back in so many seconds."""


class Snapshot:
    """One picker and the backends it was built for; `in_slices` tells whether that took more than one slice of work.

    `belongs` is there if the picker may choose beyond those, for sessions that belong there; `waits` tells whether such
    a session waits for room on its backend. `has_say` tells whether the picker has a say in heads.
    """

    __slots__ = ("backends", "belongs", "has_say", "in_slices", "picker", "released", "requested", "responded", "waits")

    def __init__(self, backends: Sequence[Backend], picker: Picker, *, in_slices: bool = False) -> None:
        if not callable(picker):
            raise TypeError(f"{picker!r} is not a picker: it cannot be called")
        self.backends = frozenset(backends)
        self.picker, self.in_slices = picker, in_slices
        self.released: Callable[[Backend, Outcome], object] | None = getattr(picker, "released", None)
        self.responded: Callable[[Session, Backend, ResponseHead], ResponseHead] | None = getattr(
            picker, "responded", None
        )
        self.requested: Callable[[Session, Backend, RequestHead], RequestHead] | None = getattr(
            picker, "requested", None
        )
        self.has_say = self.responded is not None or self.requested is not None
        self.belongs: Callable[[Session, Backend], bool] | None = getattr(picker, "belongs", None)
        self.waits = bool(getattr(picker, "waits", False))


class Policy(Contained):
    """An algorithm and the containment around it; `faults` counts what it did wrong, `slow` picks beyond the budget.

    `timed` tells whether it is suspected of slow picks, so that the next is to be timed.
    `snapshot` serves: the latest that was prepared. There is none before the first, after a failure to make one, and
    while the algorithm is left alone.
    """

    slow = 0
    snapshot: Snapshot | None = None
    _is_quick = True
    _wanted: Sequence[Backend] | None = None
    _waits = False

    def __init__(self, algorithm: Algorithm, pool: str, ports: Ports, members: Collection[Backend] = ()) -> None:
        name = f"pool {pool!r}: algorithm {named(getattr(algorithm, 'name', algorithm))}"
        super().__init__(name, ports.report, frozenset(members))
        self.timed = False
        self._algorithm, self._ports = algorithm, ports
        self._maker = Maker(algorithm, members, ports)

    @property
    def keeps(self) -> bool:
        """Whether it may serve sessions while no backend gets anything new."""
        return self._maker.keeps

    @property
    def title(self) -> str:
        """What the algorithm calls itself."""
        name = getattr(self._algorithm, "name", None)
        return name if isinstance(name, str) else named(self._algorithm)

    def twin(self, backends: Sequence[Backend], ports: Ports) -> Policy:
        """The same with a picker of its own for these, if there is one here or on its way; a keeper learns nothing."""
        twin = copy(self)
        try:
            twin.begin_anew(ports)
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            twin.failed("still()", error)
            return twin
        if self.snapshot is not None or self.beginning:
            twin.prepare(backends)
        return twin

    def begin_anew(self, ports: Ports) -> None:
        """Have no picker, no fault and no doubt, and know of nothing but these."""
        self.faults, self.doubts, self._ports = Faults(ports.report), {}, ports
        self.snapshot = None
        self._maker = self._maker.still(ports)
        self.give_up()

    @property
    def beginning(self) -> bool:
        """Whether none serves yet and one is on its way."""
        return self.snapshot is None and self._maker.work is not None

    def compile(self, backends: Sequence[Backend]) -> Snapshot | None:
        """A snapshot now, or None if that takes longer than a slice; then it is not tried again until `prepare`.

        Raises `PolicyFailed`, for an algorithm that is left alone too.
        """
        if self.left_alone:
            raise PolicyFailed(f"{self.name} is left alone")
        if not self._is_quick:
            return None
        try:
            made = self._maker.quickly(backends)
            self._is_quick = bool(made)
            return Snapshot(backends, made[0]) if made else None
        except BaseException as error:
            self.failed(MAKING, error)
            raise PolicyFailed(f"{self.name} failed") from error

    def prepare(self, backends: Sequence[Backend], *, first: float = SLICE) -> None:
        """Make the snapshot for these: at once, or in slices, of which the first may take so many seconds.

        Those that follow have a turn and a millisecond each, while the snapshot before serves. What an earlier call has
        still under way is dropped. An algorithm that is left alone does it afterwards.
        """
        self._maker.drop()
        self._is_quick, self._wanted = True, backends
        if self.left_alone:
            return
        self._maker.begin(backends, first, partial(self._made, backends), self._not_made)

    def give_up(self) -> None:
        """Nothing serves, and nothing that is still under way will."""
        self._maker.drop()
        self.snapshot = self._wanted = None

    def took(self, seconds: float) -> None:
        """A pick that was timed went well, in so many seconds."""
        self.timed = seconds > BUDGET
        if not self.timed:
            self.doubts.pop(SLOW, None)
            return
        self.slow += 1
        rest = self.doubts.setdefault(SLOW, Trust()).fault()
        if rest:
            self.rest(rest, SLOW, PolicyFailed(f"took {1000 * seconds:.1f} ms, with a budget of {1000 * BUDGET:g} ms"))

    def rest(self, seconds: float, what: str, error: BaseException) -> None:
        """See `Contained.rest`."""
        self._maker.drop()
        self.snapshot, self.left_alone = None, True
        told = f"algorithm {named(self.title)}: left alone for {seconds:g} s"
        self._ports.changed(told, f"too often in a row: {what}", cause(error))
        self._ports.after(seconds, self._rested)

    def _rested(self) -> None:
        """On probation, with a new picker."""
        self.left_alone = False
        self._ports.changed(f"algorithm {named(self.title)}: asked again", "on probation", "")
        if self._wanted is not None:
            self.prepare(self._wanted)

    def _made(self, backends: Sequence[Backend], picker: Picker, in_slices: bool) -> None:
        self.snapshot = Snapshot(backends, picker, in_slices=in_slices)
        self.doubts.pop(MAKING, None)

    def _not_made(self, error: BaseException) -> None:
        """Nothing serves any more; who is eligible may not change for long."""
        self.snapshot = None
        self.failed(MAKING, error)
        if not self._waits:
            self._waits = True
            self._ports.after(AGAIN, self._make_again)

    def _make_again(self) -> None:
        self._waits = False
        if self._wanted is not None and self.snapshot is None and not self.beginning:
            self.prepare(self._wanted)
