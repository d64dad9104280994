"""Backends that are killed, hang, or reset their connections under load: no GET fails, and no POST happens twice."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import pytest

from tests.system.askers import Client, progress
from tests.system.process import LEAN, STOCK, Site
from tests.system.programs import Program

pytestmark = pytest.mark.system

ORIGIN = Path(__file__).with_name("origin.py")
READERS, WRITERS = 4, 2
POOL = """
    health=Health(HTTPCheck("/healthz"), every=0.2, timeout=0.5, rise=1, fall=1), on_down="cut",
    connect_timeout=1, response_timeout=20, attempts=4,
"""


class Origins:
    """Three backends, each of which can be made to fail and to recover."""

    def __init__(self, stack: ExitStack, log: Path) -> None:
        self.log = log
        self._stack = stack
        self._running = [self._start("0") for _ in range(3)]
        self.ports = [int(one.line()) for one in self._running]

    def _start(self, port: str) -> Program:
        return self._stack.enter_context(Program(sys.executable, str(ORIGIN), str(self.log), port))

    def killed(self, number: int, site: Site) -> None:
        """It dies, and another takes its place once that is known."""
        self._running[number].kill()
        site.says(f"127.0.0.1:{self.ports[number]}' is down")
        self._running[number] = self._start(str(self.ports[number]))
        self._running[number].line()
        site.says(f"127.0.0.1:{self.ports[number]}' is up")

    def hung(self, number: int, site: Site) -> None:
        """It does nothing for a while."""
        self._running[number].signal(signal.SIGSTOP)
        site.says(f"127.0.0.1:{self.ports[number]}' is down")
        self._running[number].signal(signal.SIGCONT)
        site.says(f"127.0.0.1:{self.ports[number]}' is up")

    def reset(self, number: int, site: Site) -> None:
        """It resets all its connections."""
        self._running[number].signal(signal.SIGUSR1)

    def done(self) -> Counter[str]:
        """How often each request reached one of them."""
        return Counter(self.log.read_text().splitlines())


@pytest.fixture(params=[LEAN, STOCK], ids=["lean", "stock"])
def origins(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Origins, Site]]:
    """Three backends, and a balancer in front of them that has seen all of them well."""
    with ExitStack() as stack:
        behind = Origins(stack, tmp_path / "log")
        site = stack.enter_context(Site(tmp_path, *behind.ports, twist=request.param, pool=POOL))
        yield behind, site


@pytest.mark.parametrize("fate", [Origins.killed, Origins.hung, Origins.reset])
def test_backends_fail_under_load(
    origins: tuple[Origins, Site], fate: Callable[[Origins, int, Site], None], full: bool
) -> None:
    """While one backend after the other fails every GET is answered; a POST may fail, and is never done twice."""
    behind, site = origins
    over, rounds = Event(), 30 if full else 3
    readers = [Client(site, f"r{number}", "GET", over) for number in range(READERS)]
    writers = [Client(site, f"w{number}", "POST", over) for number in range(WRITERS)]
    with ThreadPoolExecutor(READERS + WRITERS) as threads:
        running = [threads.submit(client.run) for client in (*readers, *writers)]
        try:
            for number in range(rounds):
                progress([*readers, *writers])
                site.out = ""
                fate(behind, number % 3, site)
            progress([*readers, *writers])
        finally:
            over.set()
        for one in running:
            one.result()
    done = behind.done()
    assert [client.failures for client in readers] == [[]] * READERS
    for writer in writers:
        assert len(writer.failures) <= rounds
        assert all(done[asked] == 1 for asked in writer.asked if asked not in writer.failures)
        assert all(done[asked] <= 1 for asked in writer.failures)
