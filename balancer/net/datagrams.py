"""A UDP port that is balanced; refuses to know which backend a flow gets.

Sockets that fail do not fail the balancer: what the kernel does not take is dropped, as UDP permits, and counted.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.protocol import DatagramProtocol

from balancer.core.backend import Backend
from balancer.core.datagrams import Flows
from balancer.core.flow import Edge, Flow
from balancer.core.flow_bounds import Counts
from balancer.core.flow_table import Client
from balancer.core.proxy_protocol import encode_v2
from balancer.errors import BalancerError, ConnectFailed, DownstreamGone, Draining
from balancer.net.answering_port import AnsweringPort
from balancer.net.datagram_socket import LARGEST, FlowSocket
from balancer.net.reasons import connect_error
from balancer.net.sessions import Sight
from balancer.net.shared_ports import shared_port


class DatagramListener(DatagramProtocol):
    """A UDP port and its flows, for which it is the `core.flow.Edge`.

    `port` is the port bound, once started, with other processes if `shared`. `make_flows` is called once, with the
    listener. With `send_proxy` each datagram to a backend opens with a PROXY header of version 2.
    """

    noisy = False
    transport: Any
    reply: Callable[[bytes, Client], object]
    """See `Edge.reply`; once started."""

    def __init__(
        self,
        reactor: Any,
        *,
        interface: str,
        port: int,
        make_flows: Callable[[Edge], Flows],
        send_proxy: bool = False,
        shared: bool = False,
    ) -> None:
        self.interface, self.port, self._shared = interface, port, shared
        self._reactor, self._send_proxy = reactor, send_proxy
        self._called = interface, port
        self._flows = make_flows(self)
        self._closed: Deferred[None] = succeed(None)

    @property
    def active(self) -> int:
        """How many flows are alive."""
        return self._flows.active

    @property
    def counts(self) -> Counts:
        """What was counted since the start."""
        return self._flows.counts

    def look(self) -> Iterator[Sight]:
        """The live flows, one by one."""
        for flow in self._flows.table:
            if flow.lease is not None:
                yield Sight(flow.session.client, flow.lease.backend, flow.lease.began)

    def start(self) -> None:
        """Bind the port. Raises `twisted.internet.error.CannotListenError`, or `OSError` for one that is shared."""
        if self._shared:
            port = shared_port(AnsweringPort, self._reactor, (self.interface, self.port), self, LARGEST)
        else:
            port = AnsweringPort(self.port, self, self.interface, LARGEST, self._reactor)
        port.startListening()
        host = port.getHost()
        self.port, self._called = host.port, (host.host, host.port)
        self.reply = port.answer

    def stop_accepting(self) -> None:
        """Begin no more flows; the port stays open for those alive."""
        self._flows.stop_accepting()

    def leave(self, backend: Backend, error: BalancerError) -> Iterator[None]:
        """Have the flows leave that backend, one with each step."""
        return self._flows.leave(backend, error)

    def end_all(self, error: BalancerError) -> None:
        """End every flow now, for that reason."""
        self._flows.end_all(error)

    def close(self) -> Deferred[None]:
        """End what is alive and close every socket; fires when all are closed. Allowed any number of times."""
        self.stop_accepting()
        self.end_all(Draining("the listener was closed"))
        port, self.transport = self.transport, None
        if port is not None:
            self._closed = maybeDeferred(port.stopListening).addCallback(lambda _: None)
        closed = Deferred[None]()
        self._closed.addBoth(lambda _: closed.callback(None))
        return closed

    def datagramReceived(self, datagram: bytes, addr: Client) -> None:
        """A client sent a datagram."""
        self._flows.datagram(datagram, addr)

    def stopProtocol(self) -> None:
        """The port is closed: by us, or by the reactor because it broke, and then nobody can be answered any more."""
        self.end_all(DownstreamGone("the listening socket broke"))

    def connect(self, flow: Flow, backend: Backend) -> FlowSocket:
        """See `Edge.connect`."""
        place = backend.place
        if place is None:
            raise connect_error(backend, LookupError("its name is unknown"))
        if isinstance(place, str):
            raise ConnectFailed(f"backend {backend.name!r} at {backend.address}: a path takes no datagrams")
        if not isIPAddress(place[0]) and not isIPv6Address(place[0]):
            raise ConnectFailed(f"backend {backend.name!r} at {backend.address}: its address is not known")
        try:
            return FlowSocket(self._reactor, flow, place, backend.source)
        except OSError as error:
            raise connect_error(backend, error) from error

    def greeting(self, client: Client) -> bytes:
        """See `Edge.greeting`."""
        if not self._send_proxy:
            return b""
        called = self._called if len(client) == 2 else (str(ip_address(client[2][:16])), self.port)
        return encode_v2(client[:2], called, transport="udp")
