"""A balancer that relays by one path or another, between plain sockets that a test drives; nothing waits for time.

The paths are the kernel's shortcut, the same reactor where there is no pipe for one, and Twisted's own reactor.
"""

# ruff: noqa: SLF001  looks inside what it tests

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from random import Random
from types import TracebackType
from typing import Any, Final, Self

from twisted.internet.epollreactor import EPollReactor

from balancer.assembly import Assembly, bind
from balancer.config import Config, Pool, TCPListener
from balancer.errors import Draining
from balancer.net.reactor import BalancerReactor
from balancer.net.splice import Pipe, Pipes
from tests.net.house import now
from tests.net.lean import HOST, TURNS, WAIT, Lean, reset
from tests.ports import free_ports

MEBIBYTE = 1 << 20
QUIET = 6
"""Turns in which nothing happens, after which nothing will; the later ones wait for the kernel, too."""

PATHS: Final[Mapping[str, tuple[Callable[[], Any], int]]] = {
    "spliced": (BalancerReactor, 8),
    "without pipes": (BalancerReactor, 0),
    "Twisted's": (EPollReactor, 8),
}
"""The reactor of each, and how many pipes there are."""


class Lent(Pipes):
    """Counts how often a pipe was lent."""

    times = 0

    def lend(self) -> Pipe | None:
        pipe = super().lend()
        self.times += pipe is not None
        return pipe


class Talker:
    """A plain socket: sends what it was told to say as it can, then FIN if it `finishes`, and reads unless `deaf`.

    `ending` is "FIN" or "RST" once the other side has ended so.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.said: Any = bytearray()
        self.heard: Any = bytearray()
        self.sent, self.bite = 0, MEBIBYTE
        self.finishes = self.finished = self.deaf = self.gone = self.broken = False
        self.ending = ""

    def say(self, data: bytes, *, finish: bool = False) -> None:
        """Send that, too."""
        self.said += data
        self.finishes |= finish

    def cut(self) -> None:
        """RST."""
        self.gone = True
        reset(self.sock)

    def step(self) -> bool:
        """Send and read once; tell whether anything came of it."""
        if self.gone:
            return False
        return self._sends() | self._reads()

    def _sends(self) -> bool:
        if self.finished or self.broken:
            return False
        try:
            if self.sent < len(self.said):
                self.sent += self.sock.send(bytes(self.said[self.sent : self.sent + MEBIBYTE]))
            elif self.finishes:
                self.sock.shutdown(socket.SHUT_WR)
                self.finished = True
            else:
                return False
        except BlockingIOError:
            return False
        except OSError:  # which is told but once, and to reading it is then an end like any other
            self.broken = True
            return False
        return True

    def _reads(self) -> bool:
        if self.deaf or self.ending:
            return False
        try:
            data = self.sock.recv(self.bite)
        except BlockingIOError:
            return False
        except OSError:
            self.ending = "RST"
            return True
        self.heard += data
        if not data:
            self.ending = "RST" if self.broken else "FIN"
        return True


class Road:
    """The balancer, its one backend, and whoever talks; at the end nothing of it is left."""

    def __init__(self, path: str, **settings: Any) -> None:
        make, pipes = PATHS[path]
        self.lean = Lean(make())
        self.assembly = Assembly(self.lean.reactor, Random(4))
        self.assembly.pipes = self.pipes = Lent(pipes)
        self.talkers: list[Talker] = []
        self._backend = socket.create_server((HOST, 0))
        self._backend.setblocking(False)
        (self.port,) = free_ports(1)
        pool = Pool("pool", backends=[f"{HOST}:{self._backend.getsockname()[1]}"])
        listener = TCPListener(f"tcp:{self.port}:interface={HOST}", pool=pool, **settings)
        now(self.assembly.assemble(Config([listener])))
        ((noun, self.listener),) = self.assembly.listeners
        now(bind(noun, self.listener))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if error is None:
            assert (self.active, self.pipes.lent, len(self.assembly.deadlines) - self.held) == (0, 0, 0)
            assert not self.ends

    def talk(self) -> tuple[Talker, Talker]:
        """A client, and the backend that it is relayed to."""
        called: list[Talker] = []
        client = Talker(socket.create_connection((HOST, self.port)))
        self.lean.until(lambda: called or self._answered(called))
        self.talkers += [client, *called]
        return client, called[0]

    def turn(self, wait: float = 0) -> bool:
        """Let everything go a step; tell whether anybody has sent or read."""
        self.lean.reactor.iterate(wait)
        return sum(talker.step() for talker in self.talkers) > 0  # each of them

    def until(self, condition: Callable[[], object]) -> None:
        """Let everything go on until that is so."""
        moved = True
        for _ in range(TURNS):
            if condition():
                return
            moved = self.turn(0 if moved else WAIT)
        raise AssertionError("it never came")

    def settle(self) -> None:
        """Let everything go on until nothing more happens."""
        quiet = 0
        while quiet < QUIET:
            quiet = 0 if self.turn(WAIT if quiet > QUIET // 2 else 0) else quiet + 1

    @property
    def active(self) -> int:
        """Sessions that are counted on the backend."""
        return sum(backend.live for pool in self.assembly.pools.values() for backend in pool.backends)

    @property
    def held(self) -> int:
        """Sessions that have failed, each of which is held for a second."""
        return sum(backend.held for pool in self.assembly.pools.values() for backend in pool.backends)

    @property
    def ends(self) -> list[Any]:
        """Our ends of the clients' connections."""
        listener: Any = self.listener
        return list(listener.sessions._alive)

    def _answered(self, called: list[Talker]) -> bool:
        try:
            called.append(Talker(self._backend.accept()[0]))
        except BlockingIOError:
            return False
        return True

    def _close(self) -> None:
        self.listener.close()
        self.listener.end_all(Draining("the test is over"))
        for talker in self.talkers:
            talker.sock.close()
        self._backend.close()
        self.lean.turn(3)
        self.assembly.alarm.stop()
        self.pipes.close()
        self.lean.__exit__()
