"""Small backends to try a config with: HTTP, TCP echo and UDP echo on loopback, which can be stopped and started.

They live in the balancer's own process as a companion of a config, so that a first run needs nothing else. They know
nothing of the balancer: what they are sent through it looks to them like any other client.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import attrs
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol, connectionDone
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import implementer

HOST: Final = "127.0.0.1"
CONTROL_PORT: Final = 9000

EVENTS: Final = 5
"""Events that `/events` sends."""

INTERVAL: Final = 0.2
"""Seconds between two of them."""


@attrs.frozen
class DemoBackend:
    """A backend to be: its name, and its ports on 127.0.0.1. `echo` is served over TCP and over UDP."""

    name: str
    http: int = attrs.field(kw_only=True)
    echo: int = attrs.field(kw_only=True)


DEMO_BACKENDS: Final = (
    DemoBackend("b1", http=9001, echo=9101),
    DemoBackend("b2", http=9002, echo=9102),
    DemoBackend("b3", http=9003, echo=9103),
)


class DemoBackends(Service):
    """All of them and the control port, as a companion: `Config(..., companions=[DemoBackends()])`.

    Each answers `/`, `/healthz`, `/headers`, `/events` and `/echo` over HTTP, and returns what it is sent over TCP and
    UDP. The control port answers `GET /demo`, `POST /demo/NAME/stop` and `POST /demo/NAME/start`. Once all is started
    the `hints` are printed on standard output, a line each.
    """

    def __init__(
        self, backends: Sequence[DemoBackend] = DEMO_BACKENDS, *, control: int = CONTROL_PORT, hints: Sequence[str] = ()
    ) -> None:
        self._settings, self._control, self._hints = tuple(backends), control, tuple(hints)
        self._stdout = sys.stdout  # kept from now on, for `twist` puts its log in place of it
        self._reactor: Any = None
        self._parts: list[_Part] = []
        self._hinting: Any = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(settings.name for settings in self._settings)})"

    def with_reactor(self, reactor: Any) -> None:
        """Take the reactor to run on; to be called once, before `startService`."""
        self._reactor = reactor

    def startService(self) -> None:
        """Bind every port, or none. Raises `CannotListenError`."""
        backends = {settings.name: _backend(settings, self._reactor) for settings in self._settings}
        control = _Part(self._reactor, [_site(_control(backends), self._reactor)], [self._control])
        self._parts = [*backends.values(), control]
        try:
            for part in self._parts:
                part.start()
        except CannotListenError:
            self._close()
            raise
        Service.startService(self)
        self._hinting = self._reactor.callLater(0, self._print_hints)

    def stopService(self) -> Deferred[Any]:
        """Close every port and connection; fires when that is done."""
        Service.stopService(self)
        if self._hinting is not None and self._hinting.active():
            self._hinting.cancel()
        return self._close()

    def _close(self) -> Deferred[Any]:
        return gatherResults([part.stop() for part in self._parts])

    def _print_hints(self) -> None:
        self._stdout.write("".join(f"{hint}\n" for hint in self._hints))
        self._stdout.flush()


class _Part:
    """Factories on their TCP ports, and perhaps a UDP port, that start and stop together."""

    def __init__(self, reactor: Any, factories: Sequence[Any], tcp: Sequence[int], udp: int | None = None) -> None:
        self._reactor, self._factories, self._tcp, self._udp = reactor, factories, tcp, udp
        self._ports: list[Any] = []

    @property
    def state(self) -> str:
        return "started" if self._ports else "stopped"

    def start(self) -> None:
        """Bind every port, or none; does nothing when already started. Raises `CannotListenError`."""
        if self._ports:
            return
        try:
            for port, factory in zip(self._tcp, self._factories, strict=True):
                self._ports.append(self._reactor.listenTCP(port, factory, interface=HOST))
            if self._udp is not None:
                self._ports.append(self._reactor.listenUDP(self._udp, _DatagramEcho(), interface=HOST))
        except CannotListenError:
            self.stop()
            raise

    def stop(self) -> Deferred[Any]:
        """Close the ports and cut the connections, as when a process dies."""
        ports, self._ports = self._ports, []
        for factory in self._factories:
            for protocol in list(factory.protocols):
                protocol.transport.abortConnection()
        return gatherResults([maybeDeferred(port.stopListening) for port in ports])


def _backend(settings: DemoBackend, reactor: Any) -> _Part:
    site = _site(_pages(settings.name, reactor), reactor)
    return _Part(reactor, [site, _EchoFactory()], [settings.http, settings.echo], settings.echo)


class _QuietSite(Site):
    """Leaves no line in the log for each request: health checks ask all the time."""

    noisy = False

    def __init__(self, root: Resource, reactor: Any) -> None:
        Site.__init__(self, root, reactor=reactor)

    def log(self, request: Any) -> None:
        pass


def _site(root: Resource, reactor: Any) -> WrappingFactory:
    """A web site that knows its connections."""
    site = WrappingFactory(_QuietSite(root, reactor))
    site.noisy = False
    return site


def _pages(name: str, reactor: Any) -> Resource:
    root = _Nothing()
    root.putChild(b"", _Page(lambda _: f"hello from {name}\n"))
    root.putChild(b"healthz", _Page(lambda _: "ok\n"))
    root.putChild(b"headers", _Page(_headers))
    root.putChild(b"events", _Page(partial(_send_events, name, reactor)))
    root.putChild(b"echo", _Page(_return_body, method=b"POST"))
    root.putChild(b"ws", _Page(_upgrade_required))
    return root


def _control(backends: dict[str, _Part]) -> Resource:
    root, states = _Nothing(), _Page(lambda _: "".join(f"{name} {part.state}\n" for name, part in backends.items()))
    root.putChild(b"demo", states)
    for name, part in backends.items():
        switches = _Nothing()
        switches.putChild(b"stop", _Page(partial(_switch, name, part, part.stop), method=b"POST"))
        switches.putChild(b"start", _Page(partial(_switch, name, part, part.start), method=b"POST"))
        states.putChild(name.encode(), switches)
    return root


class _Nothing(Resource):
    """Answers 404, and so do all paths below it but those that were put there."""

    def __init__(self) -> None:
        Resource.__init__(self)

    def getChild(self, path: bytes, request: Request) -> Resource:
        return _Nothing()

    def render(self, request: Request) -> bytes | int:
        request.setHeader("content-type", "text/plain; charset=utf-8")
        request.setResponseCode(404)
        return b"not found\n"


class _Page(_Nothing):
    """Answers one method with what a function of the request returns: a body, or `NOT_DONE_YET`."""

    def __init__(self, answer: Callable[[Request], str | bytes | int], *, method: bytes = b"GET") -> None:
        super().__init__()
        self._answer, self._methods = answer, [method, b"HEAD"] if method == b"GET" else [method]

    def render(self, request: Request) -> bytes | int:
        request.setHeader("content-type", "text/plain; charset=utf-8")
        answer = self._answer(request) if request.method in self._methods else self._refuse(request)
        return answer.encode() if isinstance(answer, str) else answer

    def _refuse(self, request: Request) -> str:
        """RFC 9110 15.5.6: such an answer lists what is allowed."""
        request.setResponseCode(405)
        request.setHeader("allow", b", ".join(self._methods))
        return "method not allowed\n"


def _headers(request: Request) -> str:
    """The request head as it came, so that one can see what the balancer makes of it."""
    lines = [b" ".join((request.method, request.uri, request.clientproto))]
    for name, values in sorted(request.requestHeaders.getAllRawHeaders()):
        lines += [name.lower() + b": " + value for value in values]
    return b"".join(line + b"\n" for line in lines).decode("latin-1")


def _upgrade_required(request: Request) -> str:
    """RFC 9110 15.5.22: such an answer names the protocol that is wanted."""
    request.setResponseCode(426, b"Upgrade Required")
    request.setHeader("upgrade", "websocket")
    request.setHeader("connection", "upgrade")
    return "only WebSocket here\n"


def _return_body(request: Request) -> bytes:
    request.setHeader("content-type", request.getHeader("content-type") or "application/octet-stream")
    body: Any = request.content
    return bytes(body.read())


def _send_events(name: str, clock: Any, request: Request) -> int:
    """Server-Sent Events, each at its time."""
    request.setHeader("content-type", "text/event-stream")
    request.setHeader("cache-control", "no-store")
    later = [clock.callLater(turn * INTERVAL, _send_event, name, request, turn + 1) for turn in range(EVENTS)]
    request.notifyFinish().addErrback(lambda _: [call.cancel() for call in later if call.active()])
    return NOT_DONE_YET


def _send_event(name: str, request: Request, number: int) -> None:
    request.write(f"data: {name} {number}\n\n".encode())
    if number == EVENTS:
        request.finish()


def _switch(name: str, part: _Part, act: Callable[[], object], request: Request) -> str:
    """Stop or start one backend; 503 when its ports were taken meanwhile."""
    try:
        act()
    except CannotListenError as error:
        request.setResponseCode(503)
        return f"{name}: {error}\n"
    return f"{name} {part.state}\n"


@implementer(IHalfCloseableProtocol)
class _Echo(Protocol):
    """Returns what it is sent, no faster than it is taken, and finishes when the other side has."""

    transport: Any

    def __init__(self, alive: set[Protocol]) -> None:
        self._alive = alive

    def connectionMade(self) -> None:
        self._alive.add(self)
        self.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)

    def readConnectionLost(self) -> None:
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Never happens alone: both directions are closed at once."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._alive.discard(self)


class _EchoFactory(Factory):
    """Knows its connections."""

    noisy = False

    def __init__(self) -> None:
        self.protocols: set[Protocol] = set()

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return _Echo(self.protocols)


class _DatagramEcho(DatagramProtocol):
    """Returns each datagram to whom it came from."""

    noisy = False
    transport: Any

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.transport.write(datagram, addr)
