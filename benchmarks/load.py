"""The load of the measurements: one kind of work, again and again, each piece begun when the one before it is done.

A program of its own (`load.py KIND PORT`) that runs until its standard input ends, and prints how much was done so far
whenever a line comes in. Anything but the expected answer ends it with a traceback: what is wrong is not measured.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import sys
from collections.abc import Callable

HOST = "127.0.0.1"
CONNECTIONS = 48
"""Clients at work at once, for what is asked and answered."""
HANDSHAKES = 16
"""The same, for those that do a handshake each time."""
IN_FLIGHT = 4
"""Datagrams on the way for each socket."""
BLOCK = bytes(256 * 1024)
CUTTERS = 4
"""Clients at work at once that cut off bulk."""
CUT_AFTER = 16 * len(BLOCK)
ROAM_AFTER = 64
"""Datagrams to one socket, after which its client goes on with another."""
DATAGRAM = bytes(64)
SILENCE = 0.25
"""Seconds in which nothing at all happens, after which datagrams count as lost."""
PATIENCE = 5.0
"""Seconds that a connection may take."""

NAME = "benchmark.example"
REQUEST = b"GET / HTTP/1.1\r\nHost: benchmark.example\r\n\r\n"
START, END = b"HTTP/1.1 200 ", b"\r\n\r\nok"


class Load:
    """What all clients share: the port, the count and the poll."""

    def __init__(self, port: int) -> None:
        self.port, self.done = port, 0
        self.lost: list[Callable[[], None]] = []
        """What to do again after a silence."""
        self._poller = select.epoll()
        self._ready: dict[int, Callable[[], None]] = {}

    def watch(self, sock: socket.socket, ready: Callable[[], None], events: int = select.EPOLLIN) -> None:
        """Call back whenever the socket is ready."""
        self._ready[sock.fileno()] = ready
        self._poller.register(sock, events)

    def unwatch(self, sock: socket.socket) -> None:
        """Call back no more."""
        self._poller.unregister(sock)

    def run(self, orders: int) -> None:
        """Work until that descriptor ends; print the count for each line it brings."""
        self._poller.register(orders, select.EPOLLIN)
        while True:
            found = self._poller.poll(SILENCE)
            for fd, _ in found:
                if fd != orders:
                    self._ready[fd]()
                elif sys.stdin.readline():
                    print(self.done, flush=True)
                else:
                    return
            for again in self.lost if not found else ():
                again()


def connected(port: int) -> socket.socket:
    """A connection to that port of this machine; raises `TimeoutError` when it takes longer than `PATIENCE`."""
    sock = socket.create_connection((HOST, port), PATIENCE)
    sock.settimeout(None)
    return sock


class Asking:
    """One connection that asks again once it has its answer."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._answer = b""
        self._connect()

    def _connect(self) -> None:
        self._sock = connected(self._load.port)
        self._load.watch(self._sock, self._ready)
        self._sock.sendall(REQUEST)

    def _ready(self) -> None:
        data = self._sock.recv(65536)
        self._answer += data
        if self._answer.endswith(END) and self._answer.startswith(START):
            self._answer = b""
            self._load.done += 1
            self._again()
        elif not data:
            raise ConnectionError(f"closed in place of an answer; before that came {self._answer!r}")

    def _again(self) -> None:
        self._sock.sendall(REQUEST)


class Connecting(Asking):
    """The same with a new connection for each request."""

    def _again(self) -> None:
        self._sock.close()
        self._connect()


class Finishing(Asking):
    """One connection for each request, that says no more after it; the answer ends with the other side's FIN."""

    def _connect(self) -> None:
        super()._connect()
        self._sock.shutdown(socket.SHUT_WR)

    def _ready(self) -> None:
        data = self._sock.recv(65536)
        self._answer += data
        if data:
            return
        if not (self._answer.endswith(END) and self._answer.startswith(START)):
            raise ConnectionError(f"not the answer: {self._answer!r}")
        self._answer = b""
        self._load.done += 1
        self._sock.close()
        self._connect()


class Aborting(Asking):
    """One connection after the other, each cut off: one with its request on the way, the next with its answer."""

    def _connect(self) -> None:
        hasty = connected(self._load.port)
        hasty.sendall(REQUEST)
        cut(hasty)
        super()._connect()

    def _again(self) -> None:
        cut(self._sock)
        self._connect()


