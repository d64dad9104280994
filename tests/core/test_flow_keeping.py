"""Which flows are kept: room is made, silence ends them, and a drain hurries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from balancer.core.flow import Flow
from balancer.core.flow_keeping import KeptFlows
from balancer.errors import Draining, UpstreamTimeout
from balancer.interfaces import Phase
from tests.core.flows import ALICE, BOB, CAP, CAROL, DAVE, IDLE, House


@pytest.fixture
def house() -> House:
    """What flows need; its own flows are not looked at."""
    return House()


@pytest.fixture
def kept(house: House) -> KeptFlows:
    """Nothing yet."""
    return KeptFlows(house.bounds, house.deadlines, house.counts)


def alive(house: House, kept: KeptFlows, client: tuple[str, int] = ALICE) -> Flow:
    """A flow that has a backend."""
    flow = Flow(house.flows, client)
    kept.keep(flow)
    flow.lease = house.pool.pick(flow.session)
    return flow


def test_the_flow_idle_longest_makes_room(house: House, kept: KeptFlows) -> None:
    """With all room taken, the flow that moved longest ago goes, whether it has a backend or is moving."""
    flows = []
    for client in (ALICE, BOB, CAROL):
        flows.append(alive(house, kept, client))
        house.clock.advance(0.5)
    kept.keep(flows[0])
    flows[1].release(Phase.DONE, None)
    for client in (DAVE, (DAVE[0], 1)):
        kept.keep(Flow(house.flows, client))
    assert (flows[0] in kept.table, [flow in kept.table for flow in flows[1:]]) == (True, [False, False])
    assert (len(kept.table), house.counts.evicted) == (CAP, 1)


def test_silence_ends_a_flow(house: House, kept: KeptFlows) -> None:
    """A flow ends once nobody spoke for its time, not before, and with the last of them the deadline."""
    flow = alive(house, kept)
    house.clock.advance(IDLE - 1)
    flow.last = house.deadlines.now
    other = alive(house, kept, BOB)
    house.clock.advance(IDLE - 1)
    assert set(kept.table) == {flow, other}
    house.clock.advance(2)
    assert (len(kept.table), house.counts.expired, len(house.deadlines)) == (0, 2, 0)


def test_many_are_ended_step_by_step(house: House) -> None:
    """Flows that expire together may be ended in several turns, between which others begin, go on and end."""
    works: list[Iterator[None]] = []
    kept = KeptFlows(house.bounds, house.deadlines, house.counts, works.append)
    flows = [alive(house, kept, client) for client in (ALICE, BOB, CAROL)]
    house.clock.advance(IDLE + 1)
    (steps,) = works
    next(steps)
    assert (len(kept.table), house.counts.expired) == (2, 1)
    flows[2].last = house.deadlines.now
    late = alive(house, kept, DAVE)
    assert (list(steps), set(kept.table), house.counts.expired) == ([None], {flows[2], late}, 2)
    house.clock.advance(IDLE + 1)
    assert (list(works[1]), len(kept.table), len(house.deadlines)) == ([None, None], 0, 0)


def test_silence_where_replies_are_missing_is_the_failure_of_the_backend(house: House, kept: KeptFlows) -> None:
    """A flow that is owed replies has timed out; one that is moving blames nobody."""
    alive(house, kept).owed = 1
    kept.keep(Flow(house.flows, BOB))
    house.clock.advance(IDLE + 1)
    assert house.algorithm.ends == [("a", Phase.DATA, UpstreamTimeout)]
    assert (house.counts.expired, house.counts.unanswered) == (1, 1)


def test_in_a_hurry_only_the_living_are_kept_and_not_for_long(house: House, kept: KeptFlows) -> None:
    """Flows without a backend go at once, the others after less silence, which blames nobody."""
    alive(house, kept).owed = 1
    kept.keep(Flow(house.flows, BOB))
    kept.hurry(1)
    assert len(kept.table) == 1
    house.clock.advance(2)
    assert house.algorithm.ends == [("a", Phase.DONE, type(None))]
    kept.hurry(1)
    assert len(house.deadlines) == 0


def test_what_is_dropped_ends_as_told(house: House, kept: KeptFlows) -> None:
    """The lease of a flow that is dropped ends for the reason given."""
    kept.drop(alive(house, kept), Phase.DATA, Draining("stopping"))
    assert (house.algorithm.ends, len(house.deadlines)) == ([("a", Phase.DATA, Draining)], 0)
