"""The watch on an algorithm: it sees what is wrong and stays out of the way."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from balancer.plugins.hashing import SourceHash
from balancer.plugins.sticky import OwnCookie, Sticky
from balancer.testing import FakeBackend, FakeSession
from balancer.testing.kit.algorithms import finished
from balancer.testing.kit.stories import Broken, Story
from balancer.testing.kit.watching import Watched, misfit, tell_wrong


def test_a_sound_algorithm_is_left_alone() -> None:
    """What a picker has besides can be had through the watch, slices and keepers too, and nothing is noted."""
    watched = Watched(SourceHash())
    backends = (FakeBackend("a"), FakeBackend("b"))
    picker = finished(watched.picker(backends, Random(1)))
    assert picker(FakeSession()) in backends
    assert picker.explain(FakeSession())
    assert watched.wrong == []
    assert watched.name == "source-hash"
    assert not hasattr(watched, "keeper")
    keeper = Watched(Sticky(OwnCookie("served-by", "s" * 32))).keeper()
    assert keeper.picker(backends, (), Random(1))(FakeSession()) in backends


class Failing:
    """Fails in slices."""

    name = "failing"

    def picker(self, backends: Any, random: Any) -> Any:
        """See `IAlgorithm`."""
        yield
        raise ValueError("no")


class Coroutine:
    """Makes its picker in a coroutine."""

    name = "coroutine"

    async def picker(self, backends: Any, random: Any) -> Any:
        """See `IAlgorithm`."""


def test_what_goes_wrong_is_noted() -> None:
    """A generator that fails and a picker that is none are noted in words."""
    failing, coroutine = Watched(Failing()), Watched(Coroutine())
    with pytest.raises(ValueError, match="no"):
        finished(failing.picker((), Random(1)))
    assert [came for _, came in failing.wrong] == ["the generator of picker() raised ValueError: no"]
    coroutine.picker((), Random(1))
    assert "which cannot be called" in coroutine.wrong[0][1]
    with pytest.raises(Broken):
        tell_wrong(coroutine, Story())
    with pytest.raises(Broken, match="what: KeyError"):
        tell_wrong(Watched(Failing()), Story(), [("what", KeyError())])


def test_answers_are_judged() -> None:
    """A backend that was not offered is told by its name."""
    assert misfit(FakeBackend("x"), [FakeBackend("a")]) == "backend x, which was not offered; offered were a"
    assert misfit(None, []) == ""
