"""The door that `twist` knocks on: the command line, the signals and the exit status."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.application.reactors import getReactorTypes
from twisted.logger import formatEvent
from twisted.python.usage import UsageError

from balancer.service import Balancer
from balancer.tap import DEFAULT_REACTOR, Options, makeService
from balancer.testing import MemoryNetwork
from tests.net.house import listening

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP}

CONFIG = """
from balancer import Config, Pool, TCPListener
config = Config([TCPListener("tcp:8080", pool=Pool("p", backends=["127.0.0.1:9001"]))])
"""


class Twist(dict[str, Any]):
    """The options of `twist`, as far as they matter here."""

    def __init__(self, **given: Any) -> None:
        super().__init__(given)
        self.installed: list[str] = []

    def installReactor(self, name: str) -> str:
        self.installed.append(name)
        return f"the {name} reactor"


class Reactor(MemoryNetwork):
    """A reactor that runs, until it is told to stop; `stops` counts that."""

    running = True
    stops = 0

    def stop(self) -> None:
        self.running = False
        self.stops += 1

    def callFromThread(self, call: Callable[..., object], *args: object) -> None:
        call(*args)

    def installNameResolver(self, _: object) -> None:
        pass


def parsed(twist: Twist, *arguments: str) -> Options:
    """The options of `twist balancer` with these arguments."""
    options: Any = Options()  # type: ignore[no-untyped-call]  # as untyped as Twisted's own
    options.parent = twist
    options.parseOptions(list(arguments))
    assert isinstance(options, Options)
    return options


class System:
    """The system, as far as signals and the end of the process go; `held` are the signals that are blocked."""

    def __init__(self) -> None:
        self.taken: dict[int, Any] = {}
        self.held: set[int] = set()
        self.statuses: list[int] = []

    def mask(self, how: int, numbers: Iterable[int]) -> None:
        self.held = self.held | set(numbers) if how == signal.SIG_BLOCK else self.held - set(numbers)

    def send(self, number: int) -> None:
        """Send a signal."""
        self.taken[number](number, None)


@pytest.fixture(autouse=True)
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    """Keeps the real signals, and the real end, out of these tests."""
    system = System()
    monkeypatch.setattr(signal, "signal", system.taken.__setitem__)
    monkeypatch.setattr(signal, "pthread_sigmask", system.mask)
    monkeypatch.setattr(os, "_exit", system.statuses.append)
    return system


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A config file."""
    path = tmp_path / "conf.py"
    path.write_text(CONFIG)
    return path


def test_a_config_is_required() -> None:
    """Without --config the usage says what to write."""
    with pytest.raises(UsageError, match=r"write: twist balancer --config conf\.py"):
        parsed(Twist())


def test_the_config_is_loaded_with_the_reactor_installed(conf: Path) -> None:
    """The default reactor is installed unless one was named, and then the config is loaded."""
    for twist, expected in ((Twist(), [DEFAULT_REACTOR]), (Twist(reactor=object()), [])):
        options = parsed(twist, "--config", str(conf))
        assert twist.installed == expected
        assert [listener.endpoint for listener in options.config.listeners] == ["tcp:8080"]


