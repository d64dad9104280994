"""UDP flows: which client's datagrams go to which backend, for how long, and how many at once; knows no socket.

A client's first datagram picks a route and a backend, and those that follow go there, through an upstream socket of
their own that is connected to the backend: a reply can come from nobody else, and goes to nobody but the client that
spoke first.

A flow ends when neither side spoke for the idle time-out; when it has had all that its `Bounds` give it; when a new
flow needs its room, having been idle longest; or with the listener. While draining, and once its client's datagrams go
elsewhere, it ends with its backend's refusal, too.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Final

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadlines
from balancer.core.flow import Edge, Flow
from balancer.core.flow_bounds import Bounds
from balancer.core.flow_choice import Choice
from balancer.core.flow_keeping import KeptFlows
from balancer.core.flow_table import Client
from balancer.core.pool import Lease
from balancer.core.slices import Work, at_once
from balancer.errors import BalancerError, ConnectFailed, UpstreamGone
from balancer.interfaces import Phase

LAST_WORDS: Final = 1.0
"""Seconds of silence after which a flow counts as over while draining: nothing in a flow says that it has ended."""


class Flows:
    """All flows of one listener. `ended` is called after the end of every lease; `work` ends those that expire."""

    def __init__(
        self,
        choice: Choice,
        edge: Edge,
        deadlines: Deadlines,
        bounds: Bounds,
        *,
        ended: Callable[[], object],
        work: Work = at_once,
    ) -> None:
        self.counts = choice.counts
        self.active = 0
        """Flows that have a backend now."""
        self.edge, self.deadlines, self.bounds = edge, deadlines, bounds
        self.bounded = bounds.replies is not None or bounds.requests is not None
        """Whether datagrams and replies end flows."""
        self.flow_type: Callable[..., Flow] = Flow
        self._choice, self._ended = choice, ended
        self._accepting = True
        self._kept = KeptFlows(bounds, deadlines, self.counts, work)
        self.table = self._kept.table
        self._current = self.table.current.get

    def __len__(self) -> int:
        """How many flows are kept, those that are moving included."""
        return len(self._kept.table)

    def datagram(self, data: bytes, client: Client, who: Hashable = None) -> None:
        """A client sent a datagram, for its own flow or, if given, for that of `who`."""
        counts = self.counts
        counts.received += 1
        counts.received_bytes += len(data)
        flow = self._current(client if who is None else who)
        if flow is None or flow.send is None:
            self._first(flow or self.flow_type(self, client, who), data)
            return
        try:
            flow.send(data)
        except OSError as error:
            if self._unsent(flow, error):
                self._first(self._current(flow.who) or self.flow_type(self, client, flow.who), data)
            return
        flow.last = self.deadlines.now
        if self.bounded:
            self._passed_on(flow)

    def moved(self, flow: Flow) -> None:
        """Either side spoke: nobody needs the flow when it has had its datagrams and their replies."""
        requests, replies = self.bounds.requests, self.bounds.replies
        if requests is not None:
            if flow.requests < requests:
                return
            self._kept.table.retire(flow)
        if replies is not None and not flow.owed:
            self.counts.finished += 1
            self._kept.drop(flow)

    def refused(self, flow: Flow, lease: Lease) -> None:
        """The flow's backend will have none of it; one that had answered is gone, and earlier refusals are history."""
        name = lease.backend.name
        if lease.first_byte is None:
            self._refuse(flow, lease, Phase.CONNECT, ConnectFailed(f"{name}: nobody listens there"))
        else:
            flow.session.become(tried=())
            self._refuse(flow, lease, Phase.DATA, UpstreamGone(f"{name}: nobody listens there any more"))

    def released(self, flow: Flow) -> None:
        """A flow has no backend any more."""
        self.active -= 1
        self._ended()

    def leave(self, backend: Backend, error: BalancerError) -> Iterator[None]:
        """End the flows on a backend for that reason, one with each step; what their clients send next picks anew."""
        for flow in list(self._kept.table):
            if flow.lease is not None and flow.lease.backend is backend:
                self.counts.given_up += 1
                self._move(flow, Phase.DATA, error)
            yield

    def stop_accepting(self) -> None:
        """Begin no more flows; those that have a backend go on, but not for longer than `LAST_WORDS` of silence."""
        self._accepting = False
        self._kept.hurry(LAST_WORDS)

    def end_all(self, error: BalancerError) -> None:
        """End every flow now, for that reason."""
        table = self._kept.table
        while table:
            flow = table.oldest()
            self.counts.stopped += flow.lease is not None
            self._kept.drop(flow, Phase.DATA, error)

    def _first(self, flow: Flow, data: bytes) -> None:
        """A datagram for a flow without a backend: have it begin, if there may be one."""
        if not self._accepting:
            self.counts.dropped_draining += 1
        elif flow not in self._kept.table and not self._kept.table.admits(flow.client):
            self.counts.dropped_source += 1
        else:
            self._begin(flow, data)

    def _begin(self, flow: Flow, data: bytes) -> None:
        """Give the flow a backend and pass the datagram on; one without a backend takes no room from others."""
        lease = self._choice.lease(flow, data)
        if lease is None:
            return
        self._kept.keep(flow)
        flow.lease = lease
        self.active += 1
        self.counts.opened += 1
        try:
            flow.connect(self.edge.connect(flow, lease.backend))
            flow.pass_on(data)
        except ConnectFailed as error:
            self.counts.dropped_unsent += 1
            self._refuse(flow, lease, Phase.CONNECT, error)
        except OSError as error:
            if self._unsent(flow, error):
                self.counts.dropped_unsent += 1
        else:
            self._passed_on(flow)

    def _passed_on(self, flow: Flow) -> None:
        """The socket took a datagram."""
        flow.owed += self.bounds.replies or 0
        flow.requests += 1
        self.moved(flow)

    def _unsent(self, flow: Flow, error: OSError) -> bool:
        """The socket did not take a datagram; tell whether that is because its backend refuses the flow."""
        if flow.lease is not None and flow.upstream is not None and flow.upstream.refused_by(error):
            self.refused(flow, flow.lease)
            return True
        self.counts.dropped_unsent += 1
        flow.requests += 1
        flow.last = self.deadlines.now
        self.moved(flow)
        return False

    def _refuse(self, flow: Flow, lease: Lease, phase: Phase, error: BalancerError) -> None:
        """The backend refused: remember that for the client's next datagram."""
        self.counts.refused += 1
        flow.session.tried_on(lease.backend)
        self._move(flow, phase, error)

    def _move(self, flow: Flow, phase: Phase, error: BalancerError) -> None:
        """The flow has lost its backend, and gets another with the client's next datagram, if there may be one."""
        if self._accepting and self._current(flow.who) is flow:
            flow.release(phase, error)
        else:
            self._kept.drop(flow, phase, error)
