"""Flows whose datagrams tell who they are from: they reach the backend that knows them, and steal from nobody."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from zope.interface import implementer

from balancer.core.flow_keys import MOST_NAMES
from balancer.core.flow_table import Client
from balancer.errors import BalancerError, UpstreamGone
from balancer.interfaces import IFlowKey
from tests.core.flows import ALICE, BOB, CAP, CAROL, DAVE, IDLE, House


@implementer(IFlowKey)
class FirstByte:
    """A datagram's first byte names it."""

    def key(self, datagram: bytes) -> bytes | None:
        return datagram[:1] or None


@implementer(IFlowKey)
class Written(FirstByte):
    """A datagram may also name a backend, after a slash; replies name their flow by each of their bytes."""

    def backend(self, datagram: bytes) -> str | None:
        return datagram.partition(b"/")[2].decode() or None

    def learn(self, datagram: bytes) -> Collection[bytes]:
        return [datagram[at : at + 1] for at in range(len(datagram))]


def backends(house: House) -> list[str]:
    """Where flows went, in order."""
    return [upstream.backend.name for upstream in house.edge.upstreams]


@pytest.fixture
def house() -> House:
    """Three backends, of which the first that is up and not draining is picked."""
    return House(key=Written())


def drained(house: House, name: str) -> None:
    """Let no new session have that backend."""
    house.backends["abc".index(name)].become(draining=True)
    house.pool.refresh()


def test_a_client_that_moves_stays_on_its_backend(house: House) -> None:
    """From another address a known name leads to the same backend, though nobody new would be given it."""
    house.flows.datagram(b"k1", ALICE)
    drained(house, "a")
    house.flows.datagram(b"k2", BOB)
    house.flows.datagram(b"other", CAROL)
    assert backends(house) == ["a", "a", "b"]
    assert house.backends[0].active == 2


def test_no_flow_changes_hands(house: House) -> None:
    """The backend hears another address by a flow of its own, and what it says to either goes to that one alone."""
    house.flows.datagram(b"k1", ALICE)
    house.flows.datagram(b"k forged", BOB)
    first, second = house.edge.upstreams
    first.flow.replied(b"for alice")
    second.flow.replied(b"for bob")
    assert house.edge.replies == [(b"for alice", ALICE), (b"for bob", BOB)]
    house.flows.datagram(b"k2", ALICE)
    assert (first.heard, second.heard) == ([b"k1", b"k2"], [b"k forged"])


def test_replies_give_names(house: House) -> None:
    """What a backend calls a flow leads there from any address."""
    house.flows.datagram(b"k", ALICE)
    house.edge.upstreams[0].flow.replied(b"xy")
    drained(house, "a")
    house.flows.datagram(b"y", BOB)
    assert backends(house) == ["a", "a"]


def test_without_learning_replies_give_none() -> None:
    """A key that does not learn is asked about clients' datagrams alone."""
    house = House(key=FirstByte())
    house.flows.datagram(b"k", ALICE)
    house.edge.upstreams[0].flow.replied(b"xy")
    assert len(house.keys) == 1


def test_a_datagram_may_name_its_backend(house: House) -> None:
    """One that nobody knows goes where it says, if that is up, and is balanced otherwise."""
    house.flows.datagram(b"1/c", ALICE)
    house.turn("c", up=False)
    house.flows.datagram(b"2/c", BOB)
    house.flows.datagram(b"3/nobody", CAROL)
    assert backends(house) == ["c", "a", "a"]


def test_an_address_that_was_somebody_elses_has_a_flow_for_each(house: House) -> None:
    """A datagram that belongs to another backend than its address does goes there, and neither flow ends."""
    house.flows.datagram(b"1/a", ALICE)
    house.flows.datagram(b"2/b", ALICE)
    house.flows.datagram(b"1/a", ALICE)
    house.flows.datagram(b"2/b", ALICE)
    assert (backends(house), [len(one.heard) for one in house.open()]) == (["a", "b"], [2, 2])


