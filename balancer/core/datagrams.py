"""UDP flows: which client's datagrams go to which backend, for how long, and how many at once; knows no socket.

A client's first datagram picks a backend, and those that follow go there, through an upstream socket of their own that
is connected to the backend: a reply can come from nobody else, and goes to nobody but the client that spoke first.

A flow is CONNECTED while it has a lease and a socket, and MOVING after its backend refused it: nothing is kept but what
was tried, and the client's next datagram picks anew. It ends when neither side spoke for the idle time-out; when it has
had all that its `Bounds` give it; when a new flow needs its room, having been idle longest; or with the listener. While
draining, and once its client's datagrams go elsewhere, a refusal ends it, too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import attrs

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.flow_table import Client, FlowTable
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.errors import (
    BalancerError,
    ConnectFailed,
    NoBackend,
    PolicyFailed,
    PoolFull,
    UpstreamGone,
    UpstreamTimeout,
)
from balancer.interfaces import Kind, Phase

LAST_WORDS: Final = 1.0
"""Seconds of silence after which a flow counts as over while draining: nothing in a flow says that it has ended."""


class Upstream(Protocol):
    """The socket of one flow, connected to its backend; tells the flow `replied` and `refused`, until it is closed."""

    def send(self, data: bytes) -> bool:
        """Send one datagram; False when it was not taken. May find that the backend refuses the flow, and say so."""

    def close(self) -> None:
        """Close, and tell the flow nothing more."""


class Edge(Protocol):
    """The sockets, as flows use them."""

    def connect(self, flow: Flow, backend: Backend) -> Upstream:
        """Open a socket for the flow, connected to the backend. Raises `ConnectFailed`, and then nothing is open."""

    def reply(self, data: bytes, client: Client) -> bool:
        """Send one datagram to the client; False when it was not taken."""


@attrs.frozen(kw_only=True)
class Bounds:
    """How long a flow lives and how many there may be.

    A flow ends after `idle` seconds of silence from both sides, or, where `replies` is given, as soon as each of its
    datagrams has had so many; a backend that owes any when the flow expires has failed. After `requests` datagrams the
    client's next one begins another flow, and before that many no number of replies ends one. At most `max_flows` are
    kept, of those `max_flows_per_source` of one IPv4 address or IPv6 /64. All but `replies` are at least one.
    """

    idle: float
    max_flows: int
    replies: int | None = None
    requests: int | None = None
    max_flows_per_source: int | None = None


@attrs.define
class Counts:
    """What one listener has counted. A datagram received is passed on once, or is in one of the drops.

    At any time `opened` is the sum of the flows active, `finished`, `expired`, `evicted`, `refused` and `stopped`.
    """

    received: int = 0
    received_bytes: int = 0
    sent: int = 0
    """Replies that were sent to clients."""
    sent_bytes: int = 0
    dropped_no_backend: int = 0
    dropped_full: int = 0
    """Every backend had all the flows and other sessions it takes; a datagram does not wait."""
    dropped_policy: int = 0
    dropped_draining: int = 0
    dropped_source: int = 0
    """Its source had all the flows it may have."""
    dropped_unsent: int = 0
    """No socket towards the backend could be had, or it did not take the datagram."""
    dropped_replies: int = 0
    """The listening socket did not take the reply."""
    opened: int = 0
    """Flows that were given a backend; one that moves is given another, and counts again."""
    finished: int = 0
    """Flows that had all their datagrams and replies."""
    expired: int = 0
    unanswered: int = 0
    """Those of the expired whose backend owed replies."""
    evicted: int = 0
    refused: int = 0
    stopped: int = 0


class Flow:
    """One client's datagrams to one listener, and the replies."""

    __slots__ = ("_flows", "_replies", "client", "last", "lease", "owed", "requests", "session", "upstream")

    def __init__(self, flows: Flows, client: Client, replies: int) -> None:
        self.client, self.session = client, Session(Kind.UDP, client, 0.0)
        self.lease: Lease | None = None
        self.upstream: Upstream | None = None
        self.last = 0.0
        self.requests = self.owed = 0  # datagrams given to this backend, and replies that it owes
        self._flows, self._replies = flows, replies

    def forward(self, data: bytes) -> bool:
        """Pass a datagram on; False when there is no backend, or just this attempt found that it refuses the flow."""
        upstream = self.upstream
        if upstream is None:
            return False
        if upstream.send(data):
            self.owed += self._replies
        elif self.upstream is None:
            return False
        else:
            self._flows.counts.dropped_unsent += 1
        self.requests += 1
        return True

    def replied(self, data: bytes) -> None:
        """The backend sent a datagram."""
        if self.lease is not None:
            self.lease.answered()
            if self.owed:
                self.owed -= 1
            self._flows.reply(self, data)

    def refused(self) -> None:
        """The network says that nobody listens at the backend (ICMP unreachable, RFC 1122 4.1.3.3)."""
        if self.lease is not None:
            self._flows.refused(self, self.lease)

    def release(self, phase: Phase, error: BalancerError | None) -> None:
        """Close the socket and end the lease, where there are any."""
        upstream, self.upstream = self.upstream, None
        lease, self.lease = self.lease, None
        self.requests = self.owed = 0
        if upstream is not None:
            upstream.close()
        if lease is not None:
            lease.end(phase, error=error)
            self._flows.active -= 1
            self._flows.ended()


