"""Backends that die, hang and fail under load, with nobody checking them: how sessions end has to be enough."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import pytest

from tests.system.askers import Client, progress
from tests.system.process import HOST, LEAN, STOCK, Site
from tests.system.programs import Program

pytestmark = pytest.mark.system

ORIGIN = Path(__file__).with_name("origin.py")
CLIENTS, ROW = 4, 3
POOL = f"""
    ejection=Ejection(failures={ROW}, gateway_errors={ROW}, local_errors={ROW}, time=0.5, longest=2, jitter=0),
    attempts=1, response_timeout=1.5,
"""


class Origin:
    """A backend that can be made to fail in any way, and to recover."""

    def __init__(self, stack: ExitStack, log: Path) -> None:
        self._stack, self._log = stack, log
        self._running = self._start("0")
        self.port = int(self._running.line())

    def _start(self, port: str) -> Program:
        return self._stack.enter_context(Program(sys.executable, str(ORIGIN), str(self._log), port))

    def killed(self, site: Site) -> None:
        """It dies, and another takes its place when it was tried out in vain."""
        self._running.kill()
        self._ejected_twice(site)
        self._running = self._start(str(self.port))

    def hung(self, site: Site) -> None:
        """It does nothing until it was tried out in vain."""
        self._running.signal(signal.SIGSTOP)
        self._ejected_twice(site)
        self._running.signal(signal.SIGCONT)

    def failing(self, site: Site) -> None:
        """It answers 500, and that at once, until it was tried out in vain."""
        self._running.signal(signal.SIGUSR2)
        self._ejected_twice(site)
        self._running.signal(signal.SIGUSR2)

    def _ejected_twice(self, site: Site) -> None:
        for why in (f"{ROW} consecutive", "it failed while it was tried out"):
            site.says(f"backend '{HOST}:{self.port}' is ejected: {why}")


@pytest.fixture(params=[LEAN, STOCK], ids=["lean", "stock"])
def origins(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[list[Origin], Site]]:
    """Three backends, and a balancer in front of them that makes no second try."""
    with ExitStack() as stack:
        behind = [Origin(stack, tmp_path / "log") for _ in range(3)]
        ports = [one.port for one in behind]
        yield behind, stack.enter_context(Site(tmp_path, *ports, twist=request.param, pool=POOL))


def test_no_more_fails_than_it_takes_to_notice(origins: tuple[list[Origin], Site]) -> None:
    """Killed, hung and failing, a backend costs a row of failures, what was on it by then, and one for each trial.

    Each client has one request at a time, so that with the one that fills the row at most one of each other is lost.
    """
    behind, site = origins
    over = Event()
    clients = [Client(site, f"r{number}", "GET", over) for number in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as threads:
        running = [threads.submit(client.run) for client in clients]
        try:
            for one, fate in zip(behind, (Origin.killed, Origin.hung, Origin.failing), strict=True):
                progress(clients)
                site.out = ""
                lost = sum(len(client.failures) for client in clients)
                fate(one, site)
                site.says(f"backend '{HOST}:{one.port}' is back")
                progress(clients)
                trials = site.out.count("is ejected: it failed while it was tried out")
                lost = sum(len(client.failures) for client in clients) - lost
                assert ROW <= lost <= ROW + CLIENTS - 1 + trials
        finally:
            over.set()
        for done in running:
            done.result()