def cut(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Securing(Asking):
    """One connection over TLS; `session` is to be resumed on it, if there is one."""

    session: ssl.SSLSession | None = None
    _settings = ssl.create_default_context()
    _settings.check_hostname, _settings.verify_mode = False, ssl.CERT_NONE
    _sock: ssl.SSLSocket

    def _connect(self) -> None:
        plain = connected(self._load.port)
        plain.setblocking(False)
        self._sock = self._settings.wrap_socket(
            plain, do_handshake_on_connect=False, server_hostname=NAME, session=self.session
        )
        self._shaken = False
        self._load.watch(self._sock, self._ready)
        self._ready()

    def _ready(self) -> None:
        try:
            if not self._shaken:
                self._shake()
            super()._ready()
        except ssl.SSLWantReadError:
            return

    def _shake(self) -> None:
        self._sock.do_handshake()
        self._shaken = True
        self._sock.sendall(REQUEST)


class Shaking(Securing):
    """The same with a new connection and a full handshake for each request."""

    def _again(self) -> None:
        self._sock.close()
        self._connect()


class Resuming(Shaking):
    """The same, with the session of the first connection on each later one."""

    def _again(self) -> None:
        if self.session is None:
            self.session = self._sock.session
        elif not self._sock.session_reused:
            raise ConnectionError("the session was not resumed")
        super()._again()


class AbortingSecurely(Shaking):
    """The same, each cut off when it has its answer, behind one that is cut off within its handshake."""

    def _connect(self) -> None:
        hasty = connected(self._load.port)
        hasty.sendall(b"\x16\x03\x01\x02\x00\x01")
        cut(hasty)
        super()._connect()

    def _again(self) -> None:
        cut(self._sock)
        self._connect()


class Pouring:
    """One connection that sends as fast as it can; what is done is bytes."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._connect()

    def _connect(self) -> None:
        self._sock = connected(self._load.port)
        self._sock.setblocking(False)
        self._load.watch(self._sock, self._ready, select.EPOLLOUT)
        self._poured = 0

    def _ready(self) -> None:
        sent = self._sock.send(BLOCK)
        self._poured += sent
        self._load.done += sent


class Cutting(Pouring):
    """The same with a new connection now and then, the one before being cut off in full flow."""

    def _ready(self) -> None:
        super()._ready()
        if self._poured >= CUT_AFTER:
            cut(self._sock)
            self._connect()


class Leaving:
    """One connection that takes some of what comes, and is cut off while it takes no more, with the next at work."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._last: socket.socket | None = None
        self._connect()

    def _connect(self) -> None:
        self._sock = connected(self._load.port)
        self._load.watch(self._sock, self._ready)
        self._taken = 0

    def _ready(self) -> None:
        data = self._sock.recv(len(BLOCK))
        if not data:
            raise ConnectionError("closed in the middle")
        self._taken += len(data)
        self._load.done += len(data)
        if self._taken >= CUT_AFTER:
            self._leave()

    def _leave(self) -> None:
        if self._last is not None:
            cut(self._last)
        self._last = self._sock
        self._load.unwatch(self._last)
        self._connect()


class Echoing:
    """One socket that sends a datagram for each that comes back."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._open()
        load.lost.append(self._begin)

    def _open(self) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.connect((HOST, self._load.port))
        self._load.watch(self._sock, self._ready)
        self._begin()

    def _begin(self) -> None:
        for _ in range(IN_FLIGHT):
            self._sock.send(DATAGRAM)

    def _ready(self) -> None:
        self._sock.recv(65536)
        self._load.done += 1
        self._sock.send(DATAGRAM)


class Roaming(Echoing):
    """The same with a new socket now and then, the one before being closed with datagrams on their way to it."""

    _left = ROAM_AFTER

    def _ready(self) -> None:
        super()._ready()
        self._left -= 1
        if not self._left:
            self._left = ROAM_AFTER
            self._sock.close()
            self._open()


KINDS: dict[str, tuple[Callable[[Load], object], int]] = {
    "ask": (Asking, CONNECTIONS),
    "connect": (Connecting, CONNECTIONS),
    "finish": (Finishing, CONNECTIONS),
    "abort": (Aborting, CONNECTIONS),
    "ask-tls": (Securing, CONNECTIONS),
    "shake": (Shaking, HANDSHAKES),
    "resume": (Resuming, HANDSHAKES),
    "abort-tls": (AbortingSecurely, HANDSHAKES),
    "pour": (Pouring, 1),
    "cut": (Cutting, CUTTERS),
    "leave": (Leaving, CUTTERS),
    "echo": (Echoing, CONNECTIONS),
    "roam": (Roaming, CONNECTIONS),
}
"""Each kind of client, and how many are at work."""


def main(kind: str, port: str) -> None:
    """Start the clients of that kind against a port of this machine; work until standard input ends."""
    client, count = KINDS[kind]
    load = Load(int(port))
    for _ in range(count):
        client(load)
    load.run(sys.stdin.fileno())


if __name__ == "__main__":
    main(*sys.argv[1:])
