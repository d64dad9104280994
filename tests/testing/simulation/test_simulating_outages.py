"""What a pool does in an outage comes out as its settings say: tiers that share, a panic, and a slow start after it."""

from __future__ import annotations

from typing import Any

import pytest

from balancer import Backend, Ejection, Health, Pool
from balancer.plugins.health import TCPCheck
from balancer.testing.simulation import Constant, Fault, Result, Steady, Trace, simulate


def outage(*dead: str, tiers: tuple[int, ...], lasts: float | None = None, **given: Any) -> Result:
    """Of 2,000 requests in ten seconds, with those that are dead from the start on; health says so."""
    backends = [Backend(f"10.0.0.{number}:80", name=f"b{number}", tier=tier) for number, tier in enumerate(tiers, 1)]
    pool = Pool("site", backends=backends, attempts=1, health=Health(TCPCheck(), every=0.1, jitter=0), **given)
    faults = [Fault(name, "down", lasts=lasts) for name in dead]
    return simulate(pool, Trace(2000, arrivals=Steady(200), service=Constant(0.001), servers=50, faults=faults))


def test_tiers_share_what_one_cannot_take() -> None:
    """Half of the first tier takes 70 % of the sessions, and the rest spill over to the second."""
    found = outage("b1", "b2", tiers=(0, 0, 0, 0, 1, 1), spill=1.4)
    assert found.shares["b3"] + found.shares["b4"] == pytest.approx(0.7, abs=0.04)
    assert found.shares["b5"] + found.shares["b6"] == pytest.approx(0.3, abs=0.04)
    alone = outage("b1", "b2", tiers=(0, 0, 0, 0, 1, 1))
    assert alone.shares["b5"] == 0


def test_a_pool_may_panic() -> None:
    """With most of it dead a pool that panics uses all of it, and one that does not sends nothing to the dead."""
    found = outage("b1", "b2", tiers=(0, 0, 0), panic=0.5)
    assert found.panics == 1
    assert found.shares["b1"] == pytest.approx(1 / 3, abs=0.05)
    calm = outage("b1", "b2", tiers=(0, 0, 0))
    assert (calm.panics, calm.shares["b1"] < 0.01) == (0, True)


def test_who_comes_back_starts_slowly() -> None:
    """What comes back gets little at first, where the pool says so, and its share at once where it does not."""
    slowly, at_once = (outage("b1", tiers=(0, 0), lasts=2, **given) for given in ({"slow_start": 8.0}, {}))
    assert at_once.shares["b1"] == pytest.approx(0.39, abs=0.02)
    assert slowly.shares["b1"] == pytest.approx(0.39 / 1.5, abs=0.06)


def test_an_ejection_has_the_backend_checked_at_once() -> None:
    """What fails is ejected in a pool with health checks too, and those hurry; others serve from then on."""
    pool = Pool("site", backends=["10.0.0.1:80", "10.0.0.2:80"], health=Health(TCPCheck()), ejection=Ejection())
    faults = [Fault("10.0.0.1:80", "failing")]
    found = simulate(pool, Trace(1000, arrivals=Steady(200), service=Constant(0.001), faults=faults))
    assert found.ejections == 1
    assert found.shares["10.0.0.1:80"] < 0.05
