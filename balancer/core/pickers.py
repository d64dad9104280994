"""Pickers: compiled from a policy for one snapshot of backends, asked, and contained.

Policies are strangers' code. Whatever they raise (a `SystemExit` must not end a session without an answer) or answer
stays within the decision at hand: it is counted, reported with the name of the policy, and answered by the fallback
where there is one. Refuses to know who is eligible.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from copy import copy
from random import Random
from typing import Any, Protocol

import attrs

from balancer.core.backend import Backend
from balancer.core.faults import Faults, named
from balancer.core.filters import fit
from balancer.core.keepers import Maker
from balancer.core.messages import RequestHead, ResponseHead
from balancer.core.session import Session
from balancer.errors import PolicyFailed
from balancer.interfaces import Outcome, Picker

SLICE = 0.001
"""Seconds in one turn that a picker under construction may take."""


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


class Policy:
    """An algorithm and the containment around it; `faults` counts what it did wrong.

    `snapshot` serves: the latest that was prepared, None before the first and after a failure to make one. `members`
    are all backends of the pool.
    """

    def __init__(self, algorithm: Algorithm, pool: str, ports: Ports, members: Collection[Backend] = ()) -> None:
        self.faults = Faults(ports.report)
        self._pool, self._members, self._ports = pool, frozenset(members), ports
        self._algorithm = algorithm
        self._maker = Maker(algorithm, members)
        self._name = f"pool {pool!r}: algorithm {named(getattr(algorithm, 'name', algorithm))}"
        self.snapshot: Snapshot | None = None
        self._building: object = None
        self._is_quick = True

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
        """The same algorithm with a picker of its own for these, if there is one here or on its way."""
        twin = copy(self)
        twin.faults, twin._ports, twin.snapshot, twin._building = Faults(ports.report), ports, None, None
        if self.snapshot is not None or self.beginning:
            twin.prepare(backends)
        return twin

    @property
    def beginning(self) -> bool:
        """Whether none serves yet and one is on its way."""
        return self.snapshot is None and self._building is not None

    def compile(self, backends: Sequence[Backend]) -> Snapshot | None:
        """A snapshot now, or None if that takes longer than a slice; then it is not tried again until `prepare`.

        Raises `PolicyFailed`.
        """
        if not self._is_quick:
            return None
        try:
            made = self._maker.picker(backends, self._ports.random)
            picker = self._finish(made) if isinstance(made, Generator) else made
            return Snapshot(backends, picker) if self._is_quick else None
        except BaseException as error:
            self.failed("picker()", error)
            raise PolicyFailed(f"{self._name} failed") from error

    def prepare(self, backends: Sequence[Backend], *, first: float = SLICE) -> None:
        """Make the snapshot for these: at once, or in slices, of which the first may take so many seconds.

        Those that follow have a turn and a millisecond each, while the snapshot before serves. What an earlier call has
        still under way is dropped.
        """
        self._building, self._is_quick = None, True
        try:
            made = self._maker.picker(backends, self._ports.random)
            if isinstance(made, Generator):
                self._building = made
                self._build(made, backends, first)
            else:
                self.snapshot = Snapshot(backends, made)
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            self.give_up()
            self.failed("picker()", error)

    def give_up(self) -> None:
        """Nothing serves, and nothing that is still under way will."""
        self.snapshot = self._building = None

    def ask(self, snapshot: Snapshot, session: Session) -> Backend | None:
        """The picker's choice, which is one of its snapshot, or of the pool if the picker knows who belongs where.

        Raises `PolicyFailed` when it is not to be had.
        """
        try:
            chosen = snapshot.picker(session)
            if chosen is None:
                return None
            if chosen in snapshot.backends or (snapshot.belongs is not None and chosen in self._members):
                backend: Backend = chosen
                return backend
            raise PolicyFailed(f"answered a {type(chosen).__name__} that was not offered")
        except BaseException as error:
            self.failed("picker", error)
            raise PolicyFailed(f"{self._name} failed") from error

    def tell(self, snapshot: Snapshot, backend: Backend, outcome: Outcome) -> None:
        """Let the picker that chose a backend know how it ended."""
        if snapshot.released is not None:
            try:
                snapshot.released(backend, outcome)
            except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
                self.failed("released()", error)

    def belongs(self, snapshot: Snapshot, session: Session, backend: Backend) -> bool:
        """Whether that backend is the session's own."""
        if snapshot.belongs is None:
            return False
        try:
            return bool(snapshot.belongs(session, backend))
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            self.failed("belongs()", error)
            return False

    def request(self, snapshot: Snapshot, session: Session, backend: Backend, head: RequestHead) -> RequestHead:
        """The head as the picker wants the backend to see it. Raises `PolicyFailed`, see `respond`."""
        if snapshot.requested is None:
            return head
        try:
            asked = fit(snapshot.requested(session, backend, attrs.evolve(head)), head)
            return head if asked == head else asked
        except BaseException as error:
            self.failed("requested()", error)
            raise PolicyFailed(f"{self._name} failed") from error

    def respond(self, snapshot: Snapshot, session: Session, backend: Backend, head: ResponseHead) -> ResponseHead:
        """The head as the picker wants it. Raises `PolicyFailed` when it raises or answers with something else."""
        if snapshot.responded is None:
            return head
        head = head.copy()
        try:
            return fit(snapshot.responded(session, backend, head), head)
        except BaseException as error:
            self.failed("responded()", error)
            raise PolicyFailed(f"{self._name} failed") from error

    def failed(self, what: str, error: BaseException) -> None:
        """Count a fault of that part of the algorithm."""
        self.faults.note(f"{self._name}: {what}", error)

    def _finish(self, made: Generator[None, None, Picker]) -> Any:
        """The picker, if a slice of time is enough for all the work; else none, and a note of that."""
        until = self._ports.seconds() + SLICE
        try:
            next(made)
            while self._ports.seconds() <= until:
                next(made)
        except StopIteration as finished:
            return finished.value
        self._is_quick = False
        return None

    def _build(self, made: Generator[None, None, Picker], backends: Sequence[Backend], seconds: float) -> None:
        """One slice of the work, one step of it at least. Raises what the algorithm raises."""
        until = self._ports.seconds() + seconds
        try:
            next(made)
            while self._ports.seconds() < until:
                next(made)
        except StopIteration as finished:
            self._building, self.snapshot = None, Snapshot(backends, finished.value, in_slices=True)
        else:
            self._ports.later(lambda: self._go_on(made, backends))

    def _go_on(self, made: Generator[None, None, Picker], backends: Sequence[Backend]) -> None:
        """The next slice, unless the work was superseded."""
        if self._building is not made:
            return
        try:
            self._build(made, backends, SLICE)
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            self.give_up()
            self.failed("picker()", error)
