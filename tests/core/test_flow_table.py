"""The table of flows: who is current, who is oldest, and how many a source has."""

from __future__ import annotations

from collections.abc import Hashable

import attrs
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.flow_table import Client, FlowTable

GRANULE = 0.1
ONE, TWO, OTHER = ("192.0.2.1", 1), ("192.0.2.1", 2), ("192.0.2.2", 1)


@attrs.define(eq=False)
class Tracked:
    """As much of a flow as a table sees."""

    client: Client
    last: float = 0.0
    slot: int = 0
    who: Hashable = attrs.field(init=False, default=attrs.Factory(lambda flow: flow.client, takes_self=True))


def table(*flows: Tracked, per_source: int | None = None) -> FlowTable[Tracked]:
    """A table with these flows."""
    made: FlowTable[Tracked] = FlowTable(per_source, GRANULE)
    for flow in flows:
        made.add(flow)
    return made


def test_a_flow_is_current_until_it_is_retired() -> None:
    """A client's datagrams go to its flow; once that is retired it is kept, and another takes its place."""
    first, second = Tracked(ONE), Tracked(ONE)
    flows = table(first)
    assert (flows.current.get(ONE), flows.current.get(TWO)) == (first, None)
    flows.retire(first)
    assert (flows.current.get(ONE), list(flows)) == (None, [first])
    flows.add(second)
    flows.retire(first)
    flows.remove(first)
    assert (flows.current.get(ONE), first in flows, second in flows, len(flows)) == (second, False, True, 1)


def test_the_oldest_is_the_one_that_moved_longest_ago() -> None:
    """A flow that moves says so itself, and is no longer the oldest."""
    first, second = Tracked(ONE), Tracked(TWO)
    flows = table(first, second)
    assert flows.oldest() is first
    first.last = 5.0
    assert flows.oldest() is second
    second.last = 6.0
    assert (flows.oldest(), first in flows, set(flows)) == (first, True, {first, second})


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["move", "remove", "look"]), st.integers(0, 30))))
def test_nobody_is_older_than_the_oldest(steps: list[tuple[int, str, int]]) -> None:
    """Whatever moves, comes and goes, no flow moved more than a granule before the one that is said to be oldest."""
    flows, kept, now = table(), dict[int, Tracked](), 0.0
    for which, what, tenths in steps:
        now += tenths / 20
        if which not in kept:
            kept[which] = Tracked(("192.0.2.1", which), now)
            flows.add(kept[which])
        elif what == "move":
            kept[which].last = now
        elif what == "remove":
            flows.remove(kept.pop(which))
        if kept:
            assert flows.oldest().last <= min(flow.last for flow in kept.values()) + GRANULE
        assert (len(flows), set(flows)) == (len(kept), set(kept.values()))


def test_a_source_has_its_share_and_no_more() -> None:
    """A source at its cap gets no flow more, whatever port it uses and whether or not they are retired."""
    first, second = Tracked(ONE), Tracked(TWO)
    flows = table(first, second, per_source=2)
    flows.retire(first)
    assert (flows.admits(ONE), flows.admits(OTHER)) == (False, True)
    flows.remove(first)
    assert flows.admits(ONE)
    flows.remove(second)
    assert flows.admits(ONE)


def test_without_a_cap_all_are_admitted() -> None:
    """A table that was given no cap counts nothing, and admits any number, of any address."""
    flows = table(Tracked(ONE), Tracked(TWO))
    assert flows.admits(ONE)
