"""Names found, defaults chosen, and what a pool says of its backends."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.logger import LogEvent
from zope.interface import implementer

from balancer import config as nouns
from balancer.assembly.parts import Parts
from balancer.assembly.pools import make_offline_pool
from balancer.config import Backend, Health, SlowStart, UpstreamTLS
from balancer.core.holding import Holding
from balancer.core.limited_pool import LimitedPool
from balancer.core.session import Session
from balancer.core.slow_start import Starts
from balancer.errors import PoolFull, StartError
from balancer.interfaces import IAlgorithm, Kind, Picker, Report
from tests.assembly.parts import Last, Network, assembled, relay


def test_backends_are_as_written() -> None:
    """Name, address, weight, tier, zone, tags and place of a backend come from the config; a name is looked up."""
    settings = Backend("known:80", name="b1", weight=2, tier=3, zone="z", tags=["t"])
    (pool,) = assembled(relay(settings)).pools.values()
    (backend,) = pool.backends
    assert (backend.name, backend.address, backend.place) == ("b1", "known:80", ("192.0.2.7", 80))
    assert (backend.weight, backend.tier, backend.zone, backend.tags) == (2, 3, "z", frozenset({"t"}))
    assert backend.state == "up"


def test_limits_and_queues_are_as_written() -> None:
    """A pool in which a backend has a limit has a queue, of the size and for the time that the config says."""
    backends = Backend("127.0.0.1:1", max_connections=1), Backend("127.0.0.1:2")
    (free,) = assembled(relay("127.0.0.1:1")).pools.values()
    (pool,) = assembled(relay(backends[0], queue=0)).pools.values()
    (other,) = assembled(relay(*backends)).pools.values()
    assert [one.max_connections for one in other.backends] == [1, None]
    assert [isinstance(one, LimitedPool) for one in (free, pool, other)] == [False, True, True]
    session = Session(Kind.TCP, ("192.0.2.1", 5), 0.0)
    pool.pick(session)
    seeker: Any = None
    with pytest.raises(PoolFull, match="no more than 0 may wait"):
        pool.wait(session, seeker)


def test_an_offline_pool_asks_nobody() -> None:
    """A pool that is only looked at knows its backends by the names that they have, and looks none of them up."""
    pool = nouns.Pool("pool", backends=["nobody.knows.example:80"], algorithm=Last(), tls=UpstreamTLS(ca="/none.pem"))
    parts = Parts(Network(), Random(1))
    (backend,) = make_offline_pool(parts, pool).backends
    assert (backend.place, backend.usable, backend.secure) == (("nobody.knows.example", 80), True, None)
    assert parts.lookups == []


@pytest.mark.parametrize(
    ("address", "authority"),
    [
        ("known:80", "known:80"),
        ("tcp:known:80", "known:80"),
        ("[::1]:80", "[::1]:80"),
        ("tcp:[::1]:80", "[::1]:80"),
        ("unix:/run/api.sock", "/run/api.sock"),
    ],
)
def test_the_authority_of_a_backend(address: str, authority: str) -> None:
    """However an address is written, there is one without its scheme, for checks to show and to ask for."""
    (pool,) = assembled(relay(address)).pools.values()
    assert [(backend.address, backend.authority) for backend in pool.backends] == [(address, authority)]


def test_how_sessions_are_shared_out_is_as_written() -> None:
    """Spill, panic, slow start and the hold of failures come from the config; a panic is an event of the pool."""
    backends, health = ("127.0.0.1:1", "127.0.0.1:2", Backend("127.0.0.1:3", tier=1)), Health(healthy)
    (plain,) = assembled(relay(*backends, health=health, failure_hold=None)).pools.values()
    assert (plain.standing, plain.starts, plain.holding) == (None, None, None)
    start = SlowStart(60, aggression=2, least=0.2)
    assembly = assembled(relay(*backends, health=health, spill=1.5, panic=0.8, slow_start=start))
    (pool,) = assembly.pools.values()
    assert pool.standing is not None
    pool.backends[0].become(up=False)
    pool.backends[2].become(up=False)
    pool.refresh()
    assert pool.standing.shares == pytest.approx({0: 2 / 3, 1: 1 / 3})
    assert [(event.backend, event.what, event.why) for event in assembly.events][-2:] == [
        ("", f"tier {tier}: panic: all backends are used, up or not", "panic=0.8") for tier in (0, 1)
    ]
    assert isinstance(pool.starts, Starts)
    assert isinstance(pool.holding, Holding)


async def healthy(_: Any) -> Report | None:
    """A check that never fails."""
    return None


@pytest.mark.parametrize("assume", ["up", "down"])
def test_what_is_assumed_before_the_first_check(assume: Any) -> None:
    """Until its first check a backend is what the pool assumes."""
    assembly = assembled(relay(health=Health(healthy, assume=assume)))
    assert [backend.state for pool in assembly.pools.values() for backend in pool.backends] == [assume]
    assert len(assembly.checks) == 1


@pytest.mark.parametrize(("algorithm", "chosen"), [(Last(), {1}), (None, {0, 1})])
def test_the_algorithm(algorithm: Any, chosen: set[int]) -> None:
    """A pool chooses as the algorithm it names, or else in turn."""
    (pool,) = assembled(relay("127.0.0.1:1", "127.0.0.1:2", algorithm=algorithm)).pools.values()
    leases = [pool.pick(Session(Kind.TCP, ("192.0.2.1", 5), 0.0)) for _ in range(2)]
    assert {pool.backends.index(lease.backend) for lease in leases} == chosen


@implementer(IAlgorithm)
class Failing:
    """Makes what it is told to make, or fails to."""

    name = "failing"

    def __init__(self, made: Any) -> None:
        self._made = made

    def picker(self, backends: Any, random: Random) -> Picker:
        if isinstance(self._made, Exception):
            raise self._made
        picker: Picker = self._made
        return picker


@pytest.mark.parametrize("stands_in", [False, True])
@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (ZeroDivisionError("oops\nagain"), "ZeroDivisionError: oops again"),
        (None, "TypeError: None is not a picker: it cannot be called"),
    ],
)
def test_an_algorithm_without_a_picker_stops_the_start(
    logged_failures: list[LogEvent], made: Any, cause: str, stands_in: bool
) -> None:
    """An algorithm that makes no picker, also one that stands in, is told in a line, and its traceback is logged."""
    algorithms = [Last(), Failing(made)] if stands_in else [Failing(made), Last()]
    with pytest.raises(StartError) as caught:
        assembled(relay(algorithm=algorithms[0], on_policy_error=algorithms[1]))
    assert str(caught.value) == f"Pool 'pool': algorithm 'failing': picker() failed: {cause}; correct it"
    assert "failing" in logged_failures.pop()["what"]
