"""Files that lines are added to: whole, in order and once, whatever becomes of the file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from errno import EACCES, ENOSPC
from pathlib import Path

import pytest

from balancer.net.log_files import LogFile

Write = Callable[[int, bytes], int]


class Pen:
    """A log file, what it said of its failures, and what is done in its pauses, each time."""

    def __init__(self, path: Path | str) -> None:
        self.errors: list[int | None] = []
        self.pauses: list[Callable[[], object]] = []
        self.file = LogFile(str(path), failed=lambda error: self.errors.append(error.errno), pause=self._pause)

    def _pause(self) -> bool:
        if not self.pauses:
            return False
        self.pauses.pop(0)()
        return True


@pytest.fixture
def pen(tmp_path: Path) -> Iterator[Pen]:
    """A log that is open."""
    pen = Pen(tmp_path / "a.log")
    pen.file.open()
    yield pen
    pen.file.close()


class Disk:
    """Lets `room` more bytes through, then fails as a full disk does; with no limit if that is negative."""

    def __init__(self, write: Write) -> None:
        self._write, self.room = write, -1

    def write(self, descriptor: int, data: bytes) -> int:
        if not self.room:
            raise OSError(ENOSPC, "no space")
        done = self._write(descriptor, data if self.room < 0 else data[: self.room])
        self.room -= 0 if self.room < 0 else done
        return done


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """The disk that all is written to."""
    disk = Disk(os.write)
    monkeypatch.setattr(os, "write", disk.write)
    return disk


def test_lines_are_added(pen: Pen, tmp_path: Path) -> None:
    """Lines stand behind those that were there, and the file is nobody's but the owner's and the group's."""
    pen.file.write(b"one\ntwo\n")
    again = Pen(tmp_path / "a.log")
    again.file.open()
    again.file.write(b"three\n")
    pen.file.write(b"four\n")
    again.file.close()
    assert (tmp_path / "a.log").read_bytes() == b"one\ntwo\nthree\nfour\n"
    assert stat.S_IMODE((tmp_path / "a.log").stat().st_mode) & 0o137 == 0
    assert (pen.file.written, again.file.written, pen.file.lost) == (3, 1, 0)


@pytest.mark.parametrize("what", ["nowhere/a.log", ".", "pipe"])
def test_what_cannot_be_opened_is_told_at_once(tmp_path: Path, what: str) -> None:
    """A folder, a path into none and a pipe that nobody reads raise, and nothing waits for them."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"No such|Is a directory"):
        Pen(tmp_path / what).file.open()


def test_a_pipe(tmp_path: Path) -> None:
    """A pipe that is read takes lines, and is waited for while it is full."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    pen = Pen(tmp_path / "pipe")
    pen.file.open()
    pen.file.write(b"one\n")
    assert os.read(reader, 100) == b"one\n"
    assert os.get_blocking(pen.file._descriptor)  # noqa: SLF001  nothing else tells without a wait
    pen.file.close()
    pen.file.close()
    os.close(reader)


def test_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """A dash is standard output, which stays open when the log is closed, and may be opened anew."""
    pen = Pen("-")
    pen.file.open()
    pen.file.write(b"one\n")
    pen.file.reopen()
    pen.file.write(b"two\n")
    pen.file.close()
    os.write(1, b"three\n")
    assert capfd.readouterr().out == "one\ntwo\nthree\n"


def test_a_file_that_was_moved(pen: Pen, tmp_path: Path) -> None:
    """After a move lines go to the file moved, and after it was opened anew to a new one."""
    pen.file.write(b"one\n")
    (tmp_path / "a.log").rename(tmp_path / "b.log")
    pen.file.write(b"two\n")
    pen.file.reopen()
    pen.file.write(b"three\n")
    assert (tmp_path / "b.log").read_bytes() == b"one\ntwo\n"
    assert (tmp_path / "a.log").read_bytes() == b"three\n"


def test_a_path_that_cannot_be_opened_anew(pen: Pen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the path can be opened again lines go to what was open, and each batch tries."""
    (tmp_path / "a.log").rename(tmp_path / "b.log")
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", lambda *_: (_ for _ in ()).throw(OSError(EACCES, "no")))
        pen.file.reopen()
        pen.file.write(b"one\n")
    pen.file.write(b"two\n")
    assert (tmp_path / "b.log").read_bytes() == b"one\n"
    assert (tmp_path / "a.log").read_bytes() == b"two\n"
    assert pen.errors == [EACCES, EACCES]


def test_a_disk_that_fills_and_empties(pen: Pen, tmp_path: Path, disk: Disk) -> None:
    """What a full disk does not take is written once there is room, from where it was cut off."""
    disk.room = 6
    pen.pauses = [list, lambda: setattr(disk, "room", -1)]
    pen.file.write(b"one\ntwo\nthree\n")
    assert (tmp_path / "a.log").read_bytes() == b"one\ntwo\nthree\n"
    assert (pen.errors, pen.file.written, pen.file.lost) == ([ENOSPC, ENOSPC], 3, 0)


def test_a_full_disk_and_a_new_file(pen: Pen, tmp_path: Path, disk: Disk) -> None:
    """A line that was cut off in one file is written whole in the one that has taken its place."""

    def rotate() -> None:
        (tmp_path / "a.log").rename(tmp_path / "b.log")
        disk.room = -1

    disk.room = 6
    pen.pauses = [rotate]
    pen.file.write(b"one\ntwo\nthree\n")
    assert (tmp_path / "b.log").read_bytes() == b"one\ntw"
    assert (tmp_path / "a.log").read_bytes() == b"two\nthree\n"
    assert (pen.file.written, pen.file.lost) == (3, 0)


def test_what_is_given_up_is_counted(pen: Pen, tmp_path: Path, disk: Disk) -> None:
    """When there is no point in another try, lines that are not whole are lost, and counted."""
    disk.room = 6
    pen.file.write(b"one\ntwo\nthree\n")
    assert (tmp_path / "a.log").read_bytes() == b"one\ntw"
    assert (pen.file.written, pen.file.lost) == (1, 2)
