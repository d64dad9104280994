"""Pickers: compiled from a policy for one snapshot of backends, asked, and contained.

Policies are strangers' code. Whatever they raise or answer stays within the decision at hand: it is counted, reported
with the name of the policy, and answered by the fallback where there is one. Refuses to know who is eligible.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from random import Random
from typing import Any, Protocol

import attrs

from balancer.core.backend import Backend
from balancer.core.faults import Faults
from balancer.core.filters import fit
from balancer.core.messages import ResponseHead
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


def _say_nothing(_what: str, _error: BaseException) -> None:
    """The report of a pool that nobody listens to."""


@attrs.frozen
class Ports:
    """What a pool needs of the outside."""

    random: Random
    seconds: Callable[[], float]
    later: Callable[[Callable[[], None]], object]
    """Calls back in the next turn of the reactor."""
    report: Callable[[str, BaseException], object] = _say_nothing
    """Tells the operator which policy failed, where, and how."""


class Snapshot:
    """One picker and the backends it was built for."""

    __slots__ = ("backends", "picker", "released", "responded")

    def __init__(self, backends: Sequence[Backend], picker: Picker) -> None:
        if not callable(picker):
            raise TypeError(f"{picker!r} is not a picker: it cannot be called")
        self.backends = frozenset(backends)
        self.picker = picker
        self.released: Callable[[Backend, Outcome], object] | None = getattr(picker, "released", None)
        self.responded: Callable[[Session, Backend, ResponseHead], ResponseHead] | None = getattr(
            picker, "responded", None
        )


class Policy:
    """An algorithm and the containment around it; `faults` counts what it did wrong."""

    def __init__(self, algorithm: Algorithm, pool: str, ports: Ports) -> None:
        self.faults = Faults(ports.report)
        self._algorithm, self._ports = algorithm, ports
        self._name = f"pool {pool!r}: algorithm {getattr(algorithm, 'name', algorithm)!r}"
        self._building: object = None

    def compile(self, backends: Sequence[Backend], *, patient: bool = True) -> Snapshot | None:
        """A snapshot now, however long it takes; None for one that takes several slices when not patient.

        Raises `PolicyFailed`.
        """
        try:
            made = self._algorithm.picker(tuple(backends), self._ports.random)
            if isinstance(made, Generator):
                if not patient:
                    return None
                made = _run(made)
            return Snapshot(backends, made)
        except Exception as error:
            self.failed("picker()", error)
            raise PolicyFailed(f"{self._name} failed") from error

    def compile_in_slices(self, backends: Sequence[Backend], done: Callable[[Snapshot | None], None]) -> None:
        """Give `done` a snapshot, or None when the policy fails: at once, or after turns of a millisecond each.

        A later call makes an earlier one that is still at work give up.
        """
        self.give_up()
        try:
            made = self._algorithm.picker(tuple(backends), self._ports.random)
        except Exception as error:  # noqa: BLE001  a stranger's code may raise anything
            self.failed("picker()", error)
            done(None)
            return
        if isinstance(made, Generator):
            self._building = made
            self._build(made, backends, done)
        else:
            self._finish(made, backends, done)

    def give_up(self) -> None:
        """Drop what is still being built in slices: what it is for is no more."""
        self._building = None

    def ask(self, snapshot: Snapshot, session: Session) -> Backend | None:
        """The picker's choice, which is one of its snapshot; raises `PolicyFailed` when it is not to be had."""
        try:
            chosen = snapshot.picker(session)
            if chosen is None:
                return None
            if chosen in snapshot.backends:
                backend: Backend = chosen
                return backend
            raise PolicyFailed(f"answered a {type(chosen).__name__} that was not offered")
        except Exception as error:
            self.failed("picker", error)
            raise PolicyFailed(f"{self._name} failed") from error

    def tell(self, snapshot: Snapshot, backend: Backend, outcome: Outcome) -> None:
        """Let the picker that chose a backend know how it ended."""
        if snapshot.released is not None:
            try:
                snapshot.released(backend, outcome)
            except Exception as error:  # noqa: BLE001  a stranger's code may raise anything
                self.failed("released()", error)

    def respond(self, snapshot: Snapshot, session: Session, backend: Backend, head: ResponseHead) -> ResponseHead:
        """The head as the picker wants it. Raises `PolicyFailed` when it raises or answers with something else."""
        if snapshot.responded is None:
            return head
        try:
            return fit(snapshot.responded(session, backend, head), head)
        except Exception as error:
            self.failed("responded()", error)
            raise PolicyFailed(f"{self._name} failed") from error

    def failed(self, what: str, error: Exception) -> None:
        """Count a fault of that part of the algorithm."""
        self.faults.note(f"{self._name}: {what}", error)

    def _build(
        self, made: Generator[None, None, Picker], backends: Sequence[Backend], done: Callable[[Snapshot | None], None]
    ) -> None:
        """One slice of the work, one step of it at least; superseded work is dropped."""
        if self._building is not made:
            return
        until = self._ports.seconds() + SLICE
        try:
            next(made)
            while self._ports.seconds() < until:
                next(made)
        except StopIteration as finished:
            self._finish(finished.value, backends, done)
        except Exception as error:  # noqa: BLE001  a stranger's code may raise anything
            self.failed("picker()", error)
            done(None)
        else:
            self._ports.later(lambda: self._build(made, backends, done))

    def _finish(self, picker: Picker, backends: Sequence[Backend], done: Callable[[Snapshot | None], None]) -> None:
        try:
            snapshot = Snapshot(backends, picker)
        except Exception as error:  # noqa: BLE001  a stranger's code may raise anything
            self.failed("picker()", error)
            done(None)
        else:
            done(snapshot)


def _run(made: Generator[None, None, Picker]) -> Picker:
    while True:
        try:
            next(made)
        except StopIteration as finished:
            picker: Picker = finished.value
            return picker
