"""The queue to a log file: nobody waits for the file, no line is lost for want of patience, and what is lost counts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Event, current_thread, main_thread
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from balancer.core.deadlines import Deadlines
from balancer.net.access_log import BATCH, DELAY, MOST, AccessLog
from tests.core.virtual_time import VirtualTime

PATIENCE = 10
"""Seconds in which a thread must have done its work."""

LINE = "x" * 99
"""With its end, a hundred bytes."""


class Desk:
    """Stands for the reactor's thread: what other threads leave here is done when the test has time."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        assert current_thread() is not main_thread()
        self._calls.put(lambda: call(*arguments))

    def do_one(self) -> None:
        """Wait for the next call, and make it."""
        self._calls.get(timeout=PATIENCE)()

    def end(self, ended: Deferred[None]) -> None:
        """Make the calls up to the one with which that has ended."""
        while not ended.called:
            self.do_one()


class Scene:
    """A log on a clock that stands still, and what the operator is told of it."""

    def __init__(self, path: Path) -> None:
        self.path, self.told = path, list[str]()
        self.desk, self.clock = Desk(), VirtualTime(0.0)
        self.deadlines = Deadlines(self.clock)
        self.log = AccessLog(self.desk, self.deadlines, str(path), told=self.told.append, retry=0.001)

    def close(self) -> str:
        """Close the log; return what is in the file."""
        self.desk.end(self.log.close())
        assert len(self.deadlines) == 0
        return self.path.read_text()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A log that is open."""
    scene = Scene(tmp_path / "a.log")
    scene.log.open()
    return scene


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Lets no write begin until it is set."""
    go, write = Event(), os.write

    def held(descriptor: int, data: bytes) -> int:
        assert current_thread() is main_thread() or go.wait(PATIENCE)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", held)
    return go


def test_lines_are_written_in_order(scene: Scene) -> None:
    """Every line is in the file when the log is closed, each once and in order."""
    lines = [f"line {number} é" for number in range(10_000)]
    for line in lines:
        scene.log.add(line)
    assert scene.close().splitlines() == lines
    assert scene.log.counters() == {
        "access_log": str(scene.path),
        "written": 10_000,
        "dropped": 0,
        "failures": 0,
        "waiting_bytes": 0,
    }


def test_lines_go_together(scene: Scene, stuck: Event) -> None:
    """A line waits for others a moment, or until there are many, before the thread is woken."""
    scene.log.add(LINE)
    scene.log.add(LINE)
    assert scene.log.waiting == 0
    scene.clock.advance(2 * DELAY)
    assert scene.log.waiting == 200
    for _ in range(BATCH // 99 + 1):
        scene.log.add(LINE)
    assert scene.log.waiting == 200 + BATCH // 99 * 100 + 100
    stuck.set()
    scene.close()


def test_a_disk_that_is_too_slow(scene: Scene, stuck: Event) -> None:
    """While the file takes nothing lines are taken up to a bound; then they are dropped, counted and told of."""
    lines = 2 * MOST // 100
    for _ in range(lines):
        scene.log.add(LINE)
    counts = scene.log.counters()
    assert MOST - 2 * BATCH < counts["waiting_bytes"] <= MOST
    assert counts["dropped"] > 0
    said = f"access log {scene.path}: lines are dropped, for more of them come than are written"
    assert scene.told[:2] == [f"{said}, 1 so far", f"{said}, 2 so far"]
    stuck.set()
    assert len(scene.close().splitlines()) == scene.log.counters()["written"]
    assert scene.log.counters()["written"] + scene.log.counters()["dropped"] == lines


def test_a_file_that_fails_for_a_while(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure to write is counted and told of, and what was not written is tried again until it is."""
    fails, write = [3], os.write

    def failing(descriptor: int, data: bytes) -> int:
        if fails[0]:
            fails[0] -= 1
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", failing)
    scene.log.add(LINE)
    scene.log.flush()
    for _ in range(3):
        scene.desk.do_one()
    said = f"access log {scene.path}: No space left on device"
    assert scene.told == [f"{said}, 1 so far", f"{said}, 2 so far"]
    assert scene.log.counters()["failures"] == 3
    assert scene.close() == f"{LINE}\n"


def test_a_file_that_fails_to_the_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is closed while its file fails does not wait for better times; the lines lost are counted."""
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    for _ in range(5):
        scene.log.add(LINE)
    assert scene.close() == ""
    assert (scene.log.counters()["written"], scene.log.counters()["dropped"]) == (0, 5)


def test_a_file_that_is_moved(scene: Scene) -> None:
    """What came before the file is opened anew is in the old one, what comes after in the new one."""
    scene.log.add("one")
    moved = scene.path.with_suffix(".1")
    scene.path.rename(moved)
    scene.log.reopen()
    scene.log.add("two")
    assert scene.close() == "two\n"
    assert moved.read_text() == "one\n"


def test_a_log_that_cannot_be_opened(tmp_path: Path) -> None:
    """A path that cannot be opened is told at once, and there is nothing to wait for at the end."""
    scene = Scene(tmp_path / "nowhere" / "a.log")
    with pytest.raises(FileNotFoundError):
        scene.log.open()
    assert scene.log.close().called


def test_a_log_that_nobody_listens_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody wants to be told, failures are counted all the same."""
    clock, desk = VirtualTime(0.0), Desk()
    log: Any = AccessLog(desk, Deadlines(clock), str(tmp_path / "a.log"))
    log.open()
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    log.add(LINE)
    desk.end(log.close())
    assert log.counters()["failures"] == 1
