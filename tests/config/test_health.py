"""When a pool is checked, as a value."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import Health, Pool, UpstreamTLS
from balancer.config.health import tls_on_tls
from balancer.errors import ConfigError
from balancer.interfaces import Kind


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


class OverTLS:
    """A check that speaks TLS itself."""

    protocols = (Kind.TCP,)
    plain = True

    async def __call__(self, target: object) -> None:
        """Find everything well."""


@pytest.mark.parametrize(
    ("pool", "health", "wrong"),
    [
        (None, None, False),
        (True, None, True),
        (True, False, False),
        (None, True, True),
        (True, UpstreamTLS(verify=False), True),
    ],
)
def test_no_tls_over_tls(pool: Any, health: Any, wrong: bool) -> None:
    """A check that speaks TLS itself needs connections in the clear, and any other does not care."""
    settings = Pool("pool", backends=["a.example:1"], tls=pool, health=Health(well, tls=health))
    assert list(settings.mistakes()) == []
    told = list(tls_on_tls(Health(OverTLS(), tls=health), UpstreamTLS() if pool else None))
    assert (
        told == ["health: check: OverTLS speaks TLS itself, and cannot over TLS; give Health(..., tls=False)"] * wrong
    )


def test_no_tls_over_tls_is_told_of_the_pool() -> None:
    """It is the pool that is wrong."""
    with pytest.raises(ConfigError) as caught:
        Pool("pool", backends=["a.example:1"], tls=True, health=Health(OverTLS()))
    assert caught.value.mistakes[0].startswith("Pool 'pool': health: check: OverTLS speaks TLS itself")
