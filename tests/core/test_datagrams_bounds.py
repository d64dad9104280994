"""UDP flows that end by what they have had: replies, requests, and the share of their source."""

from __future__ import annotations

import pytest

from balancer.errors import ConnectFailed, Draining, UpstreamTimeout
from balancer.interfaces import Phase
from tests.core.flows import ALICE, BOB, CAROL, DAVE, IDLE, House

NEIGHBOUR = (ALICE[0], ALICE[1] + 1)
DONE = ("a", Phase.DONE, type(None))


def test_a_flow_ends_with_the_last_reply_it_is_owed() -> None:
    """With two replies a datagram, the second ends the flow at once, and the client's next datagram begins another."""
    house = House(replies=2)
    house.flows.datagram(b"", ALICE)
    for expected in (1, 0):
        house.edge.upstreams[0].flow.replied(b"reply")
        assert house.flows.active == expected
    assert (house.counts.finished, house.algorithm.ends, house.edge.replies) == (1, [DONE], [(b"reply", ALICE)] * 2)
    house.flows.datagram(b"", ALICE)
    assert (len(house.edge.upstreams), house.flows.active) == (2, 1)


def test_every_datagram_is_owed_its_replies() -> None:
    """Two datagrams before any reply make the flow wait for the replies of both."""
    house = House(replies=1)
    for _ in range(2):
        house.flows.datagram(b"", ALICE)
    (upstream,) = house.edge.upstreams
    upstream.flow.replied(b"")
    assert house.flows.active == 1
    upstream.flow.replied(b"")
    assert (house.counts.finished, len(house.deadlines)) == (1, 0)


def test_what_was_not_sent_is_owed_no_reply() -> None:
    """A datagram that the socket did not take leaves no reply to wait for."""
    house = House(replies=1, requests=9)
    house.flows.datagram(b"", ALICE)
    (upstream,) = house.edge.upstreams
    upstream.mood = "full"
    house.flows.datagram(b"", ALICE)
    upstream.flow.replied(b"")
    house.clock.advance(IDLE * 2)
    assert (house.algorithm.ends, house.counts.expired, house.counts.unanswered) == ([DONE], 1, 0)


def test_fire_and_forget() -> None:
    """With no replies expected, a flow is over as soon as its datagram is sent, and the backend has done well."""
    house = House(replies=0)
    house.flows.datagram(b"log", ALICE)
    (upstream,) = house.edge.upstreams
    assert (upstream.heard, upstream.open, house.algorithm.ends, house.ended) == ([b"log"], False, [DONE], [0])


def test_an_answer_that_is_missing_is_the_failure_of_the_backend() -> None:
    """A flow that expires while replies are owed has timed out, and counts against its backend."""
    house = House(replies=2)
    house.flows.datagram(b"", ALICE)
    house.edge.upstreams[0].flow.replied(b"")
    house.clock.advance(IDLE + 0.5)
    assert house.algorithm.ends == [("a", Phase.DATA, UpstreamTimeout)]
    assert (house.counts.expired, house.counts.unanswered, house.backends[0].failed) == (1, 1, 1)


def test_a_drain_that_cuts_the_wait_short_blames_nobody() -> None:
    """While draining, a backend has less time to answer than it was promised, so its silence is no failure."""
    house = House(replies=1)
    house.flows.datagram(b"", ALICE)
    house.flows.stop_accepting()
    house.clock.advance(2)
    assert (house.algorithm.ends, house.counts.unanswered) == ([DONE], 0)


def test_an_evicted_flow_blames_nobody() -> None:
    """A flow that made room for another did not wait for its time, so nobody has failed."""
    house = House(replies=1)
    for client in (ALICE, BOB, CAROL, DAVE):
        house.flows.datagram(b"", client)
    assert (house.counts.evicted, house.algorithm.ends) == (1, [DONE])


def test_after_its_requests_the_client_is_balanced_anew() -> None:
    """After two datagrams the third picks anew, while replies to the first two still reach the client."""
    house = House(requests=2)
    for data in (b"1", b"2"):
        house.flows.datagram(data, ALICE)
    house.turn("a", up=False)
    house.flows.datagram(b"3", ALICE)
    first, second = house.edge.upstreams
    assert (first.heard, second.heard, second.backend.name) == ([b"1", b"2"], [b"3"], "b")
    first.flow.replied(b"late")
    assert (house.edge.replies, house.flows.active) == ([(b"late", ALICE)], 2)


