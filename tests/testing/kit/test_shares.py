"""Shares: what keeps loads level and honours weights is not refused."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.plugins.algorithms import LeastConnections, PowerOfTwo, Random, RoundRobin
from balancer.plugins.hashing import SourceHash
from tests.testing.kit.told import story_of


@pytest.mark.parametrize("sound", [LeastConnections, PowerOfTwo, Random, RoundRobin])
def test_the_sound_honour_weights(sound: Any) -> None:
    """What honours weights keeps its promise."""
    assert story_of(sound, "weights", weighted=True) == ""


def test_hashing_is_rougher() -> None:
    """Keys spread by a hash are judged less strictly."""
    assert story_of(SourceHash, "weights", weighted=True, affinity=True) == ""


def test_level_loads() -> None:
    """Least connections keeps loads level; what takes its turn does not, once a busy backend comes back."""
    assert story_of(LeastConnections, "load_bound", load_bound=1) == ""
    assert "among equals" in story_of(RoundRobin, "load_bound", load_bound=1)