class Flows:
    """All flows of one listener.

    Kept in the order in which they last moved: the first is the one to expire next and the one to evict. `ended` is
    called after the end of every lease.
    """

    def __init__(
        self, pool: Pool, edge: Edge, deadlines: Deadlines, bounds: Bounds, *, ended: Callable[[], object]
    ) -> None:
        self.counts = Counts()
        self.active = 0
        """Flows that have a backend now."""
        self._pool, self._edge, self._deadlines = pool, edge, deadlines
        self._bounds, self._idle, self.ended = bounds, bounds.idle, ended
        self._accepting = True
        self._table: FlowTable[Flow] = FlowTable(bounds.max_flows_per_source)
        self._deadline = Deadline(deadlines, self._expire)

    def __len__(self) -> int:
        """How many flows are kept, those that are moving included."""
        return len(self._table)

    def datagram(self, data: bytes, client: Client) -> None:
        """A client sent a datagram."""
        self.counts.received += 1
        self.counts.received_bytes += len(data)
        flow = self._table.current(client)
        if flow is not None and flow.forward(data):
            self._moved(flow)
        elif not self._accepting:
            self.counts.dropped_draining += 1
        elif flow is None and not self._table.admits(client):
            self.counts.dropped_source += 1
        else:
            self._begin(flow or Flow(self, client, self._bounds.replies or 0), data)

    def reply(self, flow: Flow, data: bytes) -> None:
        """The flow's backend sent a datagram."""
        if self._edge.reply(data, flow.client):
            self.counts.sent += 1
            self.counts.sent_bytes += len(data)
        else:
            self.counts.dropped_replies += 1
        self._moved(flow)

    def refused(self, flow: Flow, lease: Lease) -> None:
        """The flow's backend will have none of it; one that had answered is gone, and earlier refusals are history."""
        if lease.first_byte is None:
            self._move(flow, lease, Phase.CONNECT, ConnectFailed(f"{lease.backend.name}: nobody listens there"))
        else:
            flow.session.tried.clear()
            self._move(flow, lease, Phase.DATA, UpstreamGone(f"{lease.backend.name}: nobody listens there any more"))

    def stop_accepting(self) -> None:
        """Begin no more flows; those that have a backend go on, but not for longer than `LAST_WORDS` of silence."""
        self._accepting = False
        self._idle = min(self._idle, LAST_WORDS)
        for flow in [flow for flow in self._table if flow.lease is None]:
            self._drop(flow)
        if self._table:
            self._deadline.move(self._idle)

    def end_all(self, error: BalancerError) -> None:
        """End every flow now, for that reason."""
        while self._table:
            flow = self._table.oldest()
            self.counts.stopped += flow.lease is not None
            self._drop(flow, Phase.DATA, error)

    def _begin(self, flow: Flow, data: bytes) -> None:
        """Give the flow a backend and pass the datagram on; one without a backend takes no room from others."""
        lease = self._pick(flow.session)
        if lease is None:
            return
        self._keep(flow)
        flow.lease = lease
        self.active += 1
        self.counts.opened += 1
        try:
            flow.upstream = self._edge.connect(flow, lease.backend)
        except ConnectFailed as error:
            self._move(flow, lease, Phase.CONNECT, error)
        if flow.forward(data):
            self._moved(flow)
        else:
            self.counts.dropped_unsent += 1

    def _pick(self, session: Session) -> Lease | None:
        """Choose a backend, one that refused the flow only when there is no other; None when none may serve it."""
        session.now = self._pool.ports.seconds()
        session.attempt = len(session.tried) + 1
        try:
            if session.tried:
                with suppress(NoBackend):
                    return self._pool.pick(session)
                session.tried.clear()
            return self._pool.pick(session)
        except PoolFull:
            self.counts.dropped_full += 1
        except NoBackend:
            self.counts.dropped_no_backend += 1
        except PolicyFailed:
            self.counts.dropped_policy += 1
        return None

    def _keep(self, flow: Flow) -> None:
        """Have the flow in the table; when that is full, the flow idle longest makes room."""
        if flow not in self._table:
            if len(self._table) >= self._bounds.max_flows:
                oldest = self._table.oldest()
                self.counts.evicted += oldest.lease is not None
                self._drop(oldest)
            if not self._table:
                self._deadline.move(self._idle)
            self._table.add(flow)
        self._table.touch(flow, self._deadlines.now)

    def _moved(self, flow: Flow) -> None:
        """Either side spoke: nobody needs the flow when it has had its datagrams and their replies."""
        self._table.touch(flow, self._deadlines.now)
        requests, replies = self._bounds.requests, self._bounds.replies
        if requests is not None:
            if flow.requests < requests:
                return
            self._table.retire(flow)
        if replies is not None and not flow.owed:
            self.counts.finished += 1
            self._drop(flow)

    def _move(self, flow: Flow, lease: Lease, phase: Phase, error: BalancerError) -> None:
        """The backend refused: remember that for the client's next datagram, if there may be one."""
        self.counts.refused += 1
        flow.session.tried.append(lease.backend)
        if self._accepting and self._table.current(flow.client) is flow:
            flow.release(phase, error)
        else:
            self._drop(flow, phase, error)

    def _drop(self, flow: Flow, phase: Phase = Phase.DONE, error: BalancerError | None = None) -> None:
        """Forget the flow."""
        self._table.remove(flow)
        if not self._table:
            self._deadline.cancel()
        flow.release(phase, error)

    def _expire(self) -> None:
        """The deadline fired: end what was idle for long enough, and wait for the next."""
        while self._table:
            flow = self._table.oldest()
            remaining = self._idle - (self._deadlines.now - flow.last)
            if remaining > 0:
                self._deadline.move(remaining)
                return
            self.counts.expired += flow.lease is not None
            self._drop(flow, *self._judged(flow))

    def _judged(self, flow: Flow) -> tuple[Phase, BalancerError | None]:
        """How a flow ends that was idle for long enough; not a failure when a drain has cut its time short."""
        if flow.lease is None or not flow.owed or not self._accepting:
            return Phase.DONE, None
        self.counts.unanswered += 1
        return Phase.DATA, UpstreamTimeout(f"{flow.lease.backend.name}: {flow.owed} replies are missing")
