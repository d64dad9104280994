"""Ports shared between processes, on real sockets: each gets connections, and who did not ask for it gets none."""

# ruff: noqa: SLF001  looks inside what it tests

from __future__ import annotations

import socket
from random import Random
from typing import Any, Self

import pytest
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater

from balancer.assembly import BACKLOG, Assembly, bind
from balancer.config import Config, Listener, Pool, TCPListener, UDPListener
from balancer.errors import Draining, StartError
from tests.net.wires import HOST, Backends, free_port

MANY = 40
"""Clients of which every process gets one: the chance that one of two gets none is one in 2 ** 39."""


class Processes:
    """Several balancers that know nothing of each other, as in processes of their own; ended with the block."""

    def __init__(self, reactor: Any) -> None:
        self.reactor, self.assemblies = reactor, list[Assembly]()

    async def start(self, listener: Listener) -> Any:
        """One more; its listener is returned. Raises `StartError`."""
        assembly = Assembly(self.reactor, Random(3))
        await assembly.assemble(Config(listener))
        ((settings, part),) = assembly.listeners
        await bind(settings, part)
        self.assemblies.append(assembly)
        return part

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for assembly in self.assemblies:
            ((_settings, part),) = assembly.listeners
            drained = part.drain()
            part.end_all(Draining("the test is over"))
            await drained
            await part.close()
            assembly.alarm.stop()


def tcp(endpoint: str, backend: int, **settings: Any) -> TCPListener:
    """A listener over one backend."""
    return TCPListener(endpoint, pool=Pool("pool", backends=[f"{HOST}:{backend}"]), **settings)


@pytest.mark.parametrize("interface", [HOST, r"\:\:1"])
async def test_each_process_gets_connections(reactor: Any, interface: str) -> None:
    """Of many clients of a port that two processes share, each process serves some, and together they serve all."""
    backends, port = Backends(), free_port()
    bound = reactor.listenTCP(0, backends, backlog=MANY, interface=HOST)
    shared = tcp(f"tcp:{port}:interface={interface}", bound.getHost().port, reuse_port=True)
    async with Processes(reactor) as processes:
        parts = [await processes.start(shared) for _ in range(2)]
        host = interface.replace("\\", "")
        clients = [socket.create_connection((host, port), timeout=5) for _ in range(MANY)]
        for _ in range(MANY):
            await backends.calls.get()
        served = [part.sessions.accepted for part in parts]
        for client in clients:
            client.close()
    for wire in backends.all:
        wire.transport.abortConnection()
        await wire.end()
    await bound.stopListening()
    assert min(served) > 0
    assert sum(served) == MANY


@pytest.mark.parametrize("first", [False, True])
async def test_both_must_ask(reactor: Any, first: bool) -> None:
    """A port is shared by those alone who all asked for it; another's start fails as ever."""
    endpoint = f"tcp:{free_port()}:interface={HOST}"
    async with Processes(reactor) as processes:
        await processes.start(tcp(endpoint, 9, reuse_port=first))
        with pytest.raises(StartError) as caught:
            await processes.start(tcp(endpoint, 9, reuse_port=not first))
    taken = "cannot listen: Address already in use; stop what has it, or choose another"
    assert str(caught.value) == f"TCPListener {endpoint!r}: {taken}"


async def test_each_process_gets_datagrams(reactor: Any) -> None:
    """Of many clients that send to a port that two processes share, each process has some."""
    sink = reactor.listenUDP(0, DatagramProtocol(), interface=HOST)
    with socket.socket(type=socket.SOCK_DGRAM) as holder:
        holder.bind((HOST, 0))
        port = holder.getsockname()[1]
    endpoint, pool = f"udp:{port}:interface={HOST}", Pool("pool", backends=[f"{HOST}:{sink.getHost().port}"])
    clients = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(MANY)]
    async with Processes(reactor) as processes:
        parts = [await processes.start(UDPListener(endpoint, pool=pool, reuse_port=True)) for _ in range(2)]
        for client in clients:
            client.sendto(b"x", (HOST, port))
        while sum(served := [part._datagrams.active for part in parts]) < MANY:
            await deferLater(reactor, 0)
    for client in clients:
        client.close()
    await sink.stopListening()
    assert min(served) > 0


@pytest.mark.parametrize("kind", [TCPListener, UDPListener])
async def test_where_the_system_has_none(reactor: Any, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    """Where ports cannot be shared, the start fails with one line that says what to do."""
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    scheme = "udp" if kind is UDPListener else "tcp"
    listener = kind(f"{scheme}:{free_port()}", pool=Pool("pool", backends=[f"{HOST}:9"]), reuse_port=True)
    async with Processes(reactor) as processes:
        with pytest.raises(StartError) as caught:
            await processes.start(listener)
    cannot = "cannot listen: this system cannot share ports between processes; leave reuse_port out"
    assert str(caught.value) == f"{listener}: {cannot}"


@pytest.mark.parametrize(("option", "backlog"), [(":backlog=7", 7), ("", BACKLOG)])
async def test_the_queue(reactor: Any, monkeypatch: pytest.MonkeyPatch, option: str, backlog: int) -> None:
    """A shared port has a queue as long as its endpoint says, or the usual one."""
    queues: list[int] = []
    listen = reactor.listenTCP

    def noted(binding: Any, factory: Any, backlog: int, interface: str) -> Any:
        queues.append(backlog)
        return listen(binding, factory, backlog, interface)

    monkeypatch.setattr(reactor, "listenTCP", noted)
    async with Processes(reactor) as processes:
        await processes.start(tcp(f"tcp:{free_port()}:interface={HOST}{option}", 9, reuse_port=True))
    assert queues == [backlog]
