"""Memory and time: what is sound is not refused, whatever the machine does."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from balancer.interfaces import IBackend, ISession
from balancer.plugins.algorithms import LeastTime, RoundRobin
from balancer.plugins.hash_tables import Ketama
from balancer.plugins.hashing import SourceHash
from balancer.plugins.sticky import OwnCookie, Sticky
from tests.testing.kit.told import story_of


@pytest.mark.parametrize("sound", [RoundRobin, LeastTime, lambda: SourceHash(by=Ketama(4))])
@pytest.mark.parametrize("level", ["memory", "budget"])
def test_the_sound_pass(sound: Any, level: str) -> None:
    """What looks at each backend once, and remembers nothing, keeps both promises."""
    assert story_of(sound, level) == ""


def test_keepers_are_measured() -> None:
    """An algorithm with a keeper is measured by that."""
    assert story_of(lambda: Sticky(OwnCookie("served-by", "s" * 32)), "budget") == ""


class Noting:
    """Notes of each session how many backends it was tried on."""

    name = "noting"

    def __init__(self) -> None:
        self.seen = set[tuple[int, int]]()

    def picker(self, backends: Sequence[IBackend], _random: object) -> Callable[[ISession], IBackend]:
        """See `IAlgorithm`."""

        def pick(session: ISession) -> IBackend:
            self.seen.add((session.attempt, len(session.tried)))
            return next(backend for backend in backends if backend not in session.tried)

        return pick


@pytest.mark.parametrize("level", ["memory", "budget"])
def test_some_sessions_come_again(level: str) -> None:
    """Some of the sessions are the second attempt of one that a backend has refused."""
    noting = Noting()
    story_of(lambda: noting, level)
    assert noting.seen == {(1, 0), (2, 1)}


def test_tracing_goes_on() -> None:
    """Who traces memory already goes on doing so."""
    tracemalloc.start()
    try:
        assert story_of(RoundRobin, "memory") == ""
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("frozen", [True, False])
def test_garbage_is_collected_as_before(monkeypatch: pytest.MonkeyPatch, frozen: bool) -> None:
    """What was there before is left out of collections for the time of the measure alone, or by who wanted that."""
    thawed = list[bool]()
    monkeypatch.setattr(gc, "get_freeze_count", lambda: int(frozen))
    monkeypatch.setattr(gc, "unfreeze", lambda: thawed.append(True))
    assert story_of(RoundRobin, "memory") == ""
    assert bool(thawed) is not frozen
