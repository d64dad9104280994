"""Doing the same again: another process is told by what it hashes."""

from __future__ import annotations

from balancer.plugins.hashing import SourceHash
from balancer.testing.kit.claims import Claims, Subject
from balancer.testing.kit.repeating import OTHERS, hash_seeds, simulated
from tests.testing.faulty.lasting import HashOfTheProcess, OrderOfASet
from tests.testing.kit.told import story_of


def test_the_simulated_process() -> None:
    """In what looks like another process what goes by `hash` or by a set chooses otherwise, and all else alike."""
    claims = Claims(profile="quick")
    for faulty in (HashOfTheProcess, OrderOfASet):
        here = simulated(Subject(faulty, "", claims), 1)
        assert any(simulated(Subject(faulty, "", claims), salt) != here for salt in OTHERS)
    sound = Subject(SourceHash, "", claims)
    assert simulated(sound, 1) == simulated(sound, 2)
    assert story_of(SourceHash, "determinism", affinity=True) == ""


def test_the_real_process() -> None:
    """What a process of its own chose otherwise is told, too."""
    told = story_of_real(" ".join(["b0"] * 60))
    assert "a second process, with another PYTHONHASHSEED" in told


def story_of_real(answer: str) -> str:
    """What is told when another process chose so."""
    try:
        hash_seeds(Subject(SourceHash, "", Claims(), lambda: answer))
    except AssertionError as broken:
        return str(broken)
    return ""
