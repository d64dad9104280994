"""Whether a connection that was at rest has heard something that its reactor has not told yet; takes none of it."""

from __future__ import annotations

from socket import MSG_PEEK, socket
from typing import Any


def quiet(transport: Any) -> bool:
    """Whether nothing has come: no end, no reset and no bytes. One system call, and none for what is no plain socket.

    In the turn in which a request comes its backend may have closed already, with the reactor about to say so.
    """
    handle = transport.getHandle() if hasattr(transport, "getHandle") else None
    if not isinstance(handle, socket):
        return True
    try:
        handle.recv(1, MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
