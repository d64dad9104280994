"""Who has a flow: by client, by source, and by when flows last moved; knows no backend and no time-out.

A flow is in the table from its first datagram to its end, and is its client's current one until it is retired: then the
client's next datagram begins another, while the retired one waits for its replies.

That a flow moves is written into the flow and nowhere else, for it happens with every datagram. A flow waits in the
bucket of the granule in which it last moved when somebody looked; who asks for the oldest has those that have moved
since put where they now belong.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import chain
from typing import Generic, Protocol, TypeVar

from balancer.core.sources import Shares, source

Client = tuple[str, int] | tuple[str, int, bytes]
"""A client's address and port, and what it called where that is one of several: to each it is another client."""


class Tracked(Protocol):
    """What a table keeps, by its identity."""

    client: Client
    who: Hashable
    """Whose current flow it is: the client, or what stands for it and more."""
    last: float
    """When it last moved; never earlier than it was."""
    slot: int
    """The table's own: the bucket it waits in."""


_Flow = TypeVar("_Flow", bound=Tracked)


class FlowTable(Generic[_Flow]):
    """Flows; with `per_source`, at most so many of one source. `granule` seconds is how well their ages are told apart.

    `current` has the flow that the next datagram goes to, by `Tracked.who`; others only read it.
    """

    def __init__(self, per_source: int | None, granule: float) -> None:
        self.current: dict[Hashable, _Flow] = {}
        self._granule = granule
        self._buckets: dict[int, dict[_Flow, None]] = {}
        self._first = 0  # no bucket is before this one
        self._size = 0
        self._shares = None if per_source is None else Shares(per_source)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[_Flow]:
        return chain.from_iterable(self._buckets.values())

    def __contains__(self, flow: _Flow) -> bool:
        return flow in self._buckets.get(flow.slot, ())

    def admits(self, client: Client) -> bool:
        """Whether the client's source may have one flow more."""
        return self._shares is None or not self._shares.full(source(client[0]))

    def add(self, flow: _Flow) -> None:
        """Keep a flow that moves now, as the current one of whom it is for, who has none."""
        self.current[flow.who] = flow
        if not self._size:
            self._first = self._slot(flow)
        self._size += 1
        self._put(flow)
        if self._shares is not None:
            self._shares.take(source(flow.client[0]))

    def oldest(self) -> _Flow:
        """The flow that moved longest ago, to a granule; there must be one."""
        while True:
            bucket = self._buckets.get(self._first)
            if bucket is None:
                self._first += 1
                continue
            flow = next(iter(bucket))
            if self._slot(flow) == self._first:
                return flow
            self._take(flow)
            self._put(flow)

    def retire(self, flow: _Flow) -> None:
        """Have the next datagram begin another flow, if this one is still the current."""
        if self.current.get(flow.who) is flow:
            del self.current[flow.who]

    def remove(self, flow: _Flow) -> None:
        """Keep it no more."""
        self.retire(flow)
        self._take(flow)
        self._size -= 1
        if self._shares is not None:
            self._shares.give_back(source(flow.client[0]))

    def _slot(self, flow: _Flow) -> int:
        return int(flow.last / self._granule)

    def _put(self, flow: _Flow) -> None:
        flow.slot = self._slot(flow)
        self._buckets.setdefault(flow.slot, {})[flow] = None

    def _take(self, flow: _Flow) -> None:
        bucket = self._buckets[flow.slot]
        del bucket[flow]
        if not bucket:
            del self._buckets[flow.slot]
