"""Backends as values."""

from __future__ import annotations

import attrs
import pytest

from balancer.config import Backend
from balancer.errors import ConfigError


def test_backend_defaults() -> None:
    """A backend needs no more than its address, which without tcp: is its name."""
    backend = Backend("tcp:10.0.0.1:80")
    assert (backend.name, backend.place) == ("10.0.0.1:80", ("10.0.0.1", 80))
    assert (backend.weight, backend.tier, backend.zone, backend.tags, backend.start) == (1.0, 0, "", (), "up")


def test_backup_is_tier_one() -> None:
    """A backup is a backend of tier 1, and saying both is no contradiction."""
    assert Backend("a:1", backup=True).tier == Backend("a:1", backup=True, tier=1).tier == 1


def test_tags_become_a_tuple() -> None:
    """Tags may be a list, a set or a single word."""
    assert Backend("a:1", tags=["x", "y"]).tags == ("x", "y")
    assert Backend("a:1", tags="x").tags == ("x",)


def test_frozen() -> None:
    """Nouns cannot be changed once they are made, but a changed copy is checked like any other."""
    backend = Backend("a:1")
    with pytest.raises(AttributeError, match="Backend 'a:1': weight: cannot be changed"):
        backend.weight = 2  # type: ignore[misc]  # the mistake under test
    assert attrs.evolve(backend, weight=2).weight == 2
    with pytest.raises(ConfigError):
        attrs.evolve(backend, weight=0)