def test_a_backend_that_refused_is_not_asked_for_again(house: House) -> None:
    """When the backend that a datagram names is not there, the flow moves on and stays with the next."""
    house.flows.datagram(b"1/a", ALICE)
    house.edge.upstreams[0].flow.refused()
    house.flows.datagram(b"1/a", ALICE)
    house.flows.datagram(b"1", ALICE)
    assert backends(house)[1] != "a"
    assert len(house.open()[0].heard) == 2


def test_names_end_with_their_flows(house: House) -> None:
    """While one flow of a name lives the name is known, and then no longer."""
    house.flows.datagram(b"k", ALICE)
    house.clock.advance(IDLE / 2)
    house.flows.datagram(b"k", BOB)
    house.clock.advance(IDLE / 2 + 1)
    assert (len(house.flows), len(house.keys)) == (1, 1)
    house.clock.advance(IDLE)
    assert len(house.keys) == 0


def test_without_a_backend_no_name_is_held(house: House) -> None:
    """A datagram that is dropped leaves nothing behind."""
    for name in "abc":
        house.turn(name, up=False)
    house.flows.datagram(b"k", ALICE)
    assert (len(house.keys), house.counts.dropped_no_backend) == (0, 1)


def test_a_full_backend_takes_nobody_back() -> None:
    """While its backend has all it takes, a client's datagrams from another address are dropped, and are not misled."""
    house = House(key=Written(), max_connections=1)
    house.flows.datagram(b"k1", ALICE)
    house.flows.datagram(b"k2", BOB)
    assert (backends(house), house.counts.dropped_full, house.flows.active) == (["a"], 1, 1)


class Traffic(RuleBasedStateMachine):
    """Any names from anywhere: bounded, counted, and each reply to who spoke."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House(key=Written())

    @rule(
        client=st.sampled_from([ALICE, BOB, CAROL, DAVE]),
        data=st.sampled_from([b"", b"1", b"2", b"3", b"1/a", b"2/b", b"9/c"]),
        mood=st.sampled_from(["", "", "refuse", "full"]),
    )
    def send(self, client: Client, data: bytes, mood: str) -> None:
        for upstream in self.house.open():
            upstream.mood = mood
        self.house.flows.datagram(data, client)

    @rule(which=st.integers(0, CAP - 1), data=st.binary(max_size=12))
    def hear(self, which: int, data: bytes) -> None:
        for upstream in self.house.open()[which : which + 1]:
            upstream.flow.replied(data)
            assert self.house.edge.replies[-1] == (data, upstream.flow.client)

    @rule(name=st.sampled_from("abc"), up=st.booleans(), leave=st.booleans())
    def change(self, name: str, up: bool, leave: bool) -> None:
        self.house.turn(name, up=up)
        error: BalancerError = UpstreamGone("down")
        if leave:
            list(self.house.flows.leave(self.house.backends["abc".index(name)], error))

    @rule(seconds=st.floats(0.1, IDLE))
    def wait(self, seconds: float) -> None:
        self.house.clock.advance(seconds)

    @invariant()
    def bounded(self) -> None:
        house = self.house
        flows = [upstream.flow for upstream in house.open()]
        assert house.flows.active == len(flows) <= CAP
        assert {name for flow in flows for name in flow.keys} == set(house.keys)
        assert all(len(flow.keys) <= MOST_NAMES for flow in flows)
        for flow in flows:
            homes = [house.keys.home(name) for name in flow.keys]
            assert all(flow.lease and home == (flow.pool, flow.lease.backend) for home in homes)

    def teardown(self) -> None:
        self.house.clock.advance(IDLE * 2)
        assert (len(self.house.flows), len(self.house.keys), self.house.open()) == (0, 0, [])


Traffic.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestTraffic = Traffic.TestCase
