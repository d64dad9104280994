"""A balancer's parts over a network in memory, for the tests of how they are made."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.address import IPv4Address
from zope.interface import implementer

from balancer.assembly import Assembly
from balancer.config import Backend, Config, Listener, Pool, TCPListener
from balancer.interfaces import IAlgorithm, Picker
from balancer.testing import MemoryNetwork
from tests.net.house import FRONT, now


class Network(MemoryNetwork):
    """Knows one name, and fails to listen as it is told."""

    refusal: Exception | None = None
    backlogs: dict[int, int]

    @property
    def nameResolver(self) -> Network:  # noqa: N802  as a reactor calls it
        """Itself."""
        return self

    def resolveHostName(self, receiver: Any, host: str) -> None:
        if host == "known":
            receiver.addressResolved(IPv4Address("TCP", "192.0.2.7", 0))
        receiver.resolutionComplete()

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        if self.refusal is not None:
            raise self.refusal
        self.backlogs = {port: backlog}
        return super().listenTCP(port, factory, backlog, interface)


def assembled(*listeners: Listener, network: MemoryNetwork | None = None) -> Assembly:
    """The parts of these listeners; what they do in a thread is done at once."""
    assembly = Assembly(network or Network(), Random(2))
    assembly.aside = lambda work, told: told(True, work())
    now(assembly.assemble(Config(listeners)))
    return assembly


def relay(*backends: Backend | str, endpoint: str = f"tcp:{FRONT}", **pool: Any) -> TCPListener:
    """A TCP listener over these backends."""
    return TCPListener(endpoint, pool=Pool("pool", backends=backends or ("127.0.0.1:9001",), **pool))


@implementer(IAlgorithm)
class Last:
    """Chooses the last backend."""

    name = "last"

    def picker(self, backends: Any, random: Random) -> Picker:
        return lambda _: backends[-1]
