"""The pool in memory: it chooses, contains and rebuilds as in production."""

from __future__ import annotations

import pytest

from balancer.errors import NoBackend, PoolFull
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
