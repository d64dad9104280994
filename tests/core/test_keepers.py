"""Who is asked for a pool's pickers: the algorithm, or what it keeps for the pool."""

from __future__ import annotations

from random import Random
from typing import Any

from balancer.core.keepers import Maker
from tests.core.policies import backend

CHANCE = Random(1)


class Plain:
    """An algorithm that tells what it was asked."""

    def picker(self, backends: Any, random: Random) -> Any:
        return "plain", backends, random


class Keeping:
    """One that is its own keeper, and counts how often it was asked for it."""

    made = 0

    def keeper(self) -> Any:
        self.made += 1
        return self

    def picker(self, backends: Any, others: Any, random: Random | None = None) -> Any:
        return "kept", backends, others, random


def test_an_algorithm_is_asked_itself() -> None:
    """Without a keeper the algorithm makes the picker, for those that are offered."""
    one, other = backend("a"), backend("b")
    maker = Maker(Plain(), [one, other])
    assert maker.picker([one], CHANCE) == ("plain", (one,), CHANCE)
    assert not maker.keeps


def test_a_keeper_is_asked_in_its_place() -> None:
    """The keeper is made once, as it is first needed, and is told of all the others of the pool."""
    one, other = backend("a"), backend("b")
    algorithm = Keeping()
    maker = Maker(algorithm, [one, other])
    assert (maker.keeps, algorithm.made) == (True, 0)
    for _ in range(2):
        assert maker.picker([one], CHANCE) == ("kept", (one,), (other,), CHANCE)
    assert maker.picker([], CHANCE)[2] == (one, other)
    assert algorithm.made == 1
