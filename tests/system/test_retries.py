"""A backend that is killed while connections come, hundreds a second: none is lost that could have gone elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from tests.system.process import LEAN, STOCK, Front
from tests.system.programs import PATIENCE, Program

pytestmark = pytest.mark.system

PEERS = Path(__file__).with_name("peers.py")
CLIENTS = 4
BEFORE, AFTER = 200, 400
"""Connections of each client before the backend is killed, and after; at some 1,000 a second in all."""


@contextmanager
def balanced(folder: Path, twist: tuple[str, ...]) -> Iterator[tuple[Front, Program]]:
    """A balancer in front of three, which does not probe them, and one of these."""
    with ExitStack() as stack:
        backends = [stack.enter_context(Program(sys.executable, str(PEERS), "echo")) for _ in range(3)]
        ports = [int(backend.line()) for backend in backends]
        yield stack.enter_context(Front(folder, *ports, twist=twist)), backends[1]


def exchanged(front: Front, question: bytes) -> bool:
    """Whether a new connection brings the right answer."""
    try:
        with front.client() as client:
            client.sendall(question)
            return client.recv(100) == question
    except ConnectionError:
        return False


class Client:
    """Connects again and again; `failures` tells of each failure whether it began after the kill."""

    def __init__(self, front: Front, killed: Event) -> None:
        self.ready = Event()
        self.failures: list[bool] = []
        self._front, self._killed = front, killed

    def run(self) -> None:
        """So often before the kill, until it, and so often after it."""
        after = 0
        for number in count():
            killed = self._killed.is_set()
            after += killed
            if not exchanged(self._front, b"number %d" % number):
                self.failures.append(killed)
            if number == BEFORE:
                self.ready.set()
            if after == AFTER:
                return


@pytest.mark.parametrize("twist", [LEAN, STOCK], ids=["lean", "stock"])
def test_a_backend_is_killed(tmp_path: Path, twist: tuple[str, ...]) -> None:
    """Only connections that stood when their backend was killed are lost; every later one is served elsewhere."""
    killed = Event()
    with balanced(tmp_path, twist) as (front, backend), ThreadPoolExecutor(CLIENTS) as threads, ExitStack() as stack:
        stack.callback(killed.set)  # whatever happens, they come to an end
        clients = [Client(front, killed) for _ in range(CLIENTS)]
        running = [threads.submit(client.run) for client in clients]
        assert all(client.ready.wait(PATIENCE) for client in clients)
        assert [client.failures for client in clients] == [[]] * CLIENTS
        backend.kill()
        killed.set()
        for one in running:
            one.result()
    failures = [failure for client in clients for failure in client.failures]
    assert failures.count(True) == 0
    assert len(failures) <= 4 * CLIENTS
