"""The strategies of sessions and requests: whole, varied, and of the form that the decoder lets pass."""

from __future__ import annotations

from hypothesis import given, settings

from balancer.core.messages import RequestHead, checked_field
from balancer.interfaces import Kind
from balancer.testing import FakeBackend, FakeSession, requests, sessions, snapshots

TRIED = (FakeBackend("a"), FakeBackend("b"))


@given(requests())
def test_heads_are_possible(head: RequestHead) -> None:
    """Every field could have come over the wire."""
    for name, value in head.fields:
        assert checked_field(name, value.strip())[0] == name


@given(sessions(TRIED))
def test_sessions_are_possible(session: FakeSession) -> None:
    """A request is what an HTTP session has, first bytes what the others have, and each try has one that was tried."""
    assert (session.request is not None) is (session.kind is Kind.HTTP)
    assert set(session.tried) <= set(TRIED)
    assert session.attempt == len(session.tried) + 1


def test_tried_is_any_collection() -> None:
    """What was tried comes in every kind of collection."""
    seen = set[type]()
    settings(max_examples=60, database=None)(given(sessions(TRIED))(lambda one: seen.add(type(one.tried))))()
    assert seen == {tuple, list, frozenset}


@given(snapshots())
def test_snapshots_are_of_one_tier(offered: tuple[FakeBackend, ...]) -> None:
    """A snapshot has backends, all of the lowest tier."""
    assert {one.tier for one in offered} == {0}
