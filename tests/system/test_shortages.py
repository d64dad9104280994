"""A balancer that has run out of something, as a process of its own: it stays small, calm and ready to go on."""

from __future__ import annotations

import hashlib
import resource
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.system.pouring import MEBIBYTE, Pouring
from tests.system.process import HOST, LEAN, STOCK, Front
from tests.system.programs import PATIENCE, Cost, Program

pytestmark = pytest.mark.system

PEERS = Path(__file__).with_name("peers.py")


@pytest.mark.parametrize("twist", [LEAN, STOCK], ids=["lean", "stock"])
def test_a_client_that_reads_nothing(tmp_path: Path, twist: tuple[str, ...], full: bool) -> None:
    """The balancer keeps no more than a few MiB of what waits for a client; once that reads, every byte arrives."""
    with (
        socket.create_server((HOST, 0)) as listening,
        Front(tmp_path, listening.getsockname()[1], twist=twist) as front,
        front.client() as client,
        ThreadPoolExecutor() as threads,
    ):
        cost = Cost(front.pid)
        pouring = Pouring(listening.accept()[0], 1024 if full else 64)
        before = most = cost.memory()
        sent = threads.submit(pouring.run)
        assert pouring.held.wait(PATIENCE)
        summed = hashlib.sha256()
        while data := client.recv(MEBIBYTE):
            summed.update(data)
            most = max(most, cost.memory())
        assert summed.hexdigest() == sent.result()
        assert most - before <= 4 * MEBIBYTE


@contextmanager
def echoing(folder: Path, *, descriptors: int) -> Iterator[Front]:
    """A balancer in front of an echo, which may have so many descriptors."""
    with ExitStack() as stack:
        backend = stack.enter_context(Program(sys.executable, str(PEERS), "echo"))
        yield stack.enter_context(Front(folder, int(backend.line()), descriptors=descriptors))


def served(client: socket.socket) -> bool:
    """Whether what a client has asked is answered, or it is turned away; one of both happens in time."""
    try:
        return client.recv(100) == b"anyone?"
    except ConnectionError:
        return False


def asked(front: Front) -> socket.socket:
    """A client that has asked, unless it was turned away already."""
    client = front.client()
    with suppress(ConnectionError):
        client.sendall(b"anyone?")
    return client


def leave(client: socket.socket) -> None:
    """Part in order: it is over for the balancer too when this returns."""
    client.shutdown(socket.SHUT_WR)
    assert client.recv(100) == b""
    client.close()


def crowd(front: Front, count: int) -> None:
    """So many at once: some are served, others turned away, at little cost; when those leave there is room again."""
    cost = Cost(front.pid)
    clients = [asked(front) for _ in range(count)]
    before = cost.processor()
    answered = [client for client in clients if served(client)]
    assert 0 < len(answered) < count
    assert cost.processor() - before < 1
    assert cost.over(1) < 0.1
    for client in clients:
        if client in answered:
            leave(client)
        else:
            client.close()
    with asked(front) as client:
        assert served(client)


def test_no_room(tmp_path: Path) -> None:
    """Sessions beyond what the descriptors allow are refused, calmly, and there is room when others have left."""
    with echoing(tmp_path, descriptors=128) as front:
        crowd(front, 200)
        crowd(front, 200)


def test_no_descriptors(tmp_path: Path) -> None:
    """A process without descriptors turns clients away, does not spin, and serves again once it has some."""
    with echoing(tmp_path, descriptors=4096) as front:
        few = Cost(front.pid).descriptors() + 21
        resource.prlimit(front.pid, resource.RLIMIT_NOFILE, (few, few))
        crowd(front, 100)
        crowd(front, 100)
