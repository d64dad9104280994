"""Whether a connection that was at rest has heard something that its reactor has not told yet; takes none of it."""

from __future__ import annotations

from socket import MSG_PEEK, SocketType
from typing import Any

from OpenSSL import SSL


def quiet(transport: Any) -> bool:
    """Whether nothing has come: no end, no reset and no bytes. One system call, and none for what is no plain socket.

    In the turn in which a request comes its backend may have closed already, with the reactor about to say so. Over
    TLS what concerns OpenSSL alone is nothing, such as a session to go on with later. That can be told only where it
    has the socket to itself: else (`net.tls.memory`) whatever has come to the socket counts.
    """
    handle = transport.getHandle() if hasattr(transport, "getHandle") else None
    if hasattr(transport, "tls"):
        return (isinstance(handle, SocketType) or quiet(transport.transport)) and _silent(transport.tls)
    if not isinstance(handle, SocketType):
        return True
    try:
        handle.recv(1, MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _silent(tls: SSL.Connection) -> bool:
    """Whether OpenSSL finds nothing to hand over; what it finds for itself it takes."""
    try:
        tls.recv(1, MSG_PEEK)
    except SSL.WantReadError:
        return True
    except SSL.Error:
        return False
    return False
