"""The short way to a TCP connection on the lean reactor: a socket, one wait for it to be writable, a transport."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from errno import EADDRNOTAVAIL, EALREADY, ECONNABORTED, EINPROGRESS
from typing import Any, Final

from balancer.net.transports import TCPServer

BIND_ADDRESS_NO_PORT: Final = getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24)
"""ip(7): the port is chosen as the connection is made, and may be in use for connections to elsewhere. Python has the
name from 3.12."""

_KIND: Final = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
"""With `SocketType` for it, whose calls are the system's: Python's class of sockets adds some of its own to each."""


class Connecting:
    """One TCP connection being made. `failed` is called once if it cannot be, unless it is cancelled before.

    On this machine it stands at once, as a second call of connect tells. Otherwise it is, to the reactor, something
    that waits to be writable. An event may be meant for whoever had its descriptor before, so none is believed: the
    socket is asked. Raises `OSError` when there is no socket to be had, and when the address can be seen at once to be
    out of reach.
    """

    def __init__(
        self, reactor: Any, place: tuple[str, int], protocol: Any, failed: Callable[[OSError], None], source: str = ""
    ) -> None:
        self._reactor, self._protocol, self._failed = reactor, protocol, failed
        self._place: tuple[str | int, ...] = place
        family = socket.AF_INET
        if ":" in place[0]:
            family, self._place = socket.AF_INET6, (*place, 0, 0)
        sock = socket.SocketType(family, _KIND)
        self._socket: socket.SocketType | None = sock
        self.fileno = sock.fileno
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)  # see `TCPServer`
        error = (_bind(sock, source) if source else 0) or _begin(sock, place)
        if not error:
            self._give()
        elif error == EALREADY:
            reactor.addWriter(self)
        else:
            sock.close()
            raise OSError(error, os.strerror(error))

    def cancel(self) -> None:
        """Give up; nothing stays open, and nobody is called."""
        sock, self._socket = self._socket, None
        if sock is not None:
            self._reactor.removeWriter(self)
            sock.close()

    def doWrite(self) -> None:
        """The attempt may be over, one way or the other."""
        sock = self._socket
        if sock is None:
            return
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._give_up(error)
        elif _stands(sock):
            self._reactor.forget(sock.fileno())
            self._give()

    doRead = doWrite

    def connectionLost(self, _reason: object) -> None:
        """The reactor heard of an error before we could ask for it."""
        if self._socket is not None:
            self._give_up(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or ECONNABORTED)

    def logPrefix(self) -> str:
        """What the log calls it."""
        return "connecting"

    def _give(self) -> None:
        """It stands: from now on it is the protocol's."""
        sock, self._socket = self._socket, None
        self._protocol.makeConnection(TCPServer(sock, self._protocol, self._place, None, 0, self._reactor))

    def _give_up(self, error: int) -> None:
        self.cancel()
        self._failed(OSError(error, os.strerror(error)))


def _begin(sock: socket.SocketType, place: tuple[str, int]) -> int:
    """Zero when the connection stands at once, as within one machine, `EALREADY` when it is under way, or why not."""
    error = sock.connect_ex(place)
    return sock.connect_ex(place) if error == EINPROGRESS else error


def _bind(sock: socket.SocketType, source: str) -> int:
    """Let the connection come from that address; the system's number of what prevents it, or 0."""
    try:
        with suppress(OSError):  # the system may not have it
            sock.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
        sock.bind((source, 0))
    except OSError as error:
        return error.errno or EADDRNOTAVAIL
    return 0


def _stands(sock: socket.SocketType) -> bool:
    """Whether the socket is connected."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
