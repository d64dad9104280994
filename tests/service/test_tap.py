"""The door that `twist` knocks on: the command line, the signals and the exit status."""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.python.usage import UsageError

from balancer.service import Balancer
from balancer.tap import DEFAULT_REACTOR, Options, Process, makeService
from balancer.testing import MemoryNetwork

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


def parsed(twist: Twist, *arguments: str) -> Options:
    """The options of `twist balancer` with these arguments."""
    options: Any = Options()  # type: ignore[no-untyped-call]  # as untyped as Twisted's own
    options.parent = twist
    options.parseOptions(list(arguments))
    assert isinstance(options, Options)
    return options


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


def test_the_service_takes_signals(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first signal stops the reactor, every further one hurries the stop."""
    taken: dict[int, Any] = {}
    hurried: list[Balancer] = []
    monkeypatch.setattr(signal, "signal", taken.__setitem__)
    monkeypatch.setattr(Balancer, "hurry", lambda service: hurried.append(service))  # noqa: PLW0108 - a method of `list` would not be bound
    reactor = Reactor()
    service = makeService(parsed(Twist(reactor=reactor), "--config", str(conf)))
    assert set(taken) == {signal.SIGTERM, signal.SIGINT}
    taken[signal.SIGTERM](signal.SIGTERM, None)
    assert (reactor.stops, hurried) == (1, [])
    taken[signal.SIGINT](signal.SIGINT, None)
    assert (reactor.stops, hurried) == (1, [service])


def test_a_signal_while_the_reactor_stops_already(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal does not stop twice what is stopping."""
    taken: dict[int, Any] = {}
    monkeypatch.setattr(signal, "signal", taken.__setitem__)
    reactor = Reactor()
    reactor.running = False
    service: Any = SimpleNamespace()
    Process(reactor).take_signals(service)
    taken[signal.SIGINT](signal.SIGINT, None)
    assert reactor.stops == 0


def test_a_failed_start_exits_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A failed start is told in one line, the reactor stopped, and the status is 1 in the end."""
    last: list[Any] = []
    statuses: list[int] = []
    monkeypatch.setattr(atexit, "register", lambda *call: last.append(call))
    monkeypatch.setattr(os, "_exit", statuses.append)
    reactor = Reactor()
    Process(reactor).fail("no port")
    assert capsys.readouterr().err == "balancer: no port\n"
    assert reactor.stops == 1
    ((leave, *arguments),) = last
    leave(*arguments)
    assert statuses == [1]
