"""UDP sockets: a listening one, and one for each flow, connected to its backend; refuses to know which backend.

Sockets that fail do not fail the balancer: what the kernel does not take is dropped, as UDP permits, and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.protocol import DatagramProtocol

from balancer.core.backend import Backend
from balancer.core.datagrams import Bounds, Counts, Flow, Flows
from balancer.core.deadlines import Deadlines
from balancer.core.flow_table import Client
from balancer.core.pool import Pool
from balancer.errors import BalancerError, ConnectFailed, DownstreamGone, Draining
from balancer.net.reasons import connect_error

LARGEST: Final = 65536
"""Bytes to read at once: more than a datagram can have (RFC 768: 65535 with its header), so that none is cut short."""


class Closing:
    """The sockets that were told to close, and are not closed yet."""

    def __init__(self) -> None:
        self._ports: set[Deferred[Any]] = set()

    def close(self, port: Any) -> None:
        """Close a UDP port; the reactor does so in its next turn."""
        closed: Deferred[Any] = maybeDeferred(port.stopListening)
        self._ports.add(closed)
        closed.addBoth(lambda _: self._ports.discard(closed))

    def wait(self) -> Deferred[None]:
        """Fires when all are closed."""
        return gatherResults(list(self._ports), consumeErrors=True).addCallback(lambda _: None)


class UpstreamDatagrams(DatagramProtocol):
    """The socket of one flow: `core.datagrams.Upstream`."""

    noisy = False
    transport: Any

    def __init__(self, flow: Flow, closing: Closing) -> None:
        self._flow: Flow | None = flow
        self._closing = closing
        self._peer: Client | None = None

    def connect(self, host: str, port: int) -> None:
        """Speak to that address and hear nobody else. Raises `OSError`, or `ValueError` when it is no IP address."""
        self.transport.connect(host, port)
        self._peer = self.transport.getHandle().getpeername()[:2]

    def send(self, data: bytes) -> bool:
        """Send one datagram; False when the kernel did not take it, or told of an earlier refusal instead."""
        try:
            self.transport.write(data)
        except (OSError, MessageLengthError):
            return False
        return self._flow is not None

    def close(self) -> None:
        """Close, unless that has happened already."""
        self._flow = None
        if self.transport is not None:
            self._closing.close(self.transport)

    def datagramReceived(self, datagram: bytes, addr: Client) -> None:
        """A reply; what a stranger sent before the socket was connected can still be in its queue."""
        if addr == self._peer and self._flow is not None:
            self._flow.replied(datagram)

    def connectionRefused(self) -> None:
        """ICMP says that the backend's port is unreachable."""
        if self._flow is not None:
            self._flow.refused()

    def stopProtocol(self) -> None:
        """The socket is closed: by us, or by the reactor, as Twisted's epoll reactor answers ICMP errors."""
        self.connectionRefused()


class DatagramListener(DatagramProtocol):
    """A UDP port that is balanced over a pool: `core.datagrams.Edge`.

    `port` is the port bound, once started. `ended` is called after every flow's end.
    """

    noisy = False
    transport: Any

    def __init__(
        self,
        reactor: Any,
        *,
        interface: str,
        port: int,
        pool: Pool,
        bounds: Bounds,
        deadlines: Deadlines,
        ended: Callable[[], object] = lambda: None,
    ) -> None:
        self.interface, self.port = interface, port
        self._reactor, self._closing = reactor, Closing()
        self._flows = Flows(pool, self, deadlines, bounds, ended=ended)

    @property
    def active(self) -> int:
        """How many flows are alive."""
        return self._flows.active

    @property
    def counts(self) -> Counts:
        """What was counted since the start."""
        return self._flows.counts

    def start(self) -> None:
        """Bind the port. Raises `twisted.internet.error.CannotListenError`."""
        port = self._reactor.listenUDP(self.port, self, interface=self.interface, maxPacketSize=LARGEST)
        self.port = port.getHost().port

    def stop_accepting(self) -> None:
        """Begin no more flows; the port stays open for those alive."""
        self._flows.stop_accepting()

    def end_all(self, error: BalancerError) -> None:
        """End every flow now, for that reason."""
        self._flows.end_all(error)

    def close(self) -> Deferred[None]:
        """End what is alive and close every socket; fires when all are closed. Allowed any number of times."""
        self.stop_accepting()
        self.end_all(Draining("the listener was closed"))
        port, self.transport = self.transport, None
        if port is not None:
            self._closing.close(port)
        return self._closing.wait()

    def datagramReceived(self, datagram: bytes, addr: Client) -> None:
        """A client sent a datagram."""
        self._flows.datagram(datagram, addr)

    def stopProtocol(self) -> None:
        """The port is closed: by us, or by the reactor because it broke, and then nobody can be answered any more."""
        self.end_all(DownstreamGone("the listening socket broke"))

    def connect(self, flow: Flow, backend: Backend) -> UpstreamDatagrams:
        """Open a socket for the flow. Raises `ConnectFailed`."""
        place = backend.place
        if place is None:
            raise connect_error(backend, LookupError("its name is unknown"))
        if isinstance(place, str):
            raise ConnectFailed(f"backend {backend.name!r} at {backend.address}: a path takes no datagrams")
        host, port = place
        upstream = UpstreamDatagrams(flow, self._closing)
        try:
            interface = backend.source or ("::" if ":" in host else "")
            self._reactor.listenUDP(0, upstream, interface=interface, maxPacketSize=LARGEST)
            upstream.connect(host, port)
        except CannotListenError as error:
            raise connect_error(backend, error.socketError) from error
        except (OSError, ValueError) as error:
            upstream.close()
            raise connect_error(backend, error) from error
        return upstream

    def reply(self, data: bytes, client: Client) -> bool:
        """Send one datagram to the client; False when the kernel did not take it."""
        try:
            self.transport.write(data, client)
        except (OSError, MessageLengthError):
            return False
        return True
