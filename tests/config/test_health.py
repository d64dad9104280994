"""When a pool is checked, as a value."""

from __future__ import annotations

from balancer.config import Health


async def well(target: object) -> None:
    """A health check that is a function."""


def test_health_timeout_is_the_interval() -> None:
    """A check may take as long as the time between two, unless told otherwise."""
    assert Health(well, every=7).timeout == 7
    assert Health(well, every=7, timeout=1).timeout == 1
