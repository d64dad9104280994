"""Flows whose datagrams tell more than an address: they go to the backend that knows them; see `core.flow_keys`."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from balancer.core.datagrams import Flows
from balancer.core.deadlines import Deadlines
from balancer.core.flow import Edge, Flow
from balancer.core.flow_bounds import Bounds
from balancer.core.flow_choice import Choice
from balancer.core.flow_keys import FlowKeys, Home
from balancer.core.flow_table import Client
from balancer.core.pool import Lease, Pool
from balancer.core.routes import Routes
from balancer.core.slices import Work, at_once
from balancer.errors import PoolFull


class KeyedChoice(Choice):
    """Chooses by what the datagram says of itself, and otherwise by the routes."""

    def __init__(self, routes: Routes[Pool], keys: FlowKeys) -> None:
        super().__init__(routes)
        self.keys = keys

    def lease(self, flow: Flow, data: bytes) -> Lease | None:
        """See `Choice.lease`. A backend that refused the flow is not asked for again."""
        home = self.keys.home(data)
        if home is not None and home[1] not in flow.session.tried:
            lease = self._rejoined(flow, home)
        else:
            lease = super().lease(flow, data)
        if lease is not None and flow.pool is not None:
            self.keys.hold(flow, (flow.pool, lease.backend), data)
        return lease

    def _rejoined(self, flow: Flow, home: Home) -> Lease | None:
        """Where the flow belongs, or nowhere while there is no room: another backend would not know it."""
        flow.pool, backend = home
        try:
            return flow.pool.rejoin(backend, flow.session)
        except PoolFull:
            self.counts.dropped_full += 1
            return None


class LearningFlow(Flow):
    """A flow whose replies give it names."""

    __slots__ = ("_learn",)

    def __init__(self, flows: KeyedFlows, client: Client, who: Hashable = None) -> None:
        super().__init__(flows, client, who)
        self._learn = flows.keys.learn

    def replied(self, data: bytes) -> None:
        """See `Flow.replied`."""
        self._learn(self, data)
        super().replied(data)


class KeyedFlows(Flows):
    """All flows of one listener that has a key.

    Beside its own flow a client has one for each other backend that its datagrams belong to: an address may have
    been somebody else's a moment ago.
    """

    def __init__(
        self,
        choice: KeyedChoice,
        edge: Edge,
        deadlines: Deadlines,
        bounds: Bounds,
        *,
        ended: Callable[[], object],
        work: Work = at_once,
    ) -> None:
        super().__init__(choice, edge, deadlines, bounds, ended=ended, work=work)
        self.keys = choice.keys
        if self.keys.learns:
            self.flow_type = LearningFlow

    def datagram(self, data: bytes, client: Client, who: Hashable = None) -> None:
        """See `Flows.datagram`."""
        home = self.keys.home(data)
        if home is not None:
            other, flow = (client, home[1]), self._current(client)
            if self._current(other) or (flow is not None and flow.lease and flow.lease.backend is not home[1]):
                who = other
        super().datagram(data, client, who)

    def released(self, flow: Flow) -> None:
        """See `Flows.released`."""
        self.keys.forget(flow)
        super().released(flow)
