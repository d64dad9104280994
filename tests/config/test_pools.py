"""Pools as values."""

from __future__ import annotations

import pytest

from balancer.config import Backend, Pool
from balancer.errors import ConfigError


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
