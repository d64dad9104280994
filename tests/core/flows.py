"""A listener's flows over three backends, with sockets and time in memory; holds no test itself."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from balancer.core.backend import Backend
from balancer.core.datagrams import Flows
from balancer.core.deadlines import Deadlines
from balancer.core.flow import Flow
from balancer.core.flow_bounds import Bounds
from balancer.core.flow_choice import Choice
from balancer.core.flow_keys import FlowKeys
from balancer.core.flow_table import Client
from balancer.core.keyed_flows import KeyedChoice, KeyedFlows
from balancer.core.limited_pool import LimitedPool
from balancer.core.pickers import Ports
from balancer.core.pool import Pool
from balancer.core.routes import Route, Routes
from balancer.errors import BalancerError, ConnectFailed
from balancer.interfaces import IFlowKey, Outcome, Phase, Picker
from tests.core.virtual_time import VirtualTime

IDLE, CAP = 10.0, 3
ALICE, BOB, CAROL, DAVE = ((f"192.0.2.{number}", 5000) for number in range(4))


class First:
    """Always chooses the first backend, whatever was tried, and keeps how the sessions ended."""

    name = "first"

    def __init__(self) -> None:
        self.broken = False
        self.ends: list[tuple[str, Phase, type[BalancerError | None]]] = []

    def picker(self, backends: Sequence[Backend], random: Random) -> Picker:
        return _FirstOf(self, backends[0])


class _FirstOf:
    def __init__(self, algorithm: First, backend: Backend) -> None:
        self._algorithm, self._backend = algorithm, backend

    def __call__(self, session: Any) -> Backend:
        if self._algorithm.broken:
            raise LookupError
        return self._backend

    def released(self, backend: Backend, outcome: Outcome) -> None:
        if outcome.phase is not Phase.PICK:
            self._algorithm.ends.append((backend.name, outcome.phase, type(outcome.error)))


class FakeUpstream:
    """The socket of a flow; `mood` is how it takes the next datagram."""

    def __init__(self, flow: Flow, backend: Backend) -> None:
        self.flow, self.backend = flow, backend
        self.mood, self.open = "", True
        self.heard: list[bytes] = []

    def send(self, data: bytes) -> None:
        assert self.open
        if self.mood:
            raise OSError(self.mood)
        self.heard.append(data)

    def refused_by(self, error: OSError) -> bool:
        return str(error) == "refuse"

    def close(self) -> None:
        assert self.open, "closed twice"
        self.open = False


class FakeEdge:
    """Sockets in memory."""

    def __init__(self) -> None:
        self.upstreams: list[FakeUpstream] = []
        self.replies: list[tuple[bytes, Client]] = []
        self.connects = self.replies_taken = True
        self.words, self.mood = b"", ""

    def connect(self, flow: Flow, backend: Backend) -> FakeUpstream:
        if not self.connects:
            raise ConnectFailed("too many open files")
        self.upstreams.append(FakeUpstream(flow, backend))
        self.upstreams[-1].mood = self.mood
        return self.upstreams[-1]

    def reply(self, data: bytes, client: Client) -> None:
        if not self.replies_taken:
            raise OSError
        self.replies.append((data, client))

    def greeting(self, client: Client) -> bytes:
        return self.words


class House:
    """A pool of three backends, a listener's flows, and time."""

    def __init__(
        self, names: str = "abc", *, key: IFlowKey | None = None, max_connections: int | None = None, **bounds: Any
    ) -> None:
        self.clock, self.edge, self.algorithm, self.ended = VirtualTime(0.0), FakeEdge(), First(), list[int]()
        self.backends = [
            Backend(name, name, (name, 1), seconds=self.clock.seconds, max_connections=max_connections)
            for name in names
        ]
        ports = Ports(Random(1), self.clock.seconds, lambda call: call())
        self.deadlines = Deadlines(self.clock)
        self.pool = LimitedPool(
            "pool", self.backends, self.algorithm, ports=ports, deadlines=self.deadlines, queue=9, queue_timeout=5
        )
        self.bounds = Bounds(**{"idle": IDLE, "max_flows": CAP, **bounds})
        self.routes: list[Route[Pool]] = [Route(None, self.pool)]
        self.flows = self._flows(key)
        self.counts = self.flows.counts

    def _flows(self, key: IFlowKey | None) -> Flows:
        rest = self.edge, self.deadlines, self.bounds
        routes = Routes(self.routes)
        if key is None:
            return Flows(Choice(routes), *rest, ended=self._one_ended)
        self.keys = FlowKeys(key, [self.pool])
        return KeyedFlows(KeyedChoice(routes, self.keys), *rest, ended=self._one_ended)

    def _one_ended(self) -> None:
        self.ended.append(self.flows.active)

    def open(self) -> list[FakeUpstream]:
        return [upstream for upstream in self.edge.upstreams if upstream.open]

    def turn(self, name: str, *, up: bool) -> None:
        self.backends["abc".index(name)].become(up=up)
        self.pool.refresh()
