"""One flow: what its datagrams open with, and what it says while it has a backend and afterwards."""

from __future__ import annotations

import pytest

from balancer.core.flow import Flow
from balancer.errors import Draining
from balancer.interfaces import Phase
from tests.core.flows import ALICE, House


@pytest.fixture
def house() -> House:
    """A listener with three backends and room for three flows."""
    return House()


def test_each_datagram_opens_with_the_words_for_its_client(house: House) -> None:
    """What the edge says of a client stands in front of every one of its datagrams, empty ones too, in the same one."""
    house.edge.words = b"PROXY "
    for data in (b"one", b""):
        house.flows.datagram(data, ALICE)
    (upstream,) = house.open()
    assert upstream.heard == [b"PROXY one", b"PROXY "]


def test_the_first_reply_alone_is_timed(house: House) -> None:
    """The backend's latency is the time to its first reply, and later ones do not change it."""
    house.flows.datagram(b"", ALICE)
    (upstream,) = house.open()
    for _ in range(2):
        house.clock.advance(0.5)
        upstream.flow.replied(b"x")
    lease = upstream.flow.lease
    assert (lease is not None and lease.first_byte, house.counts.sent, house.counts.sent_bytes) == (0.5, 2, 2)


def test_a_reply_that_is_not_taken_is_counted(house: House) -> None:
    """When the listening socket refuses a reply that is a drop, and the flow goes on."""
    house.flows.datagram(b"", ALICE)
    house.edge.replies_taken = False
    house.open()[0].flow.replied(b"x")
    assert (house.counts.dropped_replies, house.counts.sent, house.flows.active) == (1, 0, 1)


def test_replies_settle_what_is_owed() -> None:
    """A reply beyond those owed takes nothing from those to come."""
    house = House(replies=1, requests=3)
    house.flows.datagram(b"", ALICE)
    flow = house.open()[0].flow
    for _ in range(2):
        flow.replied(b"")
    house.flows.datagram(b"", ALICE)
    assert flow.owed == 1


def test_a_flow_that_was_released_is_silent(house: House) -> None:
    """Released twice, a flow gives its lease back once, and replies and refusals that come late change nothing."""
    house.flows.datagram(b"", ALICE)
    flow = house.open()[0].flow
    for _ in range(2):
        flow.release(Phase.DATA, Draining("stopping"))
    flow.replied(b"late")
    flow.refused()
    assert (house.algorithm.ends, house.edge.replies, house.counts.refused) == ([("a", Phase.DATA, Draining)], [], 0)
    assert house.open() == []


def test_a_refusal_is_told_to_all_flows(house: House) -> None:
    """A flow that is refused has no socket, and is looked after by the listener's flows."""
    house.flows.datagram(b"", ALICE)
    flow = house.open()[0].flow
    flow.refused()
    assert (flow.send, flow.upstream, house.counts.refused) == (None, None, 1)


def test_whose_a_flow_is(house: House) -> None:
    """A flow is its client's, unless it is said to be for something else."""
    assert (Flow(house.flows, ALICE).who, Flow(house.flows, ALICE, "else").who) == (ALICE, "else")
