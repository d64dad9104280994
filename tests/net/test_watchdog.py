"""The watchdog: it names whoever holds up the loop, once, and nobody else."""

# ruff: noqa: SLF001  looks inside what it tests

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import twisted
from twisted.logger import LogEvent, Logger, formatEvent

import balancer
from balancer.net.watchdog import STALL, Watchdog
from tests.net.house import listening

WATCHED = "watched"
CONF = "/srv/conf.py"
INSTALLED = f"{sysconfig.get_path('purelib')}/policy.py"
STDLIB = f"{sysconfig.get_path('stdlib')}/json.py"


class Loop:
    """A reactor, as far as a watchdog sees it: turns, seconds, and calls through `mainLoop` and `doPoll`."""

    def __init__(self) -> None:
        self.turns, self.now = 1, 100.0
        self.watchdog = Watchdog(self)
        self.watchdog._log = Logger(WATCHED)

    def seconds(self) -> float:
        return self.now

    def mainLoop(self, run: Callable[[], None]) -> None:
        run()

    def doPoll(self, run: Callable[[], None]) -> None:
        run()

    def look(self, seconds: float = 0.0, files: tuple[str, ...] = (CONF,)) -> None:
        """After so many seconds the loop runs a function of each file, each called by the one before."""
        self.now += seconds
        self.mainLoop(nested(self._look, files))

    def look_at_sleep(self, seconds: float) -> None:
        """After so many seconds the loop sleeps."""
        self.now += seconds
        self.mainLoop(lambda: self.doPoll(self._look))

    def _look(self) -> None:
        self.watchdog.look(sys._getframe(1))


def nested(run: Callable[[], None], files: tuple[str, ...]) -> Callable[[], None]:
    """A function of the first file, which calls one of the next, and the last one `run`."""
    for file in reversed(files):
        names: dict[str, Any] = {"run": run}
        exec(compile("def pick(): run()", file, "exec"), names)  # noqa: S102  code of a file of that name
        run = names["pick"]
    return run


@pytest.fixture
def loop() -> Loop:
    """A loop that has just been looked at."""
    loop = Loop()
    loop.look()
    return loop


@pytest.fixture
def said() -> Iterator[Callable[[], list[str]]]:
    """What the operator was told, as text, by our own watchdogs; the reactor that runs the tests may have one, too."""
    events: list[LogEvent]
    with listening() as events:
        yield lambda: [formatEvent(event) for event in events if event["log_logger"].namespace == WATCHED]


def test_a_stall_is_told_once_and_its_end(loop: Loop, said: Callable[[], list[str]]) -> None:
    """A turn seen to last is told of with the user's line, once, and then how long it was."""
    loop.look(STALL + 0.05)
    loop.look(0.5)
    loop.turns += 1
    loop.look(0.05)
    first, last = said()
    assert first.startswith(f"the loop stands still, for 0.15 s so far, in {CONF}:1 in pick; innermost calls: {CONF}:1")
    assert last == "the loop goes on, after 0.70 s"


def test_a_stall_that_ends_in_sleep_has_ended(loop: Loop, said: Callable[[], list[str]]) -> None:
    """When the loop sleeps at last, in the same turn, it goes on; and its sleep is no stall."""
    loop.look(0.2)
    loop.look_at_sleep(0.1)
    loop.look_at_sleep(60)
    loop.look(0.05)
    assert [text[:14] for text in said()] == ["the loop stand", "the loop goes "]


def test_a_busy_loop_is_no_stall(loop: Loop, said: Callable[[], list[str]]) -> None:
    """While turns go by, and until one has lasted long enough, nothing is told."""
    for _ in range(5):
        loop.turns += 1
        loop.look(0.3)
    loop.look(STALL - 0.01)
    assert said() == []


def test_a_loop_that_was_left_is_no_stall(loop: Loop, said: Callable[[], list[str]]) -> None:
    """A thread that is outside of the loop, as under a test runner that keeps it in a greenlet, holds up nobody."""
    loop.now += 60
    nested(loop._look, (CONF,))()
    loop.watchdog.look(None)
    assert said() == []


@pytest.mark.parametrize(
    ("files", "culprit"),
    [
        ((f"{twisted.__path__[0]}/x.py", CONF, f"{balancer.__path__[0]}/net/__init__.py", STDLIB), CONF),
        ((CONF, "/srv/inner.py", STDLIB), "/srv/inner.py"),
        ((CONF, INSTALLED), CONF),
        ((INSTALLED, STDLIB), INSTALLED),
        ((STDLIB, f"{balancer.__path__[0]}/net/__init__.py", "<frozen os>"), STDLIB),
    ],
)
def test_the_users_own_code_is_named(
    loop: Loop, said: Callable[[], list[str]], files: tuple[str, ...], culprit: str
) -> None:
    """Named is the innermost call of the user's own, else of an installed package, else of a library."""
    loop.look(1, files)
    calls = ", ".join(f"{file}:1 in pick" for file in files[::-1])
    assert said() == [f"the loop stands still, for 1.00 s so far, in {culprit}:1 in pick; innermost calls: {calls}"]


PROGRAM = """
import sys
from twisted.logger import globalLogBeginner, textFileLogObserver
globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
from balancer.net.reactor import BalancerReactor
def endless():
    while True:
        pass
reactor = BalancerReactor()
reactor.callLater(0, endless)
reactor.run()
"""


def test_what_never_returns_is_named() -> None:
    """A callback that does not return, and lets nobody else run, is named while it runs."""
    with subprocess.Popen([sys.executable, "-u", "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.kill()
    assert "the loop stands still" in line
    assert "in endless; innermost calls: <string>:" in line


def test_it_stops_with_the_loop(said: Callable[[], list[str]]) -> None:
    """Once stopped, it looks no more."""
    watchdog = Loop().watchdog
    watchdog.stop()
    watchdog.start()
    watchdog._watch()
    assert said() == []
