"""Every example can be simulated as it stands, whatever it needs to run in earnest."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.config import load
from balancer.errors import ConfigError
from balancer.interfaces import Kind
from balancer.testing.simulation import Trace, simulate

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_can_be_simulated(path: Path) -> None:
    """Each of its pools serves simulated requests or connections, unless it is for datagrams alone, which is told."""
    config = load(str(path))
    for pool in config.pools:
        if config.kinds(pool) == (Kind.UDP,):
            with pytest.raises(ConfigError, match="it serves datagrams alone"):
                simulate(config, pool=pool.name)
        else:
            assert simulate(config, Trace(20), pool=pool.name).requests == 20
