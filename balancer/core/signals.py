"""Numbers that backends report of themselves, for as long as they count; refuses to know where they come from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from math import isfinite
from typing import Any

from balancer.core.backend import Backend
from balancer.core.faults import Faults, named
from balancer.core.messages import ResponseHead
from balancer.errors import CheckFailed


class Signals(Mapping[str, float]):
    """The numbers of one backend by name, each until it expires: a name whose number is too old is not there."""

    __slots__ = ("_seconds", "_values")

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._values: dict[str, tuple[float, float]] = {}

    def put(self, name: str, value: float, expire: float) -> None:
        """Have that number count for so many seconds."""
        self._values[name] = value, self._seconds() + expire

    def __getitem__(self, name: str) -> float:
        value, end = self._values[name]
        if end <= self._seconds():
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        now = self._seconds()
        return iter([name for name, (_, end) in self._values.items() if end > now])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))


class Intake:
    """Takes what one source tells of a pool's backends: the numbers of those names that are used, and no others.

    `name` tells the pool as well, `faults` counts what was no number, or could not be had because the source failed.
    """

    def __init__(
        self, pool: str, source: Any, used: Collection[str], report: Callable[[str, BaseException], object]
    ) -> None:
        self.faults = Faults(report)
        self.source, self.name = source, f"pool {pool!r}: signals: {named(source)}"
        self._names = frozenset(used).intersection(source.names)
        self._expire: float = source.expire

    def take(self, backend: Backend, told: object) -> None:
        """Put what counts into the backend's signals, if that is what they can be put into.

        Raises `TypeError` or `ValueError` for what is no mapping of finite numbers by name.
        """
        if not isinstance(told, Mapping):
            raise TypeError(f"answered a {type(told).__name__}; expected numbers by name")
        found = {name: told[name] for name in self._names if name in told}
        for name, value in found.items():
            if not isinstance(value, int | float) or not isfinite(value):
                raise ValueError(f"signal {name!r}: {value!r} is not a finite number")
        if isinstance(backend.signals, Signals):
            for name, value in found.items():
                backend.signals.put(name, float(value), self._expire)

    def offer(self, backend: Backend, told: object) -> None:
        """Take what can be taken; what cannot is a fault of the source."""
        try:
            self.take(backend, told)
        except BaseException as error:  # noqa: BLE001  a stranger's mapping may raise anything, SystemExit too
            self.failed(error)

    def failed(self, error: BaseException) -> None:
        """Count one more fault of the source."""
        self.faults.note(self.name, error)


Missed = Callable[[Backend, str], object]
"""Is told of a backend of which there was nothing to be had, and why."""


class Hearing:
    """Listens to the heads of HTTP answers for those sources that read them."""

    def __init__(self, intakes: Collection[Intake], missed: Missed) -> None:
        self._missed = missed
        self._intakes = [(intake, frozenset(intake.source.fields)) for intake in intakes]
        self._fields = frozenset[str]().union(*(fields for _, fields in self._intakes))

    def heard(self, backend: Backend, head: ResponseHead) -> ResponseHead:
        """Take what the head of an answer tells; return it without what is not for clients."""
        there = {name for name, _ in head.fields} & self._fields
        if not there:
            return head
        for intake, fields in self._intakes:
            if fields & there:
                self._read(intake, backend, head)
        return head.without(*there)

    def _read(self, intake: Intake, backend: Backend, head: ResponseHead) -> None:
        try:
            intake.take(backend, intake.source.answered(head.copy()))
        except CheckFailed as error:
            self._missed(backend, str(error))
        except BaseException as error:  # noqa: BLE001  a stranger's code may raise anything, SystemExit too
            intake.failed(error)
