"""What algorithms made of algorithms say of themselves: which part it is, and the part's own words."""

from __future__ import annotations

from random import Random as Chance
from typing import Any

from balancer.plugins.algorithms import First, RoundRobin
from balancer.plugins.combinators import BoundedLoad, Exact, Fallback, Subset, Zones
from balancer.plugins.hashing import server_name
from balancer.testing import FakeBackend, FakeSession
from tests.plugins.test_combinators import Given

SESSION = FakeSession()
RED, BLUE = frozenset({"red"}), frozenset({"blue"})


def told(algorithm: Any, backends: list[FakeBackend], session: FakeSession = SESSION) -> list[tuple[str, float, str]]:
    """What its picker says, by names."""
    picker = algorithm.picker(backends, Chance(1))
    return [(backend.name, score, note) for backend, score, note in picker.explain(session)]


def fleet() -> list[FakeBackend]:
    """Two backends, of two zones and with two tags."""
    return [FakeBackend("a", zone="here", tags=RED, active=2), FakeBackend("b", zone="there", tags=BLUE)]


def test_one_and_then_the_other() -> None:
    """Of each backend the first part that says anything is told."""
    first = Subset("red", First(), otherwise=None)
    assert told(Fallback(first, RoundRobin()), fleet()) == [
        ("a", 1, "first: in this order"),
        ("b", 0.5, "then: in turn"),
    ]


def test_the_part_for_a_tag() -> None:
    """Only the part for the session's tag is told."""
    exact = Exact(server_name, First())
    assert told(exact, fleet(), FakeSession(server_name="blue")) == [("b", 1, "tag 'blue': in this order")]
    assert told(exact, fleet(), FakeSession(server_name="green")) == []


def test_bounds_are_told() -> None:
    """What the bounded part says comes with how much each may have."""
    assert told(BoundedLoad(First(), 1.0), fleet()) == [
        ("a", 1, "bounded: in this order, 2 of 2 allowed"),
        ("b", 2, "bounded: in this order, 0 of 2 allowed"),
    ]


def test_shares_of_zones_are_told() -> None:
    """What is near and what is far come with the share of sessions that goes there."""
    assert told(Zones("here", First(), whole=2.0), fleet()) == [
        ("a", 1, "near, 70 % of sessions: in this order"),
        ("b", 1, "far, 30 % of sessions: in this order"),
    ]
    assert told(Zones("here", First()), fleet())[1][2].startswith("far, 0 % of sessions")


def test_a_part_that_does_not_explain_itself() -> None:
    """Of a part that says nothing nothing is told."""
    assert told(BoundedLoad(Given([0])), fleet()) == []
