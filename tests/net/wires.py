"""A balancer on real sockets of loopback, between clients and backends that a test drives and waits for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.assembly import Assembly, bind
from balancer.config import Backend, Config, HTTPListener, Pool, Route, TCPListener
from balancer.errors import Draining
from tests.ports import free_ports

HOST = "127.0.0.1"


@implementer(IHalfCloseableProtocol)
class Wire(Protocol):
    """One end of a connection; `ending` is the name of the error it ended with, once it has, and `reason` the error."""

    transport: Any
    reason: BaseException | None = None

    def __init__(self) -> None:
        self.heard, self.finished, self.ending = bytearray(), False, ""
        self._awaited: tuple[Callable[[], bool], Deferred[None]] | None = None

    def say(self, data: bytes) -> None:
        """Send."""
        self.transport.write(data)

    async def until(self, condition: Callable[[Wire], bool]) -> None:
        """Wait for it to come true."""
        if not condition(self):
            self._awaited = (lambda: condition(self), Deferred())
            await self._awaited[1]

    async def hear(self, size: int) -> bytes:
        """Wait for that many bytes and take them."""
        await self.until(lambda wire: len(wire.heard) >= size)
        heard = bytes(self.heard[:size])
        del self.heard[:size]
        return heard

    async def end(self) -> str:
        """Wait for the connection to end; return why it did."""
        await self.until(lambda wire: bool(wire.ending))
        return self.ending

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        self._look()

    def readConnectionLost(self) -> None:
        self.finished = True
        self._look()

    def writeConnectionLost(self) -> None:
        """As it wanted."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.reason, self.ending = reason.value, type(reason.value).__name__
        self._look()

    def _look(self) -> None:
        if self._awaited is not None and self._awaited[0]():
            awaited, self._awaited = self._awaited[1], None
            awaited.callback(None)


class Backends(Factory):
    """A backend; `calls` are its connections as they come, each of which `make` makes."""

    noisy = False

    def __init__(self, make: Callable[[], Wire] = Wire) -> None:
        self._make = make
        self.calls: DeferredQueue[Wire] = DeferredQueue()
        self.all: list[Wire] = []

    def buildProtocol(self, addr: IAddress | None) -> Wire:
        wire = self._make()
        self.all.append(wire)
        self.calls.put(wire)
        return wire


class Front:
    """The balancer's side: its port, its assembly, and the backend behind it."""

    def __init__(self, reactor: Any, port: int, assembly: Assembly, backends: Backends) -> None:
        self.port, self.assembly, self.calls = port, assembly, backends.calls
        self.clients: list[Wire] = []
        self._reactor = reactor

    async def client(self, data: bytes = b"") -> Wire:
        """A client that has connected and says that."""
        client: Wire = await connectProtocol(TCP4ClientEndpoint(self._reactor, HOST, self.port), Wire())
        self.clients.append(client)
        client.say(data)
        return client

    async def turned_away(self, data: bytes = b"") -> None:
        """A client that is closed before it has heard anything, perhaps before it knows that it was connected."""
        with suppress(ConnectError):
            client = await self.client(data)
            await client.until(lambda wire: bool(wire.finished or wire.ending))
            assert not client.heard

    @property
    def active(self) -> int:
        """Sessions that are counted on some backend."""
        return sum(backend.live for pool in self.assembly.pools.values() for backend in pool.backends)


def free_port() -> int:
    """A port that nobody has."""
    (port,) = free_ports(1)
    return port


@asynccontextmanager
async def fronted(
    reactor: Any, kind: type[HTTPListener | TCPListener], *, backend_takes: int | None = None, **settings: Any
) -> AsyncIterator[Front]:
    """A listener of that kind over one backend, which takes so many; at the end everything is closed."""
    async with bound(reactor, Backends(), backend_takes=backend_takes) as (pool, backends):
        listener = kind(f"tcp:{free_port()}:interface={HOST}", pool=pool, **settings)
        async with serving(reactor, listener, backends) as front:
            yield front


@asynccontextmanager
async def routed(reactor: Any, *matchers: Any, **settings: Any) -> AsyncIterator[tuple[Front, list[Backends]]]:
    """A TCP listener with a route to a backend of its own for each matcher; at the end everything is closed."""
    async with AsyncExitStack() as stack:
        behind = [await stack.enter_async_context(bound(reactor, Backends(), f"{at}")) for at in range(len(matchers))]
        routes = [Route(matcher, pool) for matcher, (pool, _) in zip(matchers, behind, strict=True)]
        listener = TCPListener(f"tcp:{free_port()}:interface={HOST}", routes=routes, **settings)
        backends = [one for _, one in behind]
        yield await stack.enter_async_context(serving(reactor, listener, *backends)), backends


@asynccontextmanager
async def bound(
    reactor: Any, backends: Backends, name: str = "pool", factory: Any = None, *, backend_takes: int | None = None
) -> AsyncIterator[tuple[Pool, Backends]]:
    """A pool of one backend, served by the factory if that is another."""
    port = reactor.listenTCP(0, factory or backends, interface=HOST)
    try:
        backend = Backend(f"{HOST}:{port.getHost().port}", max_connections=backend_takes)
        yield Pool(name, backends=[backend]), backends
    finally:
        await port.stopListening()


@asynccontextmanager
async def serving(reactor: Any, listener: Any, *backends: Backends) -> AsyncIterator[Front]:
    """That listener, over backends of which the first is the front's."""
    assembly = Assembly(reactor, Random(4))
    await assembly.assemble(Config([listener]))
    for noun, part in assembly.listeners:
        await bind(noun, part)
    front = Front(reactor, int(listener.place[1]), assembly, backends[0])
    try:
        yield front
    finally:
        await close(front, *backends)


async def close(front: Front, *backends: Backends) -> None:
    """End all there is."""
    for upstreams in front.assembly.upstreams.values():
        upstreams.close()
    for _, listener in front.assembly.listeners:
        drained = listener.drain()
        listener.end_all(Draining("the test is over"))
        await drained
        await listener.close()
    for wire in [*front.clients, *(wire for one in backends for wire in one.all)]:
        if not wire.ending:
            wire.transport.abortConnection()
        await wire.end()
    front.assembly.alarm.stop()
