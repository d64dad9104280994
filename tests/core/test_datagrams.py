"""UDP flows: where datagrams go, how flows end, and that nothing of them stays."""

from __future__ import annotations

import pytest

from balancer.errors import ConnectFailed, Draining, UpstreamGone
from balancer.interfaces import Phase
from tests.core.flows import ALICE, BOB, CAROL, DAVE, IDLE, House


@pytest.fixture
def house() -> House:
    """A listener with three backends and room for three flows."""
    return House()


def test_all_datagrams_of_a_client_take_one_flow_unchanged(house: House) -> None:
    """What a client sends, empty or of 65507 bytes, reaches one backend, and replies reach it alone."""
    for data in (b"one", b"", b"x" * 65507):
        house.flows.datagram(data, ALICE)
    house.flows.datagram(b"other", BOB)
    first, second = house.edge.upstreams
    first.flow.replied(b"")
    assert (first.heard, second.heard) == ([b"one", b"", b"x" * 65507], [b"other"])
    assert house.edge.replies == [(b"", ALICE)]
    counts = house.counts
    assert (counts.received, counts.received_bytes, counts.sent, counts.sent_bytes) == (4, 3 + 65507 + 5, 1, 0)


def test_either_side_keeps_a_flow_alive(house: House) -> None:
    """A flow lives as long as either side speaks within the idle time, and then expires as a good end."""
    house.flows.datagram(b"", ALICE)
    house.clock.advance(IDLE * 0.9)
    house.flows.datagram(b"", ALICE)
    house.clock.advance(IDLE * 0.9)
    house.edge.upstreams[0].flow.replied(b"")
    house.clock.advance(IDLE * 0.9)
    assert house.flows.active == 1
    house.clock.advance(IDLE + 0.5)
    assert house.algorithm.ends == [("a", Phase.DONE, type(None))]
    assert (house.counts.expired, house.ended, house.open(), len(house.deadlines)) == (1, [0], [], 0)


def test_flows_expire_one_by_one(house: House) -> None:
    """Each flow expires after its own silence, not with the first."""
    house.flows.datagram(b"", ALICE)
    house.clock.advance(IDLE / 2)
    house.flows.datagram(b"", BOB)
    house.clock.advance(IDLE / 2 + 0.5)
    assert ([upstream.flow.client for upstream in house.open()], house.ended) == ([BOB], [1])


def test_a_new_flow_takes_the_room_of_the_one_idle_longest(house: House) -> None:
    """When all room is taken, the flow that moved longest ago is ended well, counted, and replaced."""
    for client in (ALICE, BOB, CAROL, ALICE, DAVE):
        house.flows.datagram(b"", client)
        house.clock.advance(0.2)
    assert {upstream.flow.client for upstream in house.open()} == {ALICE, CAROL, DAVE}
    assert (house.counts.evicted, house.algorithm.ends) == (1, [("a", Phase.DONE, type(None))])


def test_a_datagram_that_nobody_may_have_takes_no_room(house: House) -> None:
    """Without a backend, or with a failing policy, a datagram is dropped and counted, and no flow is evicted for it."""
    for client in (ALICE, BOB, CAROL):
        house.flows.datagram(b"", client)
    house.algorithm.broken = True
    house.flows.datagram(b"", DAVE)
    for name in "abc":
        house.turn(name, up=False)
    house.flows.datagram(b"", DAVE)
    assert (house.counts.dropped_policy, house.counts.dropped_no_backend, house.flows.active) == (1, 1, 3)


def test_a_datagram_does_not_wait() -> None:
    """While every backend has all the flows it takes, a new client's datagrams are dropped and counted, and no flow is.

    What belongs to flows goes on, and the end of a flow is room for the next.
    """
    house = House("ab", max_connections=1, idle=IDLE)
    for client in (ALICE, BOB, CAROL, ALICE):
        house.flows.datagram(b"", client)
    assert [len(upstream.heard) for upstream in house.open()] == [2, 1]
    assert (house.counts.dropped_full, house.flows.active, house.pool.waiting) == (1, 2, 0)
    house.clock.advance(2 * IDLE)
    house.flows.datagram(b"", CAROL)
    assert (house.counts.dropped_full, house.flows.active) == (1, 1)
    house.flows.end_all(Draining("the test is over"))


