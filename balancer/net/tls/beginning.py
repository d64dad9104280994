"""TLS begun on a connection: on its socket where that is ours, else on whatever transport it has."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

from balancer.net.tls.memory import Make, MemoryTLS
from balancer.net.tls.stream import TLSStream
from balancer.net.transports import TCPServer


def begin(transport: Any, protocol: Any, make: Make, early: bytes = b"", *, clock: Any) -> None:
    """Speak TLS on a transport from now on; `early` is what was read of it and belongs to the handshake.

    `protocol` is connected to what is then its transport. It is told `handshakeCompleted`, and declares Twisted's
    `IHandshakeListener`; or `connectionLost`, for OpenSSL's error if that ended the handshake. After the handshake it
    may hand the transport on, by its attribute `protocol`. What was written in the clear goes out before.
    """
    if type(transport) is TCPServer and not early and _empty(transport):
        stream = TLSStream.over(transport, protocol, make(transport.socket))
        protocol.makeConnection(stream)
        if stream.connected:
            stream.shake()
        return
    memory = MemoryTLS(protocol, make, clock)
    transport.protocol = memory
    memory.makeConnection(transport)
    if early:
        memory.dataReceived(early)


def _empty(transport: TCPServer) -> bool:
    """Whether the socket has taken all that was written in the clear; OpenSSL must not overtake it."""
    if transport._tempDataLen:  # noqa: SLF001  Twisted's name
        transport._send()  # noqa: SLF001  as the end of the turn would
    return not transport.buffered
