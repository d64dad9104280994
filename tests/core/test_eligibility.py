"""The reasons why a backend may not be given a session."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.backend import Backend
from balancer.core.eligibility import reasons
from balancer.core.session import Session
from balancer.interfaces import Kind


def session(*tried: Backend) -> Session:
    """A session that has tried these."""
    return Session(Kind.TCP, ("192.0.2.1", 1), 0.0, tried=tried)


def with_state(**state: Any) -> Backend:
    """A backend that takes eight sessions, in that state."""
    one = Backend("a", "a:80", ("a", 80), seconds=lambda: 0.0, tier=1, max_connections=8)
    one.become(**state)
    return one


STATES: list[tuple[dict[str, Any], str]] = [
    ({"up": False}, "down"),
    ({"ejected": True}, "ejected"),
    ({"agent": "maint"}, "agent says maint"),
    ({"draining": True}, "draining"),
    ({"agent_drains": True}, "agent says drain"),
    ({"own_weight": 0}, "weight 0"),
    ({"active": 9, "held": 1}, "full (8 of 8)"),
    ({"active": 3, "held": 1, "trial": 2}, "on trial (2 of 2)"),
]


@pytest.mark.parametrize(("state", "why"), STATES)
def test_each_state_has_its_word(state: dict[str, Any], why: str) -> None:
    """Each state that keeps sessions away is told, and nothing else."""
    assert reasons(with_state(**state), session()) == [why]


def test_what_the_pool_and_the_session_add() -> None:
    """A backend that is tried, of a tier out of use or starting slowly has that told, after its own state."""
    one = with_state(up=False)
    told = reasons(one, session(one), tiers=[0], share=0.25)
    assert told == ["down", "tried", "tier 1 is not in use", "starting slowly (25 %)"]
    assert reasons(with_state(), tiers={1}) == []


states = st.fixed_dictionaries(
    {
        **dict.fromkeys(("up", "ejected", "pressed", "draining", "agent_drains"), st.booleans()),
        "agent": st.sampled_from(["", "maint"]),
        "own_weight": st.sampled_from([0.0, 1.0]),
        "active": st.sampled_from([7, 8]),
    }
)


@given(states)
def test_reasons_agree_with_use(state: dict[str, Any]) -> None:
    """There is a reason exactly when the pool would not give the backend a session."""
    one = with_state(**state)
    assert bool(reasons(one, session())) == (not one.usable or one.full)