def test_flows_stay_on_a_backend_that_went_down(house: House) -> None:
    """A backend that goes down keeps its flows, and gets no new ones."""
    house.flows.datagram(b"", ALICE)
    house.turn("a", up=False)
    house.flows.datagram(b"", ALICE)
    house.flows.datagram(b"", BOB)
    assert [(upstream.backend.name, len(upstream.heard)) for upstream in house.open()] == [("a", 2), ("b", 1)]


def test_a_refused_flow_moves_with_the_next_datagram(house: House) -> None:
    """Refused before any answer, a flow has failed to connect, and goes to a backend that it has not tried."""
    for _ in range(2):
        house.flows.datagram(b"", ALICE)
        house.open()[0].flow.refused()
        assert (house.flows.active, len(house.flows)) == (0, 1)
    house.flows.datagram(b"last", ALICE)
    names = [upstream.backend.name for upstream in house.edge.upstreams]
    assert house.algorithm.ends == [(name, Phase.CONNECT, ConnectFailed) for name in names[:2]]
    assert (sorted(names), house.counts.refused, house.counts.opened) == (["a", "b", "c"], 2, 3)
    assert (house.open()[0].heard, house.open()[0].flow.session.attempt) == ([b"last"], 3)


def test_a_datagram_that_meets_a_refusal_is_not_lost(house: House) -> None:
    """When the kernel tells of an earlier refusal instead of sending, that very datagram goes to another backend."""
    house.flows.datagram(b"first", ALICE)
    house.edge.upstreams[0].mood = "refuse"
    house.flows.datagram(b"second", ALICE)
    (upstream,) = house.open()
    assert (upstream.backend.name != "a", upstream.heard, house.counts.dropped_unsent) == (True, [b"second"], 0)


def test_a_flow_refused_after_answers_lost_its_backend(house: House) -> None:
    """Refused after an answer, the backend is gone, which is another error, and what was tried before is forgotten."""
    house.flows.datagram(b"", ALICE)
    house.open()[0].flow.refused()
    house.flows.datagram(b"", ALICE)
    house.clock.advance(0.5)
    house.open()[0].flow.replied(b"")
    house.open()[0].flow.refused()
    second = house.edge.upstreams[1].backend
    assert house.algorithm.ends[1] == (second.name, Phase.DATA, UpstreamGone)
    assert (second.latency, house.edge.upstreams[1].flow.session.tried) == (0.5, (second,))


def test_the_only_backend_is_tried_again() -> None:
    """A backend that refused a flow is given it again when there is no other."""
    house = House("a")
    house.flows.datagram(b"", ALICE)
    house.open()[0].flow.refused()
    house.flows.datagram(b"again", ALICE)
    assert (house.open()[0].heard, house.counts.dropped_no_backend) == ([b"again"], 0)


def test_a_socket_that_cannot_be_had_is_a_refusal(house: House) -> None:
    """Without a socket the lease ends with the error, the datagram is counted as unsent, and the next is tried anew."""
    house.edge.connects = False
    house.flows.datagram(b"", ALICE)
    assert house.algorithm.ends == [("a", Phase.CONNECT, ConnectFailed)]
    assert (house.counts.refused, house.counts.dropped_unsent, house.flows.active) == (1, 1, 0)
    house.edge.connects = True
    house.flows.datagram(b"", ALICE)
    assert "a" not in [upstream.backend.name for upstream in house.open()]


