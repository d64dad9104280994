"""Ports that several processes bind at once, each with a queue of its own (SO_REUSEPORT, socket(7)).

The kernel gives each connection, and each client's datagrams, to one of them. Refuses to know the others, and works on
any reactor.
"""

from __future__ import annotations

import socket
from typing import Any, TypeVar

import attrs
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.internet.tcp import makeBinding
from twisted.internet.udp import Port

AnyPort = TypeVar("AnyPort", bound=Port)


@attrs.frozen
class SharedPort:
    """A port of an interface; `backlog` is how many connections may wait in this process's own queue."""

    interface: str
    port: int
    backlog: int

    def listen(self, reactor: Any, factory: Factory) -> IListeningPort:
        """Take connections. Raises `OSError` where the system cannot do it, and `CannotListenError`."""
        _expect_sharing()
        binding = makeBinding(self.interface, self.port, reuseAddress=True, reusePort=True)
        port: IListeningPort = reactor.listenTCP(binding, factory, self.backlog, self.interface)
        return port


def shared_port(make: type[AnyPort], reactor: Any, place: tuple[str, int], protocol: Any, largest: int) -> AnyPort:
    """A port for datagrams, at that place. Raises `OSError`; Twisted has no word for sharing, so it adopts a socket."""
    _expect_sharing()
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(place)
        adopt: Any = make._fromListeningDescriptor  # noqa: SLF001  what Twisted's own reactors call
        port: AnyPort = adopt(reactor, sock.fileno(), family, protocol, largest)
    return port


def _expect_sharing() -> None:
    """Raises `OSError` where processes cannot share a port."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise OSError("this system cannot share ports between processes")
