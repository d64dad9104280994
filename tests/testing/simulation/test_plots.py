"""A picture shows every policy, and needs an extra."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from balancer.errors import ConfigError
from balancer.plugins.algorithms import PeakEWMA, RoundRobin
from balancer.testing.simulation import Trace, simulate
from balancer.testing.simulation.plots import plot


def test_it_shows_every_policy(tmp_path: Path) -> None:
    """Policies are drawn beside each other, with their names."""
    plot([simulate(algorithm, Trace(50)) for algorithm in (RoundRobin(), PeakEWMA())], tmp_path / "drawn.svg")
    drawn = (tmp_path / "drawn.svg").read_text()
    assert "<!-- round-robin -->" in drawn
    assert "<!-- peak-ewma -->" in drawn


def test_it_needs_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Matplotlib is missing it says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"plot: it needs Matplotlib; install balancer\[plot\]"):
        plot([simulate(RoundRobin(), Trace(5))], tmp_path / "drawn.svg")
