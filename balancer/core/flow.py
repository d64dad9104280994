"""One client's datagrams to one listener, and the replies; knows its socket by what a flow needs of it.

A flow is connected while it has a lease and a socket, and moving after its backend refused it or was given up: nothing
is kept but what was tried, and the client's next datagram picks anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadlines
from balancer.core.flow_bounds import Counts
from balancer.core.flow_table import Client
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.errors import BalancerError
from balancer.interfaces import Kind, Phase

Send = Callable[[bytes], object]
"""Sends one datagram. Raises `OSError` when it was not taken."""


class Upstream(Protocol):
    """The socket of one flow, connected to its backend; tells the flow `replied` and `refused`, until it is closed."""

    @property
    def send(self) -> Send:
        """Sends one datagram to the backend; what it raises may be of an earlier one, see `refused_by`."""

    def refused_by(self, error: OSError) -> bool:
        """Whether what `send` raised says that the backend refuses the flow."""

    def close(self) -> None:
        """Close, and tell the flow nothing more."""


class Edge(Protocol):
    """The sockets, as flows use them."""

    def connect(self, flow: Flow, backend: Backend) -> Upstream:
        """Open a socket for the flow, connected to the backend. Raises `ConnectFailed`, and then nothing is open."""

    @property
    def reply(self) -> Callable[[bytes, Client], object]:
        """Sends one datagram to a client, from what it called. Raises `OSError` when it was not taken."""

    def greeting(self, client: Client) -> bytes:
        """What opens each datagram of that client to a backend; empty where nothing does."""


class Whole(Protocol):
    """All flows of the listener, as far as one of them tells them what happens to it."""

    counts: Counts
    edge: Edge
    deadlines: Deadlines
    bounded: bool
    """Whether datagrams and replies end flows."""

    def moved(self, flow: Flow) -> None:
        """The backend sent a datagram, where that may end the flow."""

    def refused(self, flow: Flow, lease: Lease) -> None:
        """The backend will have none of the flow."""

    def released(self, flow: Flow) -> None:
        """The flow has no backend any more."""


class Flow:
    """The datagrams between one client and the backend that was chosen for it."""

    __slots__ = (
        "_flows", "answered", "client", "keys", "last", "lease", "owed", "pool", "requests", "send", "session", "slot",
        "upstream", "who",
    )  # fmt: skip

    def __init__(self, flows: Whole, client: Client, who: Hashable = None) -> None:
        self.client, self.who = client, client if who is None else who
        self.session = Session(Kind.UDP, client[:2], 0.0)
        self.pool: Pool | None = None
        """Where its route leads, once that was chosen."""
        self.lease: Lease | None = None
        self.upstream: Upstream | None = None
        self.send: Send | None = None
        """Passes a datagram on, while the flow is connected."""
        self.last, self.slot = 0.0, 0
        self.requests = self.owed = 0  # datagrams given to this backend, and replies that it owes
        self.answered = False
        self.keys: tuple[bytes, ...] = ()
        """The names that are held for it, see `core.flow_keys`."""
        self._flows = flows

    def connect(self, upstream: Upstream) -> None:
        """Pass datagrams on through that socket."""
        words = self._flows.edge.greeting(self.client)
        send = upstream.send
        self.upstream = upstream
        self.send = (lambda data: send(words + data)) if words else send

    def pass_on(self, data: bytes) -> None:
        """Send a datagram to the backend, which there must be. Raises `OSError` when it was not taken."""
        assert self.send is not None
        self.send(data)

    def replied(self, data: bytes) -> None:
        """The backend sent a datagram."""
        if self.lease is None:
            return
        flows = self._flows
        if not self.answered:
            self.answered = True
            self.lease.answered()
        counts = flows.counts
        try:
            flows.edge.reply(data, self.client)
        except OSError:
            counts.dropped_replies += 1
        else:
            counts.sent += 1
            counts.sent_bytes += len(data)
        self.last = flows.deadlines.now
        if flows.bounded:
            self.owed -= self.owed > 0
            flows.moved(self)

    def refused(self) -> None:
        """The network says that nobody listens at the backend (ICMP unreachable, RFC 1122 4.1.3.3)."""
        if self.lease is not None:
            self._flows.refused(self, self.lease)

    def release(self, phase: Phase, error: BalancerError | None) -> None:
        """Close the socket and end the lease, where there are any."""
        upstream, self.upstream, self.send = self.upstream, None, None
        lease, self.lease = self.lease, None
        self.requests = self.owed = 0
        self.answered = False
        if upstream is not None:
            upstream.close()
        if lease is not None:
            lease.end(phase, error=error)
            self._flows.released(self)