def test_mistakes_exit_64(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong config exits with status 64 and a line for each mistake, and no usage."""
    conf.write_text(CONFIG.replace('"tcp:8080"', '"tcp:x"').replace("127.0.0.1:9001", "nowhere"))
    with pytest.raises(SystemExit) as caught:
        parsed(Twist(), "--config", str(conf))
    assert caught.value.code == 64
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "Usage" not in "".join(lines)


def test_an_interrupted_config(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A config that is interrupted is told in a word, with the status that shells know."""
    conf.write_text("raise KeyboardInterrupt")
    with pytest.raises(SystemExit) as caught:
        parsed(Twist(), "--config", str(conf))
    assert caught.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def started(conf: Path, reactor: Reactor) -> Balancer:
    """The service that this reactor runs, or is going to."""
    return makeService(parsed(Twist(reactor=reactor), "--config", str(conf)))


def test_signals_before_the_start(conf: Path, system: System, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the reactor runs a signal to end is obeyed at once, with status 0, and others do nothing."""
    parsed(Twist(), "--config", str(conf))
    system.send(signal.SIGHUP)
    system.send(signal.SIGUSR1)
    assert (system.statuses, capsys.readouterr().err) == ([], "")
    system.send(signal.SIGTERM)
    assert (system.statuses, capsys.readouterr().err) == ([0], "balancer: ended before it had started\n")


def test_no_signal_is_the_reactors(conf: Path, system: System) -> None:
    """While the reactor starts, signals are held back; what it has made of them is undone before they are let go."""
    reactor = Reactor()
    waiting: list[Callable[[], object]] = []
    reactor.callWhenRunning = lambda call, *args: waiting.append(partial(call, *args))  # type: ignore[method-assign]  # not yet
    started(conf, reactor)
    assert system.held == {signal.SIGTERM, signal.SIGINT}
    system.taken.clear()
    waiting[0]()
    assert (set(system.taken), system.held) == (SIGNALS, set())


def test_the_service_takes_signals(conf: Path, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first signal stops the reactor, every further one hurries the stop."""
    hurried: list[Balancer] = []
    monkeypatch.setattr(Balancer, "hurry", lambda service: hurried.append(service))  # noqa: PLW0108 - a method of `list` would not be bound
    reactor = Reactor()
    service = started(conf, reactor)
    system.send(signal.SIGTERM)
    assert (reactor.stops, hurried) == (1, [])
    system.send(signal.SIGINT)
    assert (reactor.stops, hurried) == (1, [service])


def test_certificates_are_read_anew(conf: Path, system: System) -> None:
    """SIGHUP has certificates read anew, of which there may be none, and neither drains nor hurries."""
    reactor = Reactor()
    started(conf, reactor)
    with listening() as events:
        system.send(signal.SIGHUP)
    assert [formatEvent(event) for event in events] == ["nothing to read anew: there are no certificates"]
    assert reactor.stops == 0


def test_logs_are_opened_anew(conf: Path, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGUSR1 has the service open its access logs anew, and neither drains nor hurries."""
    opened: list[Balancer] = []
    monkeypatch.setattr(Balancer, "reopen_logs", lambda service: opened.append(service))  # noqa: PLW0108 - a method of `list` would not be bound
    reactor = Reactor()
    service = started(conf, reactor)
    system.send(signal.SIGUSR1)
    assert (opened, reactor.stops) == ([service], 0)


def test_a_signal_while_the_reactor_stops_already(conf: Path, system: System) -> None:
    """A signal does not stop twice what is stopping."""
    reactor = Reactor()
    started(conf, reactor)
    reactor.running = False
    system.send(signal.SIGINT)
    assert reactor.stops == 0


def test_what_is_there_from_the_start_is_not_collected_again(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it has started, and not before, what is there is hidden from the garbage collector, which looks seldom."""
    done: list[str] = []
    monkeypatch.setattr(gc, "freeze", lambda: done.append("frozen"))
    monkeypatch.setattr(gc, "set_threshold", lambda young: done.append(f"every {young}"))
    service = started(conf, Reactor())
    assert done == []
    service.startService()
    assert done == ["frozen", "every 10000"]


def test_the_lean_reactor_is_the_default_where_there_is_epoll() -> None:
    """On Linux that is what runs without a choice, and Twisted knows it by that name."""
    installers = {found.shortName for found in getReactorTypes()}
    assert ("balancer" if sys.platform == "linux" else "default") == DEFAULT_REACTOR
    assert DEFAULT_REACTOR in installers


def test_a_failed_start_exits_1(
    conf: Path, system: System, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failed start is told in one line, the reactor stopped, and the status is 1 in the end."""
    last: list[Callable[[], object]] = []
    monkeypatch.setattr(atexit, "register", lambda call, *args: last.append(partial(call, *args)))
    reactor = Reactor()
    reactor.ports[8080] = None  # type: ignore[assignment]  # taken, by whomever
    started(conf, reactor).startService()
    assert "cannot listen: address already in use" in capsys.readouterr().err
    assert reactor.stops == 1
    last[0]()
    assert system.statuses == [1]


def test_the_status_is_given_whatever_else_fails(conf: Path, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """An output that cannot be written does not change the status."""
    parsed(Twist(), "--config", str(conf))
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(AttributeError):
        system.send(signal.SIGTERM)
    assert system.statuses == [0]
