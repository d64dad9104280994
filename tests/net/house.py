"""A balancer on a network in memory, between clients and backends that a test drives by hand; nothing waits for time.

What clients and backends say is delivered at once, all of it. Knows nothing of what is tested.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer, provider

from balancer.assembly import Assembly, bind
from balancer.config import Backend, Config, HTTPListener, Listener, Pool, Route, TCPListener
from balancer.core.backend import Backend as LiveBackend
from balancer.errors import Draining
from balancer.testing import MemoryNetwork

FRONT = 8080
"""The port of the balancer."""

AT_LAST = 1000.0
"""Seconds in which whatever is bounded has ended."""


@contextmanager
def listening() -> Iterator[list[LogEvent]]:
    """Collects what the operator is told meanwhile."""
    events: list[LogEvent] = []

    @provider(ILogObserver)
    def note(event: LogEvent) -> None:
        events.append(event)

    globalLogPublisher.addObserver(note)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(note)


def lines(told: list[LogEvent]) -> list[str]:
    """What the operator was told of connections."""
    return [event["line"] for event in told if "line" in event]


def now(step: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that has nothing to wait for. Raises what it raises."""
    results: list[Any] = []
    Deferred.fromCoroutine(step).addBoth(results.append)
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


@implementer(IHalfCloseableProtocol)
class Speaker(Protocol):
    """One end of a connection, driven by the test; `ending` is the name of the error it ended with, once it has."""

    transport: Any

    def __init__(self, network: MemoryNetwork, greeting: bytes = b"", *, deaf: bool = False) -> None:
        self.heard, self.finished, self.ending = b"", False, ""
        self._network, self._greeting, self._deaf = network, greeting, deaf

    def connectionMade(self) -> None:
        self.transport.write(self._greeting)
        if self._deaf:
            self.hold()

    @property
    def gone(self) -> bool:
        """Whether the other end is closed, in both directions."""
        return bool(self.transport.other.disconnected)

    def say(self, data: bytes) -> None:
        """Send, and let everything happen that follows."""
        self.transport.write(data)
        self._network.pump()

    def hear(self) -> bytes:
        """What came since the last time."""
        heard, self.heard = self.heard, b""
        return heard

    def finish(self) -> None:
        """FIN."""
        self.transport.loseWriteConnection()
        self._network.pump()

    def close(self) -> None:
        """Close in order."""
        self.transport.loseConnection()
        self._network.pump()

    def cut(self) -> None:
        """RST."""
        self.transport.abortConnection()
        self._network.pump()

    def hold(self) -> None:
        """Read no more."""
        self.transport.pauseProducing()

    def go_on(self) -> None:
        """Read again."""
        self.transport.resumeProducing()
        self._network.pump()

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def readConnectionLost(self) -> None:
        self.finished = True

    def writeConnectionLost(self) -> None:
        """As it wanted."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ending = type(reason.value).__name__


class Far(Factory):
    """A backend; `calls` are its connections in order, `greeting` is said on each, and a `deaf` one reads nothing."""

    noisy = False

    def __init__(self, network: MemoryNetwork, port: int) -> None:
        self.calls: list[Speaker] = []
        self.greeting = b""
        self.deaf = False
        self._network = network
        self.bound = network.listenTCP(port, self)

    @property
    def last(self) -> Speaker:
        """The newest connection."""
        return self.calls[-1]

    def buildProtocol(self, addr: IAddress | None) -> Speaker:
        self.calls.append(Speaker(self._network, self.greeting, deaf=self.deaf))
        return self.calls[-1]


class House:
    """An assembly whose listeners are bound to a `MemoryNetwork`."""

    def __init__(self, **known: Any) -> None:
        self.network = MemoryNetwork()
        self.assembly = Assembly(self.network, Random(7), **known)

    def far(self, port: int = 9001) -> Far:
        """Start a backend."""
        return Far(self.network, port)

    def open(self, *listeners: Listener) -> None:
        """Assemble and bind."""
        now(self.assembly.assemble(Config(listeners)))
        for settings, listener in self.assembly.listeners:
            now(bind(settings, listener))
        for lookup in self.assembly.lookups:
            lookup.start()
        for checks in self.assembly.checks:
            checks.start()
        for outliers in self.assembly.outliers.values():
            outliers.start()
        self.network.pump()

    def relay(self, *ports: int, idle: float = 60.0, linger: float = 5.0, **pool: Any) -> None:
        """Open a TCP listener over backends on these ports."""
        self.open(TCPListener(f"tcp:{FRONT}", pool=self._pool(ports, pool), idle=idle, linger=linger))

    def site(
        self, *ports: int, idle: float = 60.0, request_timeout: float = 10.0, half_closed: float = 1.0, **pool: Any
    ) -> None:
        """Open an HTTP listener over backends on these ports; `retry` is what its route says of that."""
        route = Route(retry=pool.pop("retry", None), pool=self._pool(ports, pool))
        self.open(
            HTTPListener(
                f"tcp:{FRONT}", routes=route, idle=idle, request_timeout=request_timeout, half_closed=half_closed
            )
        )

    def client(self, data: bytes = b"", port: int = FRONT, *, host: str = "127.0.0.1") -> Speaker:
        """A client that has connected from there and said that."""
        client = Speaker(self.network, data)
        self.network.dial(port, client, host=host)
        self.network.pump()
        return client

    @property
    def backends(self) -> list[LiveBackend]:
        """All backends of all pools."""
        return [backend for pool in self.assembly.pools.values() for backend in pool.backends]

    @property
    def active(self) -> int:
        """Sessions that are counted on some backend."""
        return sum(backend.live for backend in self.backends)

    @property
    def counted(self) -> dict[str, Any]:
        """What the one listener that is bound has counted."""
        ((_, listener),) = self.assembly.listeners
        return listener.counters()

    def drain(self) -> list[Deferred[None]]:
        """Tell everything to finish; a Deferred for each listener."""
        for upstreams in self.assembly.upstreams.values():
            upstreams.close()
        drains = [listener.drain() for _, listener in self.assembly.listeners]
        self.network.pump()
        return drains

    def end(self) -> None:
        """End all that is left; whatever then still has a backend, a timer or a connection is a fault."""
        for checks in self.assembly.checks:
            checks.stop()
        for outliers in self.assembly.outliers.values():
            outliers.stop()
        for lookup in self.assembly.lookups:
            lookup.stop()
        for upstreams in self.assembly.upstreams.values():
            upstreams.close()
        for _, listener in self.assembly.listeners:
            listener.close()
            listener.end_all(Draining("the test is over"))
        self.network.advance(AT_LAST)
        assert self.active == 0
        assert not any(served_by_us(pair) for pair in self.network.pairs)
        assert len(self.assembly.deadlines) == 0

    def _pool(self, ports: tuple[int, ...], settings: dict[str, Any]) -> Pool:
        most = settings.pop("max_connections", None)
        return Pool("pool", backends=[Backend(f"127.0.0.1:{port}", max_connections=most) for port in ports], **settings)


def served_by_us(pair: Any) -> bool:
    """Whether the balancer's end of that connection is still open."""
    ends = [end for end in (pair.client, pair.server) if type(end.protocol).__module__.startswith("balancer.net")]
    return not all(end.disconnected for end in ends)


def request(line: str = "GET /", *fields: str, version: str = "1.1", body: bytes = b"") -> bytes:
    """A request to `site`."""
    return "\r\n".join([f"{line} HTTP/{version}", "host: site", *fields, "", ""]).encode() + body


def answer(body: bytes = b"", *fields: str, status: str = "200 OK") -> bytes:
    """An answer with its length."""
    return "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", *fields, "", ""]).encode() + body