def test_a_datagram_that_was_not_sent_is_a_request_too() -> None:
    """A flow whose socket takes nothing does not hold its client for ever."""
    house = House(requests=2)
    house.flows.datagram(b"1", ALICE)
    house.edge.upstreams[0].mood = "full"
    for data in (b"2", b"3"):
        house.flows.datagram(data, ALICE)
    assert (house.edge.upstreams[1].heard, house.counts.dropped_unsent) == ([b"3"], 1)


def test_requests_and_replies_together() -> None:
    """With both, replies end a flow only after its last datagram, which they may even precede."""
    house = House(replies=1, requests=2)
    house.flows.datagram(b"1", ALICE)
    (upstream,) = house.edge.upstreams
    for _ in range(2):
        upstream.flow.replied(b"one, and one too many")
    assert house.flows.active == 1
    house.flows.datagram(b"2", ALICE)
    assert (house.flows.active, upstream.flow.owed) == (1, 1)
    upstream.flow.replied(b"")
    assert (house.flows.active, house.counts.finished) == (0, 1)


def test_each_datagram_alone_keeps_its_own_flow() -> None:
    """With one request a flow, datagrams of one client wait for their replies side by side, and each blames its own."""
    house = House(replies=1, requests=1)
    for _ in range(3):
        house.flows.datagram(b"", ALICE)
    house.edge.upstreams[1].flow.replied(b"")
    assert [upstream.open for upstream in house.edge.upstreams] == [True, False, True]
    house.clock.advance(IDLE + 0.5)
    assert (house.counts.finished, house.counts.unanswered, len(house.flows)) == (1, 2, 0)


def test_a_refusal_ends_a_flow_whose_client_has_gone_on() -> None:
    """A flow that has had its datagrams does not move when its backend refuses it: there is nothing left to move."""
    house = House(requests=1)
    house.flows.datagram(b"", ALICE)
    house.edge.upstreams[0].flow.refused()
    assert (house.algorithm.ends, len(house.flows)) == ([("a", Phase.CONNECT, ConnectFailed)], 0)


def test_a_flow_that_moves_is_given_its_bounds_again() -> None:
    """What one backend was sent and owes says nothing of the next."""
    house = House(replies=1, requests=2)
    house.flows.datagram(b"", ALICE)
    house.edge.upstreams[0].flow.refused()
    for _ in range(2):
        house.flows.datagram(b"", ALICE)
    second = house.edge.upstreams[1]
    assert (len(second.heard), second.flow.owed, house.flows.active) == (2, 2, 1)


def test_a_source_has_its_share() -> None:
    """Of one address no more flows than its share begin, and it takes none from others; living ones go on."""
    house = House(max_flows_per_source=1)
    for client in (ALICE, NEIGHBOUR, BOB, ALICE):
        house.flows.datagram(b"", client)
    assert [upstream.flow.client for upstream in house.open()] == [ALICE, BOB]
    assert (house.counts.dropped_source, house.counts.evicted) == (1, 0)
    house.clock.advance(IDLE * 2)
    house.flows.datagram(b"", NEIGHBOUR)
    assert (house.flows.active, house.counts.dropped_source) == (1, 1)


def test_a_flow_that_moves_keeps_its_share() -> None:
    """A client whose flow was refused may pick anew even when its source has all its flows."""
    house = House(max_flows_per_source=1)
    house.flows.datagram(b"", ALICE)
    house.open()[0].flow.refused()
    house.flows.datagram(b"again", ALICE)
    assert (house.open()[0].heard, house.counts.dropped_source) == ([b"again"], 0)


@pytest.mark.parametrize("requests", [None, 1])
def test_a_stop_ends_all(requests: int | None) -> None:
    """When the listener ends, so do flows whose client has gone on to another."""
    house = House(requests=requests)
    for _ in range(2):
        house.flows.datagram(b"", ALICE)
    house.flows.end_all(Draining("stopping"))
    assert (house.open(), len(house.flows), len(house.deadlines)) == ([], 0, 0)
