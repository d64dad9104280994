"""Ports to bind in a moment: below those that the system gives to connections, so that none of these comes between."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from random import Random

HOST = "127.0.0.1"
LOWEST, HIGHEST = 10_240, 32_767
"""Above what services have, below what Linux gives out by default (net.ipv4.ip_local_port_range)."""

_random = Random()


def free_ports(count: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """So many ports that nobody had a moment ago."""
    with ExitStack() as stack:
        holders = [stack.enter_context(_bound(kind)) for _ in range(count)]
        return [holder.getsockname()[1] for holder in holders]


def _bound(kind: socket.SocketKind) -> socket.socket:
    """A socket at some free port."""
    while True:
        holder = socket.socket(type=kind)
        try:
            holder.bind((HOST, _random.randint(LOWEST, HIGHEST)))
        except OSError as error:
            holder.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return holder
