"""Where backends are checked and their agents asked, if not where they serve."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import Agent, Backend, Health, Pool
from balancer.errors import ConfigError


async def well(target: object) -> None:
    """A health check that is a function."""


HEALTH = Health(well)


@pytest.mark.parametrize(
    "pool",
    [
        {"backends": ["a:1", Backend("unix:/b", check="c:1")], "health": Health(well, port=9)},
        {"backends": [Backend("a:1", check="unix:/a", agent="b:1")], "health": HEALTH, "agent": Agent()},
        {"backends": ["a:1", Backend("b:1", agent="c:1")], "agent": Agent(9), "queue": 3, "on_down": "cut"},
        {"backends": [Backend("127.0.0.1:1", check="named:1")], "health": HEALTH, "resolve_every": 5},
    ],
    ids=str,
)
def test_places(pool: dict[str, Any]) -> None:
    """Checks and agents may have a port, or each an address of its own; agents limit backends, and take them down."""
    assert Pool("pool", **pool).backends


@pytest.mark.parametrize(
    ("pool", "mistake"),
    [
        (
            {"backends": [Backend("a:1", check="b:1")]},
            (
                "backends: Backend 'a:1': check would be ignored, for nobody asks there; "
                "give the pool health=Health(...)"
            ),
        ),
        (
            {"backends": [Backend("a:1", agent="b:1")], "health": HEALTH},
            ("backends: Backend 'a:1': agent would be ignored, for nobody asks there; give the pool agent=Agent(...)"),
        ),
        (
            {"backends": ["a:1"], "agent": Agent()},
            ("agent: Backend 'a:1' has no place for it; give Agent a port, or the backend agent='host:port'"),
        ),
        ({"backends": ["a:1"], "agent": 9}, "agent: 9 is not an Agent; give one such as Agent(port=9999)"),
        (
            {"backends": [Backend("a:1", check="b:1")], "health": Health(well, port=9)},
            "health: port: would be ignored, for every backend has its own check; leave it out",
        ),
        (
            {"backends": ["unix:/a"], "health": Health(well, port=9)},
            ("health: port: Backend 'unix:/a' is at a path, which has no ports; give the backend check='unix:/path'"),
        ),
    ],
    ids=str,
)
def test_mistakes_are_told(pool: dict[str, Any], mistake: str) -> None:
    """What could not work, or would be ignored, is told in a line."""
    with pytest.raises(ConfigError) as caught:
        Pool("pool", **pool)
    assert caught.value.mistakes == (f"Pool 'pool': {mistake}",)


def test_wrong_addresses_are_told() -> None:
    """An address to check at is of the same form as a backend's own."""
    with pytest.raises(ConfigError, match=r"Backend 'a:1': check: '8081' has no host; write it as host:port"):
        Backend("a:1", check="8081")
