"""No false alarm: what is sound passes again and again, also in the promises that are measured or counted."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.plugins.algorithms import LeastConnections, PowerOfTwo, Random, RoundRobin
from balancer.plugins.hash_tables import Ketama, Rendezvous
from balancer.plugins.hashing import SourceHash
from tests.testing.kit.told import story_of

FAITHFUL = {"affinity": True, "movement": 0, "weighted": True}
SOUND = [
    (RoundRobin, {"weighted": True}),
    (Random, {"weighted": True}),
    (LeastConnections, {"load_bound": 1, "weighted": True}),
    (PowerOfTwo, {"weighted": True}),
    (lambda: SourceHash(Ketama()), FAITHFUL),
    (lambda: SourceHash(Rendezvous()), FAITHFUL),
]


@pytest.mark.parametrize("run", [1, 2, 3])
@pytest.mark.parametrize(("sound", "claims"), SOUND)
def test_the_sound_are_never_refused(sound: Any, claims: dict[str, Any], run: int) -> None:
    """Memory, budget and shares, which are measured, are never held against the sound."""
    assert [story_of(sound, level, **claims) for level in ("memory", "budget", "weights")] == ["", "", ""], run
