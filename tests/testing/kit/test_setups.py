"""The pools in which algorithms are tried: told as they are, made as they are told."""

from __future__ import annotations

from hypothesis import given

from balancer.plugins.algorithms import First, LeastConnections
from balancer.testing.kit.setups import ALL, TRIED_FIRST, SetUp, setups


def test_it_is_told() -> None:
    """The first step of a story says all that is not as in the simplest pool."""
    assert str(SetUp(2)) == "a pool of 2 backends, all up, of weight 1"
    assert str(SetUp(2, 3, 1)) == (
        "a pool of 2 backends, all up, of weight 1, each with room for 3; the last is of tier 1"
    )
    assert str(ALL).endswith(
        "; the last 2 are of tier 1; spill=1.4; panic=0.5; failure_hold=1; slow_start=5; "
        "ejection with failures=2, time=5"
    )


def test_it_is_made() -> None:
    """A pool has what its set-up says, and nothing else."""
    pool = ALL.made(LeastConnections()).pool
    assert [one.tier for one in pool.backends] == [0, 0, 1, 1]
    assert None not in (pool.standing, pool.holding, pool.starts, pool.watch)
    plain = SetUp().made(LeastConnections()).pool
    assert (plain.standing, plain.holding, plain.starts, plain.watch) == (None, None, None, None)


@given(setups())
def test_any_can_be_made(setup: SetUp) -> None:
    """Whatever is drawn makes a pool that serves."""
    assert setup.made(First()).pick().backend.name == "b0"


@given(setups(equal=True))
def test_all_may_be_equal(setup: SetUp) -> None:
    """Where all that are offered are to be equal, nobody is turned away or seen busier than he is."""
    assert (setup.limit, setup.failure_hold, setup.slow_start, setup.ejection) == (None, False, False, False)


def test_each_is_tried_alone_and_all_together() -> None:
    """No setting waits for chance to be tried."""
    assert all(any(getattr(one, name) for one in TRIED_FIRST) for name in ("spares", "spill", "panic", "failure_hold"))
    assert any(one.slow_start for one in TRIED_FIRST)
    assert any(one.ejection for one in TRIED_FIRST)
