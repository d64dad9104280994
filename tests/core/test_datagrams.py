"""UDP flows: where datagrams go, how flows end, and that nothing of them stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from balancer.core.backend import Backend
from balancer.core.datagrams import Client, Flow, Flows
from balancer.core.deadlines import Deadlines
from balancer.core.pickers import Ports
from balancer.core.pool import Pool
from balancer.errors import BalancerError, ConnectFailed, Draining, UpstreamGone
from balancer.interfaces import Outcome, Phase, Picker

IDLE, CAP = 10.0, 3
ALICE, BOB, CAROL, DAVE = ((f"192.0.2.{number}", 5000) for number in range(4))


class HandClock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.time, self._calls = 0.0, list[tuple[float, Callable[[], None]]]()

    def seconds(self) -> float:
        return self.time

    def wake_after(self, seconds: float, call: Callable[[], None]) -> None:
        self._calls.append((self.time + seconds, call))  # the deadlines wait for one alarm at a time

    def advance(self, seconds: float) -> None:
        end = self.time + seconds
        while self._calls and self._calls[0][0] <= end:
            self.time, call = self._calls.pop()
            call()
        self.time = end


class First:
    """Always chooses the first backend, whatever was tried, and keeps how the sessions ended."""

    name = "first"

    def __init__(self) -> None:
        self.broken = False
        self.ends: list[tuple[str, Phase, type[BalancerError | None]]] = []

    def picker(self, backends: Sequence[Backend], random: Random) -> Picker:
        return _FirstOf(self, backends[0])


class _FirstOf:
    def __init__(self, algorithm: First, backend: Backend) -> None:
        self._algorithm, self._backend = algorithm, backend

    def __call__(self, session: Any) -> Backend:
        if self._algorithm.broken:
            raise LookupError
        return self._backend

    def released(self, backend: Backend, outcome: Outcome) -> None:
        if outcome.phase is not Phase.PICK:
            self._algorithm.ends.append((backend.name, outcome.phase, type(outcome.error)))


class FakeUpstream:
    """The socket of a flow; `mood` is how it takes the next datagram."""

    def __init__(self, flow: Flow, backend: Backend) -> None:
        self.flow, self.backend = flow, backend
        self.mood, self.open = "", True
        self.heard: list[bytes] = []

    def send(self, data: bytes) -> bool:
        assert self.open
        if self.mood == "refuse":
            self.flow.refused()
        elif not self.mood:
            self.heard.append(data)
        return not self.mood

    def close(self) -> None:
        assert self.open, "closed twice"
        self.open = False


class FakeEdge:
    """Sockets in memory."""

    def __init__(self) -> None:
        self.upstreams: list[FakeUpstream] = []
        self.replies: list[tuple[bytes, Client]] = []
        self.connects = self.replies_taken = True

    def connect(self, flow: Flow, backend: Backend) -> FakeUpstream:
        if not self.connects:
            raise ConnectFailed("too many open files")
        self.upstreams.append(FakeUpstream(flow, backend))
        return self.upstreams[-1]

    def reply(self, data: bytes, client: Client) -> bool:
        if self.replies_taken:
            self.replies.append((data, client))
        return self.replies_taken


class House:
    """A pool of three backends, a listener's flows, and time."""

    def __init__(self, names: str = "abc") -> None:
        self.clock, self.edge, self.algorithm, self.ended = HandClock(), FakeEdge(), First(), list[int]()
        self.backends = [Backend(name, name, (name, 1), seconds=self.clock.seconds) for name in names]
        ports = Ports(Random(1), self.clock.seconds, lambda call: call())
        self.pool = Pool("pool", self.backends, self.algorithm, ports=ports)
        self.deadlines = Deadlines(self.clock)
        self.flows = Flows(
            self.pool, self.edge, self.deadlines, idle=IDLE, max_flows=CAP,
            ended=lambda: self.ended.append(self.flows.active),
        )  # fmt: skip
        self.counts = self.flows.counts

    def open(self) -> list[FakeUpstream]:
        return [upstream for upstream in self.edge.upstreams if upstream.open]

    def turn(self, name: str, *, up: bool) -> None:
        self.backends["abc".index(name)].up = up
        self.pool.refresh()


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
    assert (second.latency, house.edge.upstreams[1].flow.session.tried) == (0.5, [second])


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


class Traffic(RuleBasedStateMachine):
    """Anything in any order: every flow ends once, nothing exceeds its bounds and nothing stays."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()

    @rule(client=st.sampled_from([ALICE, BOB, CAROL, DAVE]), mood=st.sampled_from(["", "", "refuse", "full"]))
    def send(self, client: Client, mood: str) -> None:
        for upstream in self.house.open():
            upstream.mood = mood
        self.house.flows.datagram(b"", client)

    @rule(which=st.integers(0, CAP - 1), refused=st.booleans())
    def hear(self, which: int, refused: bool) -> None:
        for upstream in self.house.open()[which : which + 1]:
            upstream.flow.refused() if refused else upstream.flow.replied(b"")

    @rule(name=st.sampled_from("abc"), up=st.booleans(), connects=st.booleans(), broken=st.booleans())
    def change(self, name: str, up: bool, connects: bool, broken: bool) -> None:
        self.house.turn(name, up=up)
        self.house.edge.connects, self.house.algorithm.broken = connects, broken

    @rule(seconds=st.floats(0.1, IDLE))
    def wait(self, seconds: float) -> None:
        self.house.clock.advance(seconds)

    @rule(late=st.integers(0, 40))
    def stop(self, late: int) -> None:
        if self.house.counts.received > late:
            self.house.flows.end_all(Draining("stopping"))
        if self.house.counts.received > late + 15:
            self.house.flows.stop_accepting()

    @invariant()
    def counted(self) -> None:
        house, counts, active = self.house, self.house.counts, self.house.flows.active
        assert active == len(house.open()) == sum(backend.active for backend in house.backends)
        assert active <= len(house.flows) <= CAP
        assert counts.opened - active == counts.expired + counts.evicted + counts.refused + counts.stopped
        assert counts.opened - active == len(house.ended) == len(house.algorithm.ends)
        drops = counts.dropped_no_backend + counts.dropped_policy + counts.dropped_draining + counts.dropped_unsent
        assert counts.received == drops + sum(len(upstream.heard) for upstream in house.edge.upstreams)
        assert len(house.deadlines) == (len(house.flows) > 0)

    def teardown(self) -> None:
        self.house.clock.advance(IDLE * 2)
        assert (len(self.house.flows), self.house.open(), len(self.house.deadlines)) == (0, [], 0)


Traffic.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestTraffic = Traffic.TestCase
