"""Where the proxy's machine plays: a balancer in memory, its clients, two backends; knows no rule of what happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from balancer.assembly import Assembly
from balancer.testing import MemoryNetwork
from tests.net.actors import Answer, Asked, Backend, Call, Client
from tests.net.house import FRONT, House

PORTS = (9001, 9002)
"""Where the backends are."""
ATTEMPTS = 3
"""How often a request may be sent at most."""
MARK = 500
"""Bytes that may wait in a connection before whoever fills it is paused."""


class Scene(RuleBasedStateMachine):
    """Who is there, and what each has said."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.house.network = MemoryNetwork(mark=MARK)
        self.house.assembly = Assembly(self.house.network, Random(7))
        self.clients: list[Client] = []
        self.asked: dict[str, Asked] = {}
        self.answers: dict[str, Answer] = {}
        self.seen: Counter[str] = Counter()
        self.backends = [Backend(self._called) for _ in PORTS]
        self.waited = 0.0
        self.calm = True
        self.quiet = True

    @initialize(
        most=st.sampled_from([None, None, 1, 2]), keepalive=st.sampled_from([0, 1, 32, 32]), clients=st.integers(1, 3)
    )
    def open(self, most: int | None, keepalive: int, clients: int) -> None:
        """Start the backends and the balancer, and have clients connect."""
        for port, backend in zip(PORTS, self.backends, strict=True):
            self.house.network.listenTCP(port, backend)
        times = {"connect_timeout": 5, "response_timeout": 15, "keepalive_timeout": 2}
        queue = {} if most is None else {"max_connections": most, "queue_timeout": 5}
        self.house.site(*PORTS, idle=20, request_timeout=10, keepalive=keepalive, attempts=ATTEMPTS, **times, **queue)
        for _ in range(clients):
            self.come()

    def come(self) -> Client:
        """One more client."""
        self.clients.append(Client(self.house.network))
        self.house.network.dial(FRONT, self.clients[-1])
        return self.clients[-1]

    @property
    def calls(self) -> list[Call]:
        """All living connections to backends."""
        return [call for backend in self.backends for call in backend.calls if call.transport.connected]

    def asking(self) -> list[Call]:
        """Those with a request, and no answer to it yet."""
        busy = [call for call in self.calls if call.asked is not None and not call.spent]
        return [call for call in busy if call.answer is None and not call.answered]

    def answering(self) -> list[Call]:
        """Those with an answer that is not all said."""
        return [call for call in self.calls if call.answer is not None]

    def idle(self) -> list[Call]:
        """Those that wait for a request, and would see one."""
        return [call for call in self.calls if call.asked is None and not (call.spent or call.held)]

    def talking(self) -> list[Client]:
        """Clients that may say more."""
        return [client for client in self.clients if client.transport.connected and not client.left]

    def _called(self) -> Call:
        return Call(self.house.network, self.asked.__getitem__, lambda token: self.seen.update([token]))

    def settle(self, sizes: Sequence[int] | None = ()) -> None:
        """Let everything happen that needs no time, in pieces of these sizes; nothing at all without."""
        if sizes is not None:
            self.house.network.pump(sizes)
        self.quiet = sizes is not None
