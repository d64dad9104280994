"""Who has a flow: by client, by source, and in the order in which flows last moved; knows no backend and no time-out.

A flow is in the table from its first datagram to its end, and is its client's current one until it is retired: then the
client's next datagram begins another, while the retired one waits for its replies.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Generic, Protocol, TypeVar

Client = tuple[str, int]
"""A client's address and port."""

NETWORK = 8
"""Bytes of an IPv6 address that name a network, the smallest that one party is given (RFC 4291 2.5.4: a /64)."""


class Tracked(Protocol):
    """What a table keeps, by its identity."""

    client: Client
    last: float
    """When it last moved."""


_Flow = TypeVar("_Flow", bound=Tracked)


def source(host: str) -> str | bytes:
    """Who is behind an address: an IPv4 address itself, mapped into IPv6 or not; of an IPv6 address its /64."""
    if ":" not in host:
        return host
    address = IPv6Address(host.partition("%")[0])
    mapped = address.ipv4_mapped
    return address.packed[:NETWORK] if mapped is None else str(mapped)


class FlowTable(Generic[_Flow]):
    """Flows, that which moved longest ago first; with `per_source`, at most so many of one source."""

    def __init__(self, per_source: int | None) -> None:
        self._per_source = per_source
        self._current: dict[Client, _Flow] = {}
        self._order: OrderedDict[_Flow, None] = OrderedDict()
        self._sources: Counter[str | bytes] = Counter()

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[_Flow]:
        return iter(self._order)

    def __contains__(self, flow: _Flow) -> bool:
        return flow in self._order

    def current(self, client: Client) -> _Flow | None:
        """The flow that the client's next datagram goes to."""
        return self._current.get(client)

    def admits(self, client: Client) -> bool:
        """Whether the client's source may have one flow more."""
        return self._per_source is None or self._sources[source(client[0])] < self._per_source

    def add(self, flow: _Flow) -> None:
        """Keep a flow, as its client's current one, which has none."""
        self._current[flow.client] = flow
        self._order[flow] = None
        if self._per_source is not None:
            self._sources[source(flow.client[0])] += 1

    def touch(self, flow: _Flow, now: float) -> None:
        """The flow moves."""
        flow.last = now
        self._order.move_to_end(flow)

    def oldest(self) -> _Flow:
        """The flow that moved longest ago; there must be one."""
        return next(iter(self._order))

    def retire(self, flow: _Flow) -> None:
        """Have the client's next datagram begin another flow, if this one is still its current."""
        if self._current.get(flow.client) is flow:
            del self._current[flow.client]

    def remove(self, flow: _Flow) -> None:
        """Keep it no more."""
        self.retire(flow)
        del self._order[flow]
        if self._per_source is not None:
            behind = source(flow.client[0])
            self._sources[behind] -= 1
            if not self._sources[behind]:
                del self._sources[behind]
