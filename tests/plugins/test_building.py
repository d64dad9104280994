"""Pickers of parts: at once where it goes at once, and in slices where not."""

from __future__ import annotations

from collections.abc import Generator
from random import Random as Chance
from types import SimpleNamespace
from typing import Any, cast

import attrs
import pytest
from zope.interface import directlyProvides, implementer

from balancer.interfaces import IAlgorithm, Kind
from balancer.plugins.building import at_once, made
from balancer.plugins.combinators import BoundedLoad, Exact, Fallback, Zones
from balancer.plugins.hashing import Hash, header, source
from balancer.testing.fakes import FakeBackend


@implementer(IAlgorithm)
@attrs.frozen
class Slow:
    """Takes so many slices to make nothing but a function; none at all if that is None."""

    slices: int | None
    name: str = "slow"

    def picker(self, backends: Any, random: Any) -> Any:
        return len if self.slices is None else self._work(self.slices)

    def _work(self, slices: int) -> Generator[None, None, Any]:
        for _ in range(slices):
            yield
        return len


def test_short_work_is_done_at_once() -> None:
    """What takes no second slice is a picker, not work, whatever the part says."""
    for slices in (None, 0):
        assert at_once(made(Slow(slices), [FakeBackend()], Chance(1))) is len


def test_long_work_goes_on_in_slices() -> None:
    """What takes more slices is handed on with the first one done, and ends with the picker."""
    work = at_once(made(Slow(3), [FakeBackend()], Chance(1)))
    assert isinstance(work, Generator)
    assert next(work) is None
    assert next(work) is None
    with pytest.raises(StopIteration) as finished:
        next(work)
    assert finished.value.value is len


def test_what_is_made_of_parts_goes_by_their_signals() -> None:
    """An algorithm among whose settings are others goes by all the signals that those declare, at any depth."""
    named = SimpleNamespace(name="named", picker=None, signals=["queue"])
    other = SimpleNamespace(name="other", picker=None, signals=("usage", "queue"))
    for one in (named, other):
        directlyProvides(one, IAlgorithm)
    both: Any = Fallback(cast(Any, named), BoundedLoad(cast(Any, other)))
    assert both.signals == {"queue", "usage"}
    assert Zones("a").signals == frozenset()


@pytest.mark.parametrize(
    ("algorithm", "kinds"),
    [
        (Fallback(Hash(header("x")), Slow(1)), {Kind.HTTP}),
        (BoundedLoad(Fallback(Slow(1), Exact(header("x")))), {Kind.HTTP}),
        (Fallback(Hash(source()), Exact(lambda _: None)), set(Kind)),
    ],
)
def test_all_settings_say_for_what_sessions_they_are(algorithm: Any, kinds: set[Kind]) -> None:
    """What is made of algorithms and keys tells apart the sessions that all of these can; what says nothing, all."""
    assert algorithm.kinds == kinds


def test_the_zones_of_all_parts() -> None:
    """An algorithm goes by the zones that its parts go by."""
    within: Any = BoundedLoad(Zones("eu", Zones("us")))
    assert within.zones == {"eu", "us"}
