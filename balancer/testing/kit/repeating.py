"""The promises to do the same again: under the same seed, whatever other pools do, and in any other process."""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

from balancer.core.session import Session
from balancer.errors import BalancerError
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.keys import keyed_session
from balancer.testing.kit.searching import for_each_seed
from balancer.testing.kit.stories import Story, listed
from balancer.testing.pools import MemoryPool

PICKS: Final = 60
WEIGHTS: Final = (1, 2, 1, 3, 1)

HOURS: Final = (0.0217, 1.211, 343.17)
"""How much later it is when choices are repeated."""
OTHERS: Final = (2, 3, 4, 5)
"""The salts of other processes; in one alone a small set might have the same order by chance."""

Between = Callable[[MemoryPool], object]


def _nothing(_memory: MemoryPool) -> None:
    """What happens between two picks when nothing does."""


_kept: list[Any] = []
"""Pools that stay alive, lest those after them stand in the same places of memory: `id` must be another."""


def picks(subject: Subject, algorithm: Any, seed: int, between: Between = _nothing) -> list[str]:
    """Where sessions go in a pool with that seed, a third of which end soon, whatever happens `between` two."""
    memory, places, alive = MemoryPool(algorithm, WEIGHTS, seed=seed), list[str](), list[Any]()
    _kept[3:] = []
    _kept.insert(0, memory)
    for number in range(PICKS):
        between(memory)
        try:
            lease = memory.pick(keyed_session(subject, memory, number))
        except BalancerError:
            places.append("none")
            continue
        places.append(lease.backend.name)
        alive.append(lease)
        if number % 3 == 2:
            alive.pop(0).end()
        if number == PICKS // 2:
            memory.rebuild()
    return places


def determinism(subject: Subject) -> None:
    """The same seed and the same sessions give the same choices, whatever is asked of it in between."""
    for_each_seed(lambda seed: _does_it_again(subject, seed), subject.effort)


def _does_it_again(subject: Subject, seed: int) -> None:
    story = Story()
    alone = picks(subject, subject.make(), seed)
    story.tell(f"a pool whose chance is seeded with {seed}: {listed(alone)}")
    story.tell("the same once more, with another object of the kind, at another time of day")
    for hours in HOURS:
        with _another_time(hours):
            again = picks(subject, subject.make(), seed)
        _compare(story, "the same seed and the same sessions give the same choices", alone, again)
    shared = subject.make()
    other = MemoryPool(shared, (1, 1, 1), seed=seed + 1)
    story.steps.pop()
    story.tell("the same once more, while the same object serves another pool too")
    also = picks(subject, shared, seed, lambda _memory: _pick_elsewhere(other))
    _compare(story, "one object serves many pools, which know nothing of each other", alone, also)
    story.steps.pop()
    story.tell("the same once more, while explain() is asked before each choice")
    asked = picks(subject, subject.make(), seed, _ask_why)
    _compare(story, "explain() changes no choice", alone, asked)


@contextmanager
def _another_time(hours: float) -> Iterator[None]:
    """Have the clocks of the process stand elsewhere; the time that counts is the session's."""
    clocks = {name: getattr(time, name) for name in ("time", "monotonic", "perf_counter")}
    vars(time).update({name: partial(_off, clock, hours) for name, clock in clocks.items()})
    try:
        yield
    finally:
        vars(time).update(clocks)


def _off(clock: Callable[[], float], hours: float) -> float:
    return clock() + 3600 * hours


def _pick_elsewhere(memory: MemoryPool) -> None:
    try:
        memory.pick(memory.session()).end()
    except BalancerError:
        return


def _ask_why(memory: MemoryPool) -> None:
    """Have the picker explain itself, if it can; whether it fails is another promise."""
    snapshot = memory.pool.policy.snapshot
    explain = None if snapshot is None else getattr(snapshot.picker, "explain", None)
    if explain is not None:
        with suppress(Exception):
            explain(memory.session())


def _compare(story: Story, promised: str, one: list[str], other: list[str]) -> None:
    if one != other:
        place = next(place for place, pair in enumerate(zip(one, other, strict=True), 1) if pair[0] != pair[1])
        story.broken(promised, f"{listed(other)}; choice {place} is another")


class _Salted(str):
    """A text whose hash is that of another process."""

    __slots__ = ("salt",)
    salt: int

    def __hash__(self) -> int:
        return _hash((self.salt, str.__str__(self)))

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return str.__ne__(self, other)


_hash = builtins.hash


def _salted(text: str, salt: int) -> _Salted:
    made = _Salted(text)
    made.salt = salt
    return made


@contextmanager
def _other_process(salt: int) -> Iterator[None]:
    """Have `hash` answer as in another process, as far as that can be had without one."""
    vars(builtins)["hash"] = lambda thing: _hash((salt, _hash(thing)))
    try:
        yield
    finally:
        vars(builtins)["hash"] = _hash


def simulated(subject: Subject, salt: int) -> list[str]:
    """The choices in what looks like another process: texts and `hash` have other hashes."""
    memory = MemoryPool(_Salting(subject.make(), salt), WEIGHTS, seed=1)
    _kept[3:] = []
    _kept.insert(0, memory)
    for backend in memory.backends:
        backend.books.name = _salted(backend.name, salt)
    with _other_process(salt):
        memory.rebuild()
        return [_choice(memory, keyed_session(subject, memory, number), salt) for number in range(PICKS)]


class _Salting:
    """Gives an algorithm its first picker only when the names are salted."""

    def __init__(self, algorithm: Any, salt: int) -> None:
        self.name, self._algorithm, self._begun = algorithm.name, algorithm, False
        if hasattr(algorithm, "keeper"):
            self.keeper = algorithm.keeper

    def picker(self, backends: Any, random: Any) -> Any:
        """See `IAlgorithm`."""
        if self._begun:
            return self._algorithm.picker(backends, random)
        self._begun = True
        return lambda _session: backends[0]


def _choice(memory: MemoryPool, session: Any, salt: int) -> str:
    if isinstance(session, Session):
        session.become(client=(_salted(session.client[0], salt), session.client[1]))
    try:
        lease = memory.pick(session)
    except BalancerError:
        return "none"
    lease.end()
    return str(lease.backend.name)


def hash_seeds(subject: Subject) -> None:
    """Another process, in which Python hashes otherwise, makes the same choices."""
    story = Story()
    here = simulated(subject, 1)
    story.tell(f"one process: {listed(here)}")
    story.tell("another one, where hash() answers otherwise")
    promised = "all processes choose alike: nothing depends on hash(), on id() or on the order of a set"
    for salt in OTHERS:
        _compare(story, promised, here, simulated(subject, salt))
    there = None if subject.claims.profile == "quick" else subject.replayed()
    if there is not None:
        alone = picks(subject, subject.make(), 1)
        story.steps[:] = [f"this process: {listed(alone)}", "a second process, with another PYTHONHASHSEED"]
        _compare(story, promised, alone, there.split())
