"""Bound endpoints on real sockets: bound or not, drained, ended, closed."""

from __future__ import annotations

import socket
from pathlib import Path
from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol, Factory

from balancer.core.backend import Backend
from balancer.core.datagrams import Flows
from balancer.core.deadlines import Deadlines
from balancer.core.flow_bounds import Bounds
from balancer.core.flow_choice import Choice
from balancer.core.pickers import Ports
from balancer.core.pool import Pool
from balancer.core.routes import Route, Routes
from balancer.errors import BackendDown, Draining
from balancer.net.clock import ReactorAlarm
from balancer.net.datagrams import DatagramListener
from balancer.net.listeners import FlowListener, Listener, StreamListener
from balancer.net.sessions import Sessions
from balancer.plugins.algorithms import RoundRobin
from tests.ports import free_ports

HOST = "127.0.0.1"


class Echo(DatagramProtocol):
    """Returns datagrams; as a client says one at first, and `answer` fires with what comes back."""

    noisy = False
    transport: Any

    def __init__(self, first: bytes = b"", port: int = 0) -> None:
        self.answer: Deferred[bytes] = Deferred()
        self._first, self._port = first, port

    def startProtocol(self) -> None:
        if self._first:
            self.transport.write(self._first, (HOST, self._port))

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        if self._first:
            self.answer.callback(datagram)
        else:
            self.transport.write(datagram, addr)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody has."""
    (port,) = free_ports(1, kind)
    return port


def flows(reactor: Any, alarm: ReactorAlarm, port: int, backend: int) -> FlowListener:
    """A UDP listener over one backend."""
    place = (HOST, backend)
    members = [Backend("b", f"{HOST}:{backend}", place, seconds=reactor.seconds)]
    ports = Ports(Random(1), reactor.seconds, lambda call: reactor.callLater(0, call))
    algorithm: Any = RoundRobin()
    pool = Pool("pool", members, algorithm, ports=ports)
    choice, bounds = Choice(Routes([Route(None, pool)])), Bounds(idle=60, max_flows=10)
    return FlowListener(
        lambda ended: DatagramListener(
            reactor,
            interface=HOST,
            port=port,
            make_flows=lambda edge: Flows(choice, edge, Deadlines(alarm), bounds, ended=ended),
        )
    )


def takes_connections(place: tuple[str, int] | str) -> bool:
    """Whether anything listens there."""
    family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
    with socket.socket(family) as client:
        return client.connect_ex(place) == 0


@pytest.mark.parametrize("scheme", ["tcp", "unix"])
async def test_a_stream_listener_is_bound_until_it_drains(reactor: Any, tmp_path: Path, scheme: str) -> None:
    """From its start to its drain an endpoint takes connections; closing again does no harm."""
    port = free_port()
    endpoint = f"tcp:{port}:interface={HOST}" if scheme == "tcp" else f"unix:{tmp_path / 'socket'}"
    place = (HOST, port) if scheme == "tcp" else str(tmp_path / "socket")
    listener: Listener = StreamListener(reactor, endpoint, Factory(), Sessions())
    await listener.start()
    assert takes_connections(place)
    await listener.drain()
    assert not takes_connections(place)
    listener.end_all(Draining("over"))
    await listener.close()


async def test_a_taken_port_is_told(reactor: Any) -> None:
    """A port that somebody has cannot be bound, and a listener that never started is closed as well."""
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        endpoint = f"tcp:{holder.getsockname()[1]}:interface={HOST}"
        listener = StreamListener(reactor, endpoint, Factory(), Sessions())
        with pytest.raises(CannotListenError):
            await listener.start()
        await listener.drain()
        await listener.close()


async def test_flows_outlive_the_drain_of_their_port(reactor: Any) -> None:
    """A drain waits for live flows, which keep the port; told to end they do, and everything is closed."""
    alarm = ReactorAlarm(reactor)
    echo = reactor.listenUDP(0, Echo(), interface=HOST)
    front = free_port(socket.SOCK_DGRAM)
    listener = flows(reactor, alarm, front, echo.getHost().port)
    await listener.start()
    client = Echo(b"ping", front)
    port = reactor.listenUDP(0, client, interface=HOST)
    assert await client.answer == b"ping"
    (sight,) = listener.look()
    assert (sight.client, sight.backend is not None) == ((HOST, port.getHost().port), True)
    counted = listener.counters()
    assert (listener.active, counted["active"], counted["received"], counted["sent_bytes"]) == (1, 1, 1, 4)
    drained = listener.drain()
    assert not drained.called
    listener.end_all(Draining("over"))
    await drained
    for _ in range(2):
        await listener.close()
    await port.stopListening()
    await echo.stopListening()
    alarm.stop()


async def test_flows_leave_a_backend(reactor: Any) -> None:
    """Told to leave their backend, flows end for that reason, one with each step."""
    alarm = ReactorAlarm(reactor)
    echo = reactor.listenUDP(0, Echo(), interface=HOST)
    front = free_port(socket.SOCK_DGRAM)
    listener = flows(reactor, alarm, front, echo.getHost().port)
    await listener.start()
    client = Echo(b"ping", front)
    port = reactor.listenUDP(0, client, interface=HOST)
    assert await client.answer == b"ping"
    (sight,) = listener.look()
    assert sight.backend is not None
    assert list(listener.leave(sight.backend, BackendDown("sick"))) == [None]
    assert (listener.active, sight.backend.failed) == (0, 1)
    await listener.close()
    await port.stopListening()
    await echo.stopListening()
    alarm.stop()


async def test_a_udp_listener_without_flows_drains_at_once(reactor: Any) -> None:
    """Without a flow there is nothing to wait for, before the start as after it."""
    alarm = ReactorAlarm(reactor)
    listener = flows(reactor, alarm, free_port(socket.SOCK_DGRAM), 9)
    assert listener.drain().called
    await listener.start()
    assert listener.drain().called
    await listener.close()
    alarm.stop()
