"""What a listener's flows are bounded by, and counted as."""

from __future__ import annotations

from balancer.core.flow_bounds import Bounds, Counts


def test_only_what_is_asked_for_is_bounded() -> None:
    """Beside its time and the number of all, nothing bounds a flow that was not asked for."""
    bounds = Bounds(idle=1.0, max_flows=2)
    assert (bounds.replies, bounds.requests, bounds.max_flows_per_source) == (None, None, None)


def test_counting_begins_with_nothing() -> None:
    """A listener that has seen no datagram has counted none."""
    counts = Counts()
    assert {getattr(counts, name) for name in Counts.__slots__ if name != "__weakref__"} == {0}
