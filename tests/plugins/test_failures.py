"""Who failed counts as slow for a while, and who did not fail does not."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.errors import Side
from balancer.interfaces import Outcome
from balancer.plugins.failures import Failures
from balancer.testing.fakes import FakeBackend


def noted(**told: Any) -> tuple[Failures, FakeBackend]:
    """A session on a backend that has ended so, at the second 100."""
    failures, backend = Failures(penalty=8, half_life=10), FakeBackend()
    failures.note(backend, Outcome(100.0, 0.001, **told))
    return failures, backend


@pytest.mark.parametrize("told", [{"side": Side.UPSTREAM}, {"status": 429}, {"status": 500}, {"status": 503}], ids=str)
def test_a_penalty_fades(told: dict[str, Any]) -> None:
    """A failure costs all of the penalty at first, half of it after a half-life, and never more than it."""
    failures, backend = noted(**told)
    assert [failures.slow(backend, now) for now in (95.0, 100.0, 110.0, 120.0)] == pytest.approx([8, 8, 4, 2])
    assert failures
    assert failures.slow(FakeBackend(), 100.0) == 0, "another has not failed"


@pytest.mark.parametrize("told", [{}, {"side": Side.DOWNSTREAM}, {"status": 404}, {"status": 200}], ids=str)
def test_what_is_no_failure_costs_nothing(told: dict[str, Any]) -> None:
    """What a client did, and an answer that is no fault of the backend's, is not held against it."""
    failures, backend = noted(**told)
    assert not failures
    assert failures.slow(backend, 100.0) == 0
