"""When a pool is checked, as a value."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import Health
from balancer.errors import ConfigError


async def well(target: object) -> None:
    """A health check that is a function."""


def test_health_timeout_is_the_interval() -> None:
    """A check may take as long as the time between two, unless told otherwise."""
    assert Health(well, every=7).timeout == 7
    assert Health(well, every=7, timeout=1).timeout == 1


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"every_down": 0}, "every_down: 0 is not a positive number of seconds; give one such as 1"),
        ({"every_changing": 0.01}, "every_changing: 0.01 is less than 0.05 seconds; give one such as 1"),
        (
            {"every_changing": 1, "rise": 1, "fall": 1},
            "every_changing: would be ignored, for with rise=1 and fall=1 every result decides; leave it out",
        ),
    ],
    ids=str,
)
def test_mistakes_are_told(settings: dict[str, Any], mistake: str) -> None:
    """What could not work, or would be ignored, is told in a line."""
    with pytest.raises(ConfigError) as caught:
        Health(well, **settings)
    assert caught.value.mistakes == (f"Health: {mistake}",)
