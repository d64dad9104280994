"""A pool in which not all is well: who serves in a panic, and how who comes back is let in."""

from __future__ import annotations

from collections import Counter
from typing import Any

import attrs
import pytest

from balancer.core.backend import Backend
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.core.slow_start import Curve
from balancer.errors import NoBackend
from balancer.interfaces import Kind
from tests.core.policies import Steered, Turns, backend


class Rig:
    """A pool, and what it told."""

    def __init__(self, backends: list[Backend], algorithm: Any = None, **settings: Any) -> None:
        self.turns, self.told, self.backends = Turns(0.0), list[str](), backends
        ports = attrs.evolve(self.turns.ports(), changed=lambda *line: self.told.append(" | ".join(line)))
        self.algorithm = algorithm or Steered("at random")
        self.pool = Pool("site", backends, self.algorithm, ports=ports, **settings)

    def set(self, place: int, **state: Any) -> None:
        """Something becomes of a backend."""
        self.backends[place].become(**state)
        self.pool.refresh()

    def pick(self, *tried: Backend) -> Lease:
        """One pick for a session that has tried these."""
        return self.pool.pick(Session(Kind.TCP, ("192.0.2.1", 1), 0.0, tried=list(tried)))

    def picked(self, count: int) -> Counter[str]:
        """Who has how many of so many sessions, each of which ends at once."""
        found = Counter[str]()
        for _ in range(count):
            lease = self.pick()
            lease.end()
            found[lease.backend.name] += 1
        return found


def fleet(names: str, **told: Any) -> list[Backend]:
    """Backends of these names."""
    return [backend(name, **told) for name in names]


def test_a_panic_uses_who_is_down() -> None:
    """With less than half of a tier up all of it serves, and it is told; with half of it up only these do."""
    rig = Rig(fleet("abcd"), panic=0.5)
    rig.set(0, up=False)
    rig.set(1, up=False)
    assert rig.picked(50).keys() == set("cd")
    rig.set(2, up=False)
    assert rig.picked(200).keys() == set("abcd")
    rig.set(2, up=True)
    assert rig.picked(50).keys() == set("cd")
    assert [line.split(" | ")[0] for line in rig.told] == [
        "tier 0: panic: all backends are used, up or not",
        "tier 0: the panic is over",
    ]


def test_without_a_panic_who_is_down_gets_nothing() -> None:
    """By default nobody who is down gets a session, however few are left."""
    rig = Rig(fleet("abc"))
    rig.set(0, up=False)
    rig.set(1, up=False)
    assert rig.picked(50).keys() == {"c"}
    rig.set(2, up=False)
    with pytest.raises(NoBackend):
        rig.pick()


def slow(names: str, **settings: Any) -> Rig:
    """A pool that has long been running, and lets who comes back in slowly."""
    rig = Rig(fleet(names), slow_start=Curve(60), **settings)
    rig.turns.time += 1000
    return rig


def test_who_comes_back_gets_a_share_that_grows() -> None:
    """Of the sessions it would have one that has come back gets a tenth, a quarter after 15 s, and then all."""
    rig = slow("ab")
    rig.set(0, up=False)
    rig.set(0, up=True)
    for later, share in ((0, 0.1), (15, 0.25), (15, 0.5), (30, 1.0)):
        rig.turns.time += later
        assert rig.picked(2000)["a"] / 2000 == pytest.approx(share / 2, abs=0.04)
    assert not rig.backends[0].guarded


def test_one_that_starts_slowly_is_better_than_none() -> None:
    """A session that has tried all others, or whose algorithm insists, is served all the same."""
    rig = slow("ab", algorithm=Steered("first"))
    rig.set(0, up=False)
    rig.set(0, up=True)
    assert {rig.pick(rig.backends[1]).backend.name for _ in range(50)} == {"a"}
    found = rig.picked(500)
    assert 20 < found["a"] < 150
    rig.set(1, up=False)
    assert rig.picked(50) == {"a": 50}
    one = Session(Kind.TCP, ("192.0.2.1", 1), 0.0, tried=rig.backends)
    with pytest.raises(NoBackend, match="was tried"):
        rig.pool.pick(one)


def test_what_was_passed_over_is_told_of() -> None:
    """Every choice that slow start refuses ends at once for the algorithm that made it."""
    rig = slow("ab", algorithm=Steered("first"))
    rig.set(0, up=False)
    rig.set(0, up=True)
    rig.picked(100)
    assert rig.algorithm.book.chosen == rig.algorithm.book.released
    assert rig.algorithm.book.chosen["a"] > 100


def test_a_full_one_stays_full_while_it_starts() -> None:
    """A limit counts before any share: nobody is given to who has all that it takes."""
    rig = slow("ab", algorithm=Steered("first"))
    rig.set(0, up=False)
    rig.set(0, up=True, max_connections=1)
    held = [rig.pick(rig.backends[1])]
    assert rig.picked(100) == {"b": 100}
    with pytest.raises(NoBackend):
        rig.pick(rig.backends[1])
    held.pop().end()
    assert rig.picked(500)["a"] > 0


class Belonging:
    """An algorithm to which every session belongs to the first."""

    name = "belonging"

    def picker(self, backends: Any, random: Any) -> Any:
        self.first = backends[0]
        return self

    def __call__(self, session: Any) -> Any:
        return self.first

    def belongs(self, session: Any, one: Any) -> bool:
        return one is self.first


def test_who_belongs_there_is_let_in() -> None:
    """A session that belongs to a backend is not held back from it."""
    rig = slow("ab", algorithm=Belonging())
    rig.set(0, up=False)
    rig.set(0, up=True)
    assert rig.picked(50) == {"a": 50}
