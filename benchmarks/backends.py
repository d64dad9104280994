"""The backends of the measurements: tiny HTTP answers on two ports, a sink for bytes, an echo for datagrams, a source.

A program of its own, so that its work is not counted as the balancer's: it prints the five ports that it listens on and
serves until its standard input ends. Refuses to understand HTTP: whatever ends in an empty line is answered.
"""

from __future__ import annotations

import select
import socket
import sys
from collections.abc import Callable

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
BACKLOG = 4096
GULP = 1 << 20
"""Bytes that the sink takes at once."""
BLOCK = bytes(GULP)
ROUND = 64
"""Datagrams that are echoed before others have their turn."""

Protocol = Callable[[socket.socket], bool]
"""What to do with a socket that is ready; False when it has ended."""


class Backends:
    """The sockets and what each does once it is ready."""

    def __init__(self) -> None:
        self._poller = select.epoll()
        self._sockets: dict[int, tuple[socket.socket, Protocol]] = {}

    def add(self, sock: socket.socket, protocol: Protocol, events: int = select.EPOLLIN) -> None:
        """Serve one more socket."""
        self._sockets[sock.fileno()] = sock, protocol
        self._poller.register(sock, events)

    def listen(self, protocol: Callable[[], Protocol], events: int = select.EPOLLIN) -> int:
        """Listen on a free port, with a protocol of its own for each connection; return the port."""
        port = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)

        def accept(_port: socket.socket) -> bool:
            self.add(port.accept()[0], protocol(), events)
            return True

        self.add(port, accept)
        return int(port.getsockname()[1])

    def run(self, until: int) -> None:
        """Serve until that descriptor ends."""
        self._poller.register(until, select.EPOLLIN)
        while True:
            for fd, _ in self._poller.poll():
                if fd == until:
                    return
                sock, protocol = self._sockets[fd]
                if not protocol(sock):
                    del self._sockets[fd]
                    sock.close()


class Answering:
    """Answers every request of one connection."""

    def __init__(self) -> None:
        self._begun = b""

    def __call__(self, sock: socket.socket) -> bool:
        try:
            data = sock.recv(65536)
            heads = (self._begun + data).split(b"\r\n\r\n")
            self._begun = heads.pop()
            if heads:
                sock.sendall(ANSWER * len(heads))
        except ConnectionError:
            return False
        return bool(data)


class Sinking:
    """Takes whatever comes."""

    def __init__(self) -> None:
        self._room = bytearray(GULP)

    def __call__(self, sock: socket.socket) -> bool:
        try:
            return sock.recv_into(self._room) > 0
        except ConnectionError:
            return False


def pour(sock: socket.socket) -> bool:
    """Send as much as it takes now."""
    try:
        sock.send(BLOCK, socket.MSG_DONTWAIT)
    except BlockingIOError:
        pass
    except ConnectionError:
        return False
    return True


def echo(sock: socket.socket) -> bool:
    """Send datagrams back to where they came from."""
    try:
        for _ in range(ROUND):
            data, sender = sock.recvfrom(65536)
            sock.sendto(data, sender)
    except BlockingIOError:
        pass
    return True


def main() -> None:
    """Print the ports; serve until standard input ends."""
    backends = Backends()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 0))
    datagrams.setblocking(False)
    backends.add(datagrams, echo)
    ports = [backends.listen(Answering), backends.listen(Answering), backends.listen(Sinking)]
    source = backends.listen(lambda: pour, select.EPOLLOUT)
    print(*ports, datagrams.getsockname()[1], source, flush=True)
    backends.run(sys.stdin.fileno())


if __name__ == "__main__":
    main()
