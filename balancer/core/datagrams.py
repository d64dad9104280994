"""UDP flows: which client's datagrams go to which backend, for how long, and how many at once; knows no socket.

A client's first datagram picks a backend, and those that follow go there, through an upstream socket of their own that
is connected to the backend: a reply can come from nobody else, and goes to nobody but the client that spoke first.

A flow is CONNECTED while it has a lease and a socket, and MOVING after its backend refused it: nothing is kept but what
was tried, and the client's next datagram picks anew. It ends when neither side spoke for the idle time-out; when a new
flow needs its room, having been idle longest; or with the listener. While draining a refusal ends it, too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import attrs

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.pool import Lease, Pool
from balancer.core.session import Session
from balancer.errors import BalancerError, ConnectFailed, NoBackend, PolicyFailed, UpstreamGone
from balancer.interfaces import Kind, Phase

Client = tuple[str, int]
"""A client's address and port."""

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


@attrs.define
class Counts:
    """What one listener has counted. A datagram received is passed on once, or is in one of the drops.

    At any time `opened` is the sum of the flows active, `expired`, `evicted`, `refused` and `stopped`.
    """

    received: int = 0
    received_bytes: int = 0
    sent: int = 0
    """Replies that were sent to clients."""
    sent_bytes: int = 0
    dropped_no_backend: int = 0
    dropped_policy: int = 0
    dropped_draining: int = 0
    dropped_unsent: int = 0
    """No socket towards the backend could be had, or it did not take the datagram."""
    dropped_replies: int = 0
    """The listening socket did not take the reply."""
    opened: int = 0
    """Flows that were given a backend; one that moves is given another, and counts again."""
    expired: int = 0
    evicted: int = 0
    refused: int = 0
    stopped: int = 0


class Flow:
    """One client's datagrams to one listener, and the replies."""

    __slots__ = ("_flows", "client", "last", "lease", "session", "upstream")

    def __init__(self, flows: Flows, client: Client) -> None:
        self.client, self.session = client, Session(Kind.UDP, client, 0.0)
        self.lease: Lease | None = None
        self.upstream: Upstream | None = None
        self.last = 0.0
        self._flows = flows

    def forward(self, data: bytes) -> bool:
        """Pass a datagram on; False when there is no backend, or just this attempt found that it refuses the flow."""
        upstream = self.upstream
        if upstream is None:
            return False
        if not upstream.send(data):
            if self.upstream is None:
                return False
            self._flows.counts.dropped_unsent += 1
        return True

    def replied(self, data: bytes) -> None:
        """The backend sent a datagram."""
        if self.lease is not None:
            self.lease.answered()
            self._flows.reply(self, data)

    def refused(self) -> None:
        """The network says that nobody listens at the backend (ICMP unreachable, RFC 1122 4.1.3.3)."""
        if self.lease is not None:
            self._flows.refused(self, self.lease)

    def release(self, phase: Phase, error: BalancerError | None) -> None:
        """Close the socket and end the lease, where there are any."""
        upstream, self.upstream = self.upstream, None
        lease, self.lease = self.lease, None
        if upstream is not None:
            upstream.close()
        if lease is not None:
            lease.end(phase, error=error)
            self._flows.active -= 1
            self._flows.ended()


class Flows:
    """All flows of one listener, at most `max_flows` (one or more), each for `idle` seconds of silence.

    Kept in the order in which they last moved: the first is the one to expire next and the one to evict. `ended` is
    called after the end of every lease.
    """

    def __init__(
        self,
        pool: Pool,
        edge: Edge,
        deadlines: Deadlines,
        *,
        idle: float,
        max_flows: int,
        ended: Callable[[], object],
    ) -> None:
        self.counts = Counts()
        self.active = 0
        """Flows that have a backend now."""
        self._pool, self._edge, self._deadlines = pool, edge, deadlines
        self._idle, self._max_flows, self.ended = idle, max_flows, ended
        self._accepting = True
        self._table: OrderedDict[Client, Flow] = OrderedDict()
        self._deadline = Deadline(deadlines, self._expire)

    def __len__(self) -> int:
        """How many flows are kept, those that are moving included."""
        return len(self._table)

    def datagram(self, data: bytes, client: Client) -> None:
        """A client sent a datagram."""
        self.counts.received += 1
        self.counts.received_bytes += len(data)
        flow = self._table.get(client)
        if flow is not None and flow.forward(data):
            self._touch(flow)
        elif self._accepting:
            self._begin(flow or Flow(self, client), data)
        else:
            self.counts.dropped_draining += 1

    def reply(self, flow: Flow, data: bytes) -> None:
        """The flow's backend sent a datagram."""
        self._touch(flow)
        if self._edge.reply(data, flow.client):
            self.counts.sent += 1
            self.counts.sent_bytes += len(data)
        else:
            self.counts.dropped_replies += 1

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
        for flow in [flow for flow in self._table.values() if flow.lease is None]:
            self._drop(flow)
        if self._table:
            self._deadline.move(self._idle)

    def end_all(self, error: BalancerError) -> None:
        """End every flow now, for that reason."""
        while self._table:
            flow = self._oldest()
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
        if not flow.forward(data):
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
        except NoBackend:
            self.counts.dropped_no_backend += 1
        except PolicyFailed:
            self.counts.dropped_policy += 1
        return None

    def _keep(self, flow: Flow) -> None:
        """Have the flow in the table; when that is full, the flow idle longest makes room."""
        if flow.client not in self._table:
            if len(self._table) >= self._max_flows:
                oldest = self._oldest()
                self.counts.evicted += oldest.lease is not None
                self._drop(oldest)
            if not self._table:
                self._deadline.move(self._idle)
            self._table[flow.client] = flow
        self._touch(flow)

    def _touch(self, flow: Flow) -> None:
        """Either side spoke."""
        flow.last = self._deadlines.now
        self._table.move_to_end(flow.client)

    def _move(self, flow: Flow, lease: Lease, phase: Phase, error: BalancerError) -> None:
        """The backend refused: remember that for the client's next datagram, if there may be one."""
        self.counts.refused += 1
        flow.session.tried.append(lease.backend)
        if self._accepting:
            flow.release(phase, error)
        else:
            self._drop(flow, phase, error)

    def _drop(self, flow: Flow, phase: Phase = Phase.DONE, error: BalancerError | None = None) -> None:
        """Forget the flow."""
        del self._table[flow.client]
        if not self._table:
            self._deadline.cancel()
        flow.release(phase, error)

    def _oldest(self) -> Flow:
        return next(iter(self._table.values()))

    def _expire(self) -> None:
        """The deadline fired: end what was idle for long enough, and wait for the next."""
        while self._table:
            flow = self._oldest()
            remaining = self._idle - (self._deadlines.now - flow.last)
            if remaining > 0:
                self._deadline.move(remaining)
                return
            self.counts.expired += flow.lease is not None
            self._drop(flow)
