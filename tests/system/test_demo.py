"""The demo backends on real sockets: that they answer, and that stopping one looks like its death."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import CannotListenError, ConnectError
from twisted.internet.protocol import DatagramProtocol, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from balancer.demo import HOST, DemoBackend, DemoBackends

LARGE = bytes(range(256)) * 8192
"""2 MiB: more than the buffers of two sockets."""


class Client(Protocol):
    """Sends what it is given and keeps all it receives; `closed` fires when the connection has ended."""

    transport: Any

    def __init__(self, data: bytes, *, finish: bool = False) -> None:
        self.received = b""
        self.closed: Deferred[bytes] = Deferred()
        self._data, self._finish = data, finish

    def connectionMade(self) -> None:
        self.transport.write(self._data)
        if self._finish:
            self.transport.loseWriteConnection()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed.callback(self.received)


class DatagramClient(DatagramProtocol):
    """Sends one datagram and keeps the first that comes back."""

    transport: Any

    def __init__(self, port: int, datagram: bytes) -> None:
        self.answer: Deferred[bytes] = Deferred()
        self._port, self._datagram = port, datagram

    def startProtocol(self) -> None:
        self.transport.write(self._datagram, (HOST, self._port))

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.answer.callback(datagram)


def bound(stack: ExitStack, port: int = 0) -> int:
    """A port that nobody else can bind until the stack is left. Raises `OSError` when somebody has it."""
    holder = stack.enter_context(socket.socket())
    holder.bind((HOST, port))
    holder.listen()
    return int(holder.getsockname()[1])


def demo(reactor: Any) -> tuple[DemoBackends, list[int]]:
    """One demo backend, not started, and its ports: HTTP, echo and control."""
    with ExitStack() as stack:
        http, echo, control = ports = [bound(stack) for _ in range(3)]
    backends = DemoBackends([DemoBackend("b1", http=http, echo=echo)], control=control)
    backends.with_reactor(reactor)
    return backends, ports


@asynccontextmanager
async def running(reactor: Any) -> AsyncIterator[list[int]]:
    """One demo backend that runs; gives its ports."""
    backends, ports = demo(reactor)
    backends.startService()
    try:
        yield ports
    finally:
        await backends.stopService()


async def connect(reactor: Any, port: int, data: bytes, *, finish: bool = False) -> Client:
    """A client that is connected."""
    client: Client = await connectProtocol(TCP4ClientEndpoint(reactor, HOST, port), Client(data, finish=finish))
    return client


async def ask(reactor: Any, port: int, line: str) -> bytes:
    """The body of the answer to one request."""
    client = await connect(reactor, port, f"{line} HTTP/1.0\r\n\r\n".encode())
    return (await client.closed).partition(b"\r\n\r\n")[2]


async def test_echo_over_tcp(reactor: Any) -> None:
    """Every byte comes back, also to a client that finishes sending at once."""
    async with running(reactor) as (_, echo, _):
        client = await connect(reactor, echo, LARGE, finish=True)
        assert await client.closed == LARGE


async def test_echo_over_udp(reactor: Any) -> None:
    """A datagram comes back to whom it came from."""
    async with running(reactor) as (_, echo, _):
        client = DatagramClient(echo, b"ping")
        port = reactor.listenUDP(0, client, interface=HOST)
        assert await client.answer == b"ping"
        await port.stopListening()


async def test_stop_cuts_and_start_revives(reactor: Any) -> None:
    """A stopped backend refuses connections and has lost those it had; started again, it serves."""
    async with running(reactor) as (http, echo, control):
        talking = [await connect(reactor, port, b"GET /") for port in (http, echo)]
        assert await ask(reactor, control, "POST /demo/b1/stop") == b"b1 stopped\n"
        await gatherResults([client.closed for client in talking])
        with pytest.raises(ConnectError):
            await ask(reactor, http, "GET /")
        assert await ask(reactor, control, "POST /demo/b1/start") == b"b1 started\n"
        assert await ask(reactor, http, "GET /") == b"hello from b1\n"


@pytest.mark.parametrize("which", range(3))
async def test_starts_whole_or_not_at_all(reactor: Any, which: int) -> None:
    """When one port is taken the start fails and every other port is free again."""
    backends, ports = demo(reactor)
    with ExitStack() as stack:
        bound(stack, ports[which])
        with pytest.raises(CannotListenError):
            backends.startService()
    await deferLater(reactor, 0)
    with ExitStack() as stack:
        assert [bound(stack, port) for port in ports] == ports
