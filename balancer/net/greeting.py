"""Says the first bytes of a connection before its protocol begins; refuses to know what they mean."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress


class Greeting:
    """Greets, then gives the connection, which is its `transport`, to the protocol that asked for it."""

    transport: Any

    def __init__(self, protocol: Any, words: bytes) -> None:
        self.protocol, self._words = protocol, words

    def makeConnection(self, transport: Any) -> None:
        """The socket is connected."""
        self.transport = transport
        transport.write(self._words)
        transport.protocol = self.protocol
        self.protocol.makeConnection(transport)


class Greeter:
    """Stands for a stranger's factory and greets for its protocols."""

    def __init__(self, factory: Any, words: bytes) -> None:
        self._words = words
        self._factory = factory
        self.doStart, self.doStop = factory.doStart, factory.doStop

    def buildProtocol(self, address: IAddress | None) -> Greeting | None:
        """The socket is connected; the stranger may not want it."""
        protocol = self._factory.buildProtocol(address)
        return None if protocol is None else Greeting(protocol, self._words)
