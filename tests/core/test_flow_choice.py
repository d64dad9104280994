"""Where flows go: by their first datagram, whole, and by what was tried."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.flow import Flow
from balancer.core.flow_choice import Choice
from balancer.core.pool import Lease
from balancer.core.routes import Route, Routes
from balancer.interfaces import MORE, Found
from tests.core.flows import ALICE, House


def routed(*matchers: Any) -> tuple[list[House], Choice]:
    """A route to a pool of its own for each matcher."""
    houses = [House() for _ in matchers]
    return houses, Choice(Routes([Route(one, house.pool) for one, house in zip(matchers, houses, strict=True)]))


def chosen(house: House, choice: Choice, data: bytes) -> tuple[Flow, Lease | None]:
    """A new flow that begins with that datagram."""
    flow = Flow(house.flows, ALICE)
    return flow, choice.lease(flow, data)


@given(st.binary(), st.binary())
def test_the_first_route_that_matches_the_datagram_takes_the_flow(data: bytes, wanted: bytes) -> None:
    """Routes are asked in order, of the whole datagram, and what is not kept is forgotten."""
    houses, choice = routed(lambda session: session.peek == wanted, None)
    flow, lease = chosen(houses[0], choice, data)
    assert flow.pool is houses[data != wanted].pool
    assert lease is not None
    assert (flow.session.peek, lease.backend) == (b"", houses[data != wanted].backends[0])


def test_a_matcher_that_wants_more_does_not_match() -> None:
    """No more of a datagram will come, so one that is undecided is passed over."""

    def undecided(session: Any) -> Found:
        return MORE

    houses, choice = routed(undecided, None)
    assert chosen(houses[0], choice, b"x")[0].pool is houses[1].pool


def test_captures_are_kept() -> None:
    """What the matcher captured is there for algorithms as long as the flow lives."""
    houses, choice = routed(lambda _: {"name": "a"})
    assert chosen(houses[0], choice, b"")[0].session.captures == {"name": "a"}


def test_without_a_route_a_datagram_is_dropped_and_counted() -> None:
    """A datagram that no route takes begins nothing."""
    houses, choice = routed(lambda _: False)
    assert (chosen(houses[0], choice, b"")[1], choice.counts.dropped_no_route) == (None, 1)


@pytest.mark.parametrize("kept", [True, False])
def test_the_route_is_chosen_once(kept: bool) -> None:
    """A flow that picks anew stays on the route of its first datagram."""
    houses, choice = routed(lambda session: session.peek == b"first", None)
    flow, lease = chosen(houses[0], choice, b"first" if kept else b"")
    assert lease is not None
    flow.session.tried_on(lease.backend)
    again = choice.lease(flow, b"second")
    assert again is not None
    assert (again.backend in houses[not kept].backends, again.backend is lease.backend) == (True, False)


def test_who_refused_is_asked_again_only_when_there_is_no_other() -> None:
    """When all backends have refused a flow, what was tried is forgotten."""
    houses, choice = routed(None)
    flow, _ = chosen(houses[0], choice, b"")
    flow.session.become(tried=tuple(houses[0].backends))
    again = choice.lease(flow, b"")
    assert again is not None
    assert (flow.session.tried, flow.session.attempt) == ((), 4)


def test_why_there_is_no_backend_is_counted() -> None:
    """No backend that is up, one that has no room, and an algorithm that fails, are counted apart."""
    houses, choice = routed(None)
    (house,) = houses
    for backend in house.backends:
        backend.become(max_connections=1, active=1)
    assert chosen(house, choice, b"")[1] is None
    for backend in house.backends:
        backend.become(active=0)
    house.algorithm.broken = True
    assert chosen(house, choice, b"")[1] is None
    for name in "abc":
        house.turn(name, up=False)
    assert chosen(house, choice, b"")[1] is None
    counts = choice.counts
    assert (counts.dropped_full, counts.dropped_policy, counts.dropped_no_backend) == (1, 1, 1)
