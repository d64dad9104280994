"""A UDP listener with real sockets around it: backends that echo, and clients; holds no test itself."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Self

from twisted.internet.defer import DeferredQueue
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock

from balancer.core.backend import Backend, Place
from balancer.core.datagrams import Flows
from balancer.core.deadlines import Deadlines
from balancer.core.flow import Edge
from balancer.core.flow_bounds import Bounds
from balancer.core.flow_choice import Choice
from balancer.core.flow_keys import FlowKeys
from balancer.core.keyed_flows import KeyedChoice, KeyedFlows
from balancer.core.pickers import Ports
from balancer.core.pool import Pool
from balancer.core.routes import Route, Routes
from balancer.interfaces import IFlowKey, Picker
from balancer.net.clock import ReactorAlarm
from balancer.net.datagram_socket import FlowSocket
from balancer.net.datagrams import DatagramListener

IDLE = 10.0


class First:
    """Chooses the first backend."""

    name = "first"

    def picker(self, backends: Sequence[Backend], random: Random) -> Picker:
        return lambda _: backends[0]


class Peer(DatagramProtocol):
    """A client, or a backend that repeats what it hears; `heard` are datagrams and their senders."""

    noisy = False
    transport: Any

    def __init__(self, *, echo: bool = False) -> None:
        self.heard: DeferredQueue[tuple[bytes, tuple[str, int]]] = DeferredQueue()
        self._echo = echo

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self.heard.put((datagram, addr))
        if self._echo:
            self.transport.write(datagram, addr)


class House:
    """A started listener over backends; `ended` gets the flows left after every end. Closes all it opened."""

    def __init__(self, reactor: Any, *, interface: str = "127.0.0.1") -> None:
        self.reactor, self.interface = reactor, interface
        self.clock = Clock()
        self.ended: DeferredQueue[int] = DeferredQueue()
        self.ports: list[Any] = []
        self.places: list[Place] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.listener.close()
        for port in self.ports:
            await port.stopListening()

    def peer(self, *, echo: bool = False, interface: str = "127.0.0.1") -> Peer:
        """A socket of its own; one that echoes is a backend."""
        peer = Peer(echo=echo)
        self.ports.append(self.reactor.listenUDP(0, peer, interface, 65536))
        if echo:
            self.places.append((interface, self.ports[-1].getHost().port))
        return peer

    listener: DatagramListener
    send_proxy = False
    key: IFlowKey | None = None

    def start(self, **bounds: Any) -> DatagramListener:
        """Balance over the backends there are by now."""
        backends = [Backend(str(place), str(place), place, seconds=self.clock.seconds) for place in self.places]
        self.pool = Pool("pool", backends, First(), ports=Ports(Random(1), self.clock.seconds, lambda call: call()))
        self.listener = DatagramListener(
            self.reactor,
            interface=self.interface,
            port=0,
            make_flows=lambda edge: self.flows(edge, Bounds(**{"idle": IDLE, "max_flows": 10, **bounds})),
            send_proxy=self.send_proxy,
        )
        self.listener.start()
        self.address = (self.interface, self.listener.port)
        return self.listener

    def flows(self, edge: Edge, bounds: Bounds) -> Flows:
        """The flows behind the listener."""
        routes, deadlines = Routes([Route(None, self.pool)]), Deadlines(ReactorAlarm(self.clock))
        if self.key is None:
            return Flows(Choice(routes), edge, deadlines, bounds, ended=self._one_ended)
        choice = KeyedChoice(routes, FlowKeys(self.key, [self.pool]))
        return KeyedFlows(choice, edge, deadlines, bounds, ended=self._one_ended)

    def _one_ended(self) -> None:
        self.ended.put(self.listener.active)

    def upstreams(self) -> list[FlowSocket]:
        """The flows' sockets that are open."""
        return [reader for reader in self.reactor.getReaders() if isinstance(reader, FlowSocket)]
