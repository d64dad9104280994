"""Algorithms that tests steer, and that keep book of their picks; know nothing of pools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from random import Random
from typing import Any

from balancer.core.backend import Backend
from balancer.core.pickers import Ports
from balancer.interfaces import Outcome

ANSWERS = ("first", "last", "at random", "none", "raise", "stranger", "unhashable")
MAKINGS = ("at once", "in slices", "raise", "raise in slices", "not callable", "broken")
FAULTS = {"raise", "stranger", "unhashable", "raise in slices", "not callable", "broken"}


class Book:
    """How often what was chosen, and given back; and what went wrong."""

    def __init__(self) -> None:
        self.chosen, self.released = Counter[str](), Counter[str]()
        self.outcomes = list[Outcome]()
        self.faults = self.declined = 0


class Chooser:
    """A picker that answers as its algorithm is told to."""

    def __init__(self, algorithm: Steered, backends: Sequence[Backend], random: Random) -> None:
        self.algorithm, self.backends, self.random = algorithm, backends, random

    def __call__(self, session: Any) -> Any:
        """Choose, or misbehave."""
        book, answer = self.algorithm.book, self.algorithm.answer
        book.faults += answer in FAULTS
        book.declined += answer == "none"
        if answer == "raise":
            raise ValueError("no choice today")
        if answer in {"none", "stranger", "unhashable"}:
            return {"none": None, "stranger": object(), "unhashable": []}[answer]
        places = {"first": 0, "last": -1, "at random": self.random.randrange(len(self.backends))}
        chosen = self.backends[places[answer]]
        book.chosen[chosen.name] += 1
        return chosen

    def released(self, backend: Backend, outcome: Outcome) -> None:
        """Keep book, then misbehave if told to."""
        self.algorithm.book.released[backend.name] += 1
        self.algorithm.book.outcomes.append(outcome)
        if self.algorithm.sulks:
            self.algorithm.book.faults += 1
            raise ValueError("do not come back")


class Broken:
    """A picker that cannot even be looked at."""

    @property
    def released(self) -> None:
        """Not to be had."""
        raise ValueError("not even that")

    def __call__(self, session: Any) -> Any:
        """Never asked."""


class Steered:
    """An algorithm whose `answer` and `making` the test sets; `sulks`: whether `released` raises."""

    def __init__(self, answer: str = "first", making: str = "at once", *, slices: int = 3) -> None:
        self.name, self.book = "steered", Book()
        self.answer, self.making, self.slices, self.sulks = answer, making, slices, False

    def picker(self, backends: Sequence[Backend], random: Random) -> Any:
        """Make a picker, or misbehave."""
        if self.making in {"in slices", "raise in slices"}:
            return self._in_slices(Chooser(self, backends, random), self.making)
        self.book.faults += self.making in FAULTS
        if self.making == "raise":
            raise ValueError("no picker today")
        return {"not callable": None, "broken": Broken()}.get(self.making, Chooser(self, backends, random))

    def _in_slices(self, chooser: Chooser, making: str) -> Generator[None, None, Chooser]:
        for _ in range(self.slices):
            yield
        if making == "raise in slices":
            self.book.faults += 1
            raise ValueError("no picker after all")
        return chooser


class Turns:
    """A clock on which every look takes `look` seconds, and a queue of calls for the next turn."""

    def __init__(self, look: float = 0.002) -> None:
        self.look = look
        self.time, self.queue, self.reports = 100.0, list[Callable[[], None]](), list[str]()

    def ports(self, seed: int = 0) -> Ports:
        """What a pool needs."""
        return Ports(Random(seed), self.seconds, self.queue.append, lambda what, _error: self.reports.append(what))

    def seconds(self) -> float:
        """Later each time."""
        self.time += self.look
        return self.time

    def run(self, turns: int = 1) -> None:
        """Let turns pass."""
        for _ in range(turns):
            queue, self.queue[:] = self.queue.copy(), []
            for call in queue:
                call()


def backend(name: str, *, weight: float = 1.0, tier: int = 0, up: bool = True) -> Backend:
    """A backend on a clock that stands."""
    return Backend(name, f"{name}:80", (name, 80), seconds=lambda: 0.0, weight=weight, tier=tier, up=up)
