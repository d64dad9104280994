"""The pool in memory: it chooses, contains and rebuilds as in production."""

from __future__ import annotations

import pytest

from balancer.config import Ejection, SlowStart
from balancer.errors import NoBackend, PoolFull, UpstreamGone
from balancer.interfaces import Phase
from balancer.plugins.algorithms import First, LeastConnections
from balancer.testing import MemoryPool
from tests.testing.faulty.answering import NeedsRequest


def test_backends_leave_and_return() -> None:
    """A backend that is down gets nothing; when all are, sessions are refused."""
    memory = MemoryPool(First(), (1, 1))
    assert memory.pick().backend.name == "b0"
    memory.set_up(memory.backends[0], up=False)
    assert memory.pick().backend.name == "b1"
    memory.set_up(*memory.backends, up=False)
    with pytest.raises(NoBackend):
        memory.pick()


def test_weights_and_limits() -> None:
    """A weight of nothing takes a backend out, and a full one takes no more until there is time."""
    memory = MemoryPool(LeastConnections(), (1, 1), limit=1)
    memory.set_weight(memory.backends[0], 0)
    lease = memory.pick()
    assert lease.backend.name == "b1"
    with pytest.raises(PoolFull):
        memory.pick()
    lease.end()
    memory.wait(1)
    assert memory.pick().backend.name == "b1"


def test_faults_are_kept() -> None:
    """What an algorithm does wrong is contained, and can be looked at."""
    memory = MemoryPool(NeedsRequest())
    with pytest.raises(Exception, match="failed"):
        memory.pick()
    assert isinstance(memory.faults[0][1], AttributeError)


def test_tiers_stand_in() -> None:
    """Spares serve when no other is up; with a spill, a tier that is half down hands some of its sessions on."""
    memory = MemoryPool(First(), (1, 1, 1), tiers=(0, 0, 1))
    memory.set_up(*memory.backends[:2], up=False)
    assert memory.pick().backend.name == "b2"
    spilling = MemoryPool(First(), (1, 1, 1), tiers=(0, 0, 1), spill=1.0)
    spilling.set_up(spilling.backends[0], up=False)
    assert {spilling.pick().backend.name for _ in range(40)} == {"b1", "b2"}


def test_health_is_set_aside() -> None:
    """In a panic all serve, up or not, and that is told."""
    memory = MemoryPool(LeastConnections(), (1, 1), panic=0.6)
    memory.set_up(memory.backends[0], up=False)
    assert {memory.pick().backend.name for _ in range(2)} == {"b0", "b1"}
    assert list(memory.changes) == ["tier 0: panic: all backends are used, up or not"]


def test_failures_are_held() -> None:
    """What has failed is seen in the load for that long."""
    memory = MemoryPool(First(), (1,), failure_hold=2.0)
    lease = memory.pick()
    memory.wait(1)
    lease.end(Phase.CONNECT, error=UpstreamGone("refused"))
    assert memory.backends[0].active == 1
    memory.wait(1)
    assert memory.backends[0].active == 0


def test_who_comes_back_starts_slowly() -> None:
    """One that was down gets less than its share for a while."""
    memory = MemoryPool(LeastConnections(), (1, 1), slow_start=SlowStart(100.0))
    memory.set_up(memory.backends[0], up=False)
    memory.set_up(memory.backends[0], up=True)
    assert [memory.pick().backend.name for _ in range(20)].count("b0") < 8


def test_who_fails_is_ejected_and_tried_out() -> None:
    """One whose sessions fail is left out; once checks that failed pass again, one session tries it out."""
    memory = MemoryPool(First(), (1, 1), ejection=Ejection(failures=1, time=60.0))
    memory.pick().end(Phase.CONNECT, error=UpstreamGone("refused"))
    memory.turn()
    assert memory.pick().backend.name == "b1"
    memory.set_up(memory.backends[0], up=False)
    memory.set_up(memory.backends[0], up=True)
    assert [memory.pick().backend.name for _ in range(2)] == ["b0", "b1"]
    assert list(memory.changes) == ["b0 is ejected", "b0 is on trial"]