def test_what_a_socket_does_not_take_is_counted(house: House) -> None:
    """A datagram that the kernel does not take is dropped and counted, either way, and its flow goes on."""
    house.flows.datagram(b"", ALICE)
    upstream = house.edge.upstreams[0]
    upstream.mood, house.edge.replies_taken = "full", False
    house.flows.datagram(b"", ALICE)
    upstream.flow.replied(b"")
    assert (house.counts.dropped_unsent, house.counts.dropped_replies) == (1, 1)
    assert (house.counts.sent, house.flows.active) == (0, 1)


@pytest.mark.parametrize(("mood", "refused", "active"), [("full", 0, 1), ("refuse", 1, 0)])
def test_a_first_datagram_that_is_not_taken_is_counted(house: House, mood: str, refused: int, active: int) -> None:
    """What even a new socket does not take is dropped and counted once, and a refusal is one there, too."""
    house.edge.mood = mood
    house.flows.datagram(b"", ALICE)
    assert (house.counts.dropped_unsent, house.counts.refused, house.flows.active) == (1, refused, active)


def test_draining_begins_nothing_and_ends_nothing(house: House) -> None:
    """While draining, flows with a backend go on, others do not begin, and a refused one is over."""
    house.flows.datagram(b"", BOB)
    house.open()[0].flow.refused()
    house.flows.datagram(b"", ALICE)
    house.flows.stop_accepting()
    assert len(house.flows) == 1
    house.flows.datagram(b"more", ALICE)
    house.flows.datagram(b"", BOB)
    assert (house.open()[0].heard, house.counts.dropped_draining) == ([b"", b"more"], 1)
    house.open()[0].flow.refused()
    assert (len(house.flows), len(house.deadlines), house.ended) == (0, 0, [0, 0])


def test_a_closed_flow_hears_nothing(house: House) -> None:
    """What is still told of a flow that has ended changes nothing, nor does a drain without one."""
    house.flows.datagram(b"", ALICE)
    flow = house.open()[0].flow
    house.flows.end_all(Draining("stopping"))
    for late in (flow.refused, lambda: flow.replied(b"late"), house.flows.stop_accepting):
        late()
    assert house.algorithm.ends == [("a", Phase.DATA, Draining)]
    assert (house.edge.replies, house.counts.stopped, house.counts.refused) == ([], 1, 0)


def test_flows_that_leave_a_backend_pick_anew(house: House) -> None:
    """What a backend that is given up had is ended, one flow a step, and the clients' next datagrams go elsewhere."""
    for client in (ALICE, BOB):
        house.flows.datagram(b"", client)
    house.turn("a", up=False)
    house.flows.datagram(b"", CAROL)
    steps = house.flows.leave(house.backends[0], UpstreamGone("down"))
    next(steps)
    assert house.counts.given_up == 1
    list(steps)
    for client in (ALICE, BOB):
        house.flows.datagram(b"again", client)
    assert [upstream.backend.name for upstream in house.open()] == ["b"] * 3
    assert (house.algorithm.ends, house.counts.given_up) == ([("a", Phase.DATA, UpstreamGone)] * 2, 2)


def test_a_draining_listener_ends_the_flows_that_leave(house: House) -> None:
    """While no flow may begin, one whose backend is given up is over."""
    house.flows.datagram(b"", ALICE)
    house.flows.stop_accepting()
    list(house.flows.leave(house.backends[0], UpstreamGone("down")))
    assert (len(house.flows), len(house.deadlines)) == (0, 0)


def test_a_backend_that_is_down_or_draining_keeps_its_flows(house: House) -> None:
    """Unless it is given up, flows stay on their backend whatever its state, and only new ones go elsewhere."""
    house.flows.datagram(b"1", ALICE)
    house.backends[0].become(draining=True)
    house.turn("a", up=False)
    house.flows.datagram(b"2", ALICE)
    house.flows.datagram(b"", BOB)
    lame, other = house.open()
    assert (lame.heard, other.backend.name) == ([b"1", b"2"], "b")
