"""Thousands of clients that are none: what they cost comes back, and others are served meanwhile."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from threading import Event

import pytest

from tests.net.lean import reset
from tests.net.tls.talking import Manner, Talker
from tests.system.process import HOST, LEAN, STOCK
from tests.system.programs import PATIENCE, Cost, Program
from tests.system.secured import NAME, SecureSite, Trust, asked

pytestmark = pytest.mark.system

ORIGIN = Path(__file__).with_name("origin.py")
KEPT = 4 << 20
"""Bytes that it may have in use beyond what it had: what so many at once once took, and nothing of each."""
CROWD = 16
"""Clients at once."""
SETTINGS = "handshake_timeout=0.5"


@contextmanager
def served(folder: Path, twist: tuple[str, ...]) -> Iterator[SecureSite]:
    """A site that bears with a handshake for half a second."""
    with ExitStack() as stack:
        origin = stack.enter_context(Program(sys.executable, str(ORIGIN), str(folder / "log")))
        trust = Trust(folder)
        yield stack.enter_context(SecureSite(folder, trust, int(origin.line()), twist=twist, tls=SETTINGS))


def misbehave(port: int, seed: int) -> None:
    """Be one bad client: break off, stall, or send something else, at some step; end in any way."""
    random, talker = Random(seed), Talker(NAME, Manner(version(seed)))
    hello = talker.begin()
    with socket.create_connection((HOST, port), PATIENCE) as sock, suppress(OSError):
        whole = random.random() < 0.5
        sock.sendall(hello if whole else hello[: random.randrange(len(hello))])
        if whole:
            talker.feed(sock.recv(1 << 16))
            sock.sendall(talker.take()[:-1][: random.randrange(100)])
        if random.random() < 0.5:
            sock.sendall(random.randbytes(random.choice([1, 5, 100, 5000])))
        if random.random() < 0.1:
            sock.settimeout(PATIENCE)
            while sock.recv(1 << 16):
                pass
        if random.random() < 0.5:
            reset(sock)


def version(seed: int) -> str:
    """One for each seed."""
    return "1.2" if seed % 2 else "1.3"


def rests(cost: Cost, sockets: int) -> bool:
    """Whether the balancer comes to have no more sockets than that."""
    pause = Event()
    return any(cost.sockets() <= sockets or pause.wait(0.05) for _ in range(int(PATIENCE / 0.05)))


@pytest.mark.parametrize("twist", [LEAN, STOCK], ids=["lean", "stock"])
def test_bad_clients(tmp_path: Path, twist: tuple[str, ...], full: bool) -> None:
    """After ten thousand of them, or hundreds in short, the balancer has in use what it had; others are served."""
    count = 10_000 if full else 300
    with served(tmp_path, twist) as site, ThreadPoolExecutor(CROWD) as threads:
        cost = Cost(site.pid)
        assert b"hello" in asked(site.client(), "/hello")
        list(threads.map(lambda seed: misbehave(site.port, seed), range(200)))
        before, sockets = cost.memory(), cost.sockets()
        for begun in range(200, 200 + count, 100):
            list(threads.map(lambda seed: misbehave(site.port, seed), range(begun, begun + 100)))
            assert b"hello" in asked(site.client(), "/hello")
        assert rests(cost, sockets)
        assert cost.memory() - before <= KEPT
