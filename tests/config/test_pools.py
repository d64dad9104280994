"""Backends, health and pools as values."""

from __future__ import annotations

import attrs
import pytest

from balancer.config import Backend, Health, Pool
from balancer.errors import ConfigError


async def well(target: object) -> None:
    """A health check that is a function."""


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


def test_health_timeout_is_the_interval() -> None:
    """A check may take as long as the time between two, unless told otherwise."""
    assert Health(well, every=7).timeout == 7
    assert Health(well, every=7, timeout=1).timeout == 1


def test_pool_takes_addresses() -> None:
    """Addresses stand for backends, and keep their order among them."""
    pool = Pool("site", backends=["a:1", Backend("b:1", weight=2)])
    assert pool.backends == (Backend("a:1"), Backend("b:1", weight=2))


def test_pool_tells_all_at_once() -> None:
    """Outside of a file too, one error tells the mistakes of the addresses and of the pool."""
    with pytest.raises(ConfigError) as caught:
        Pool("site", backends=["a", "b:1"], attempts=0)
    assert caught.value.mistakes == (
        "Backend 'a': address: 'a' has no port; write it as host:port",
        "Pool 'site': attempts: 0 is not a whole number of at least 1",
    )


def test_pools_are_themselves() -> None:
    """Two pools that look alike are still two, and can be keys."""
    one, other = Pool("site", backends=["a:1"]), Pool("site", backends=["a:1"])
    assert len({one, other}) == 2


def test_a_name_for_two_transports() -> None:
    """Backends of one address and port are at one place, whatever is written before it."""
    with pytest.raises(ConfigError, match="two are at 'a:53'; list each place once"):
        Pool("dns", backends=["udp:a:53", "a:53"])
