"""The other side of a load on the balancer, as a process of its own: `peers.py echo`, or `peers.py crowd PORT`.

`echo` says its port and sends back whatever comes. `crowd` has clients of a port, and for each line that it is told
says one: `open N` connects so many more, each with one answer; `ask N ROUNDS` has the first N of them ask and be
answered so many times; `close` closes all. A wrong answer, or none, ends it with a traceback.
"""

from __future__ import annotations

import resource
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.backends import Backends

HOST = "127.0.0.1"
WAVE = 32
"""Connections at once on their way, fewer than a listener's backlog."""
PATIENCE = 20.0


def echo(sock: socket.socket) -> bool:
    """Send back what has come; False when it has ended."""
    try:
        data = sock.recv(65536)
        sock.sendall(data)
    except ConnectionError:
        return False
    return bool(data)


class Crowd:
    """Clients of one port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[socket.socket] = []
        self._asked = 0

    def open(self, count: int) -> None:
        """So many more."""
        while count > 0:
            wave = [socket.create_connection((HOST, self._port), PATIENCE) for _ in range(min(WAVE, count))]
            self._round(wave)
            self._clients += wave
            count -= len(wave)

    def ask(self, count: int, rounds: int) -> None:
        """The first so many of them ask, all at once, so often."""
        for _ in range(rounds):
            self._round(self._clients[:count])

    def close(self) -> None:
        """No more."""
        for client in self._clients:
            client.close()
        self._clients.clear()

    def _round(self, clients: list[socket.socket]) -> None:
        """Each asks what nobody has asked before, and gets it back."""
        asked = {}
        for client in clients:
            self._asked += 1
            asked[client] = b"question %08d" % self._asked
            client.sendall(asked[client])
        for client, question in asked.items():
            answer = client.recv(100)
            if answer != question:
                raise ValueError(f"asked {question!r}, got {answer!r}")


def say(what: object) -> None:
    """Say a line."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main(role: str, *arguments: str) -> None:
    """Play that role until standard input ends."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if role == "echo":
        backends = Backends()
        say(backends.listen(lambda: echo))
        backends.run(sys.stdin.fileno())
        return
    crowd = Crowd(*map(int, arguments))
    for line in sys.stdin:
        order, *numbers = line.split()
        getattr(crowd, order)(*map(int, numbers))
        say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
