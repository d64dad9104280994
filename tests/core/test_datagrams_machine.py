"""UDP flows under anything in any order, with every kind of bounds."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from balancer.core.flow_table import Client
from balancer.errors import Draining, UpstreamTimeout
from tests.core.flows import ALICE, BOB, CAP, CAROL, DAVE, IDLE, House

CLIENTS = [ALICE, BOB, CAROL, DAVE, (ALICE[0], 5001), (ALICE[0], 5002)]
UP_TO_THREE = st.none() | st.integers(0, 3)
CAPS = st.none() | st.integers(1, CAP)


class Traffic(RuleBasedStateMachine):
    """Anything in any order: every flow ends once, nothing exceeds its bounds and nothing stays."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()

    @initialize(replies=UP_TO_THREE, requests=UP_TO_THREE.filter(lambda most: most != 0), cap=CAPS)
    def bound(self, replies: int | None, requests: int | None, cap: int | None) -> None:
        self.house = House(replies=replies, requests=requests, max_flows_per_source=cap)

    @rule(client=st.sampled_from(CLIENTS), mood=st.sampled_from(["", "", "refuse", "full"]))
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
        ended = counts.finished + counts.expired + counts.evicted + counts.refused + counts.stopped
        assert counts.opened - active == ended
        unanswered = [error for _, _, error in house.algorithm.ends if error is UpstreamTimeout]
        assert len(unanswered) == counts.unanswered <= counts.expired
        assert counts.opened - active == len(house.ended) == len(house.algorithm.ends)
        drops = counts.dropped_no_backend + counts.dropped_policy + counts.dropped_draining + counts.dropped_unsent
        drops += counts.dropped_source + counts.dropped_full
        assert counts.received == drops + sum(len(upstream.heard) for upstream in house.edge.upstreams)
        assert len(house.deadlines) == (len(house.flows) > 0)

    @invariant()
    def bounded(self) -> None:
        """No flow got more datagrams than `requests`, none is alive that had all, and no source has too many."""
        bounds, alive = self.house.bounds, [upstream.flow for upstream in self.house.open()]
        for upstream in self.house.edge.upstreams:
            assert bounds.requests is None or len(upstream.heard) <= bounds.requests
        if bounds.replies is not None:
            assert all(flow.owed or flow.requests < (bounds.requests or 0) for flow in alive)
        if bounds.max_flows_per_source is not None:
            sources = Counter(flow.client[0] for flow in alive)
            assert not sources or max(sources.values()) <= bounds.max_flows_per_source

    def teardown(self) -> None:
        self.house.clock.advance(IDLE * 2)
        assert (len(self.house.flows), self.house.open(), len(self.house.deadlines)) == (0, [], 0)


Traffic.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestTraffic = Traffic.TestCase
