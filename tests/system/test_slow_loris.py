"""Clients that send a byte now and then, hundreds of them: nobody else waits for them, and they end in time."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Event

import pytest

from tests.system.process import HOST, LEAN, STOCK, Site
from tests.system.programs import PATIENCE, Cost, Program

pytestmark = pytest.mark.system

ORIGIN = Path(__file__).with_name("origin.py")
HEAD = b"GET /never HTTP/1.1\r\nhost: site\r\nx-slow: "
BODY = b"POST /never HTTP/1.1\r\nhost: site\r\ncontent-length: 100000\r\n\r\n"
HEADS, BODIES = 500, 100
SETTINGS = "request_timeout=3, body_timeout=3"
OTHERS = 50
"""Requests of others, at the least, that are answered meanwhile."""
BYTES, PAUSE = 15, 0.2
"""How many bytes each trickles, and the seconds between two: in all as long as a head may take."""
PROMPT = 1.0
"""Seconds within which everybody else is answered meanwhile."""
TOGETHER = 32
"""Connections at once on their way, fewer than a listener's backlog."""


class Loris:
    """So many clients that have said that, and go on a byte at a time."""

    def __init__(self, site: Site, said: bytes, count: int) -> None:
        self._socks = [socket.create_connection((HOST, site.port), PATIENCE) for _ in range(count)]
        for sock in self._socks:
            sock.sendall(said)

    def trickle(self) -> None:
        """Send so many bytes on each, and then no more."""
        pause = Event()
        for _ in range(BYTES):
            for sock in self._socks:
                with suppress(OSError):
                    sock.send(b"a")
            pause.wait(PAUSE)

    def ends(self) -> list[bytes]:
        """What each was answered before its connection ended."""
        return [self._end(sock) for sock in self._socks]

    def _end(self, sock: socket.socket) -> bytes:
        heard = b""
        with sock, suppress(ConnectionError):
            while data := sock.recv(1000):
                heard += data
        return heard


@contextmanager
def served(folder: Path, twist: tuple[str, ...]) -> Iterator[Site]:
    """A balancer in front of a backend."""
    with ExitStack() as stack:
        origin = stack.enter_context(Program(sys.executable, str(ORIGIN), str(folder / "log")))
        yield stack.enter_context(Site(folder, int(origin.line()), twist=twist, descriptors=4000, http=SETTINGS))


def asking(site: Site, over: Event) -> int:
    """How many requests were answered, each on a connection of its own and soon, until it is over."""
    count = 0
    while not over.is_set():
        client = HTTPConnection(HOST, site.port, timeout=PROMPT)
        client.request("GET", f"/{count}")
        assert client.getresponse().read() == b"%d" % count
        client.close()
        count += 1
    return count


@pytest.mark.parametrize("twist", [LEAN, STOCK], ids=["lean", "stock"])
def test_slow_clients(tmp_path: Path, twist: tuple[str, ...]) -> None:
    """Slow heads and bodies end with a 408 when their time is up, and until then others are answered promptly."""
    over = Event()
    with served(tmp_path, twist) as site, ThreadPoolExecutor(3) as threads:
        cost = Cost(site.pid)
        before = cost.descriptors()
        slow = [Loris(site, HEAD, HEADS), Loris(site, BODY, BODIES)]
        others = threads.submit(asking, site, over)
        try:
            for trickling in [threads.submit(one.trickle) for one in slow]:
                trickling.result()
            ends = [end for one in slow for end in one.ends()]
        finally:
            over.set()
        assert others.result() >= OTHERS
        assert [end for end in ends if not end.startswith(b"HTTP/1.1 408 ")] == []
        assert cost.descriptors() <= before + TOGETHER
        assert "/never" not in (tmp_path / "log").read_text().replace("POST /never", "")
