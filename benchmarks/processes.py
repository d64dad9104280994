"""Programs under measurement: started on a core of their own, what they used of it, and their end.

The time of a program is that of all its processes and threads, from Linux's `/proc`: nanoseconds from `schedstat`, and
ticks from `stat` for how they divide between user and system. Refuses to know what the programs do.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import attrs

PATIENCE = 5.0
"""Seconds that a program has to end when asked to."""


@attrs.frozen
class Usage:
    """What a program has used of the processor: nanoseconds in all; ticks in user and in system mode."""

    total: int = 0
    user: int = 0
    system: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.total + other.total, self.user + other.user, self.system + other.system)

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.total - other.total, self.user - other.user, self.system - other.system)


def stat_fields(text: str) -> list[str]:
    """The fields of `/proc/PID/stat` behind the name, which may hold anything: the state is 0, the parent is 1."""
    return text[text.rindex(")") + 2 :].split()


def usage_of(pid: int) -> Usage:
    """The usage of one process and its threads; nothing when it is gone."""
    folder = Path(f"/proc/{pid}")
    try:
        fields = stat_fields((folder / "stat").read_text())
        total = sum(int(task.read_text().split()[0]) for task in folder.glob("task/*/schedstat"))
    except (FileNotFoundError, ProcessLookupError):
        return Usage()
    return Usage(total, int(fields[11]), int(fields[12]))


def children_of(parent: int) -> Iterator[int]:
    """The processes that a process started and that still live."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat_fields(stat.read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent:
            yield int(stat.parent.name)


class Program:
    """A program on one core, from its start to the end of the `with` block. Its children count as part of it.

    It runs in a session of its own, so that Ctrl-C reaches the measurement alone; with `lines` its standard input and
    output are pipes to `tell` and `line`, else its output goes to `log`.
    """

    def __init__(self, command: Sequence[str], core: int, *, log: Path | None = None) -> None:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})  # the child inherits it
        try:
            self._process = self._start(command, log)
        finally:
            os.sched_setaffinity(0, before)

    @staticmethod
    def _start(command: Sequence[str], log: Path | None) -> subprocess.Popen[str]:
        if log is None:
            pipe = subprocess.PIPE
            return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
        with log.open("w") as output:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, text=True, start_new_session=True
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its number, for `/proc`."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.poll()

    def ask(self) -> str:
        """Send a line and return the one that comes back, which is empty when the program has ended."""
        try:
            self._pipe(self._process.stdin).write("\n")
            self._pipe(self._process.stdin).flush()
        except BrokenPipeError:
            return ""
        return self.line()

    def line(self) -> str:
        """The next line of its output; empty when the program has ended."""
        return self._pipe(self._process.stdout).readline()

    def usage(self) -> Usage:
        """What it has used so far."""
        return sum(map(usage_of, [self._process.pid, *children_of(self._process.pid)]), Usage())

    def stop(self, patience: float = PATIENCE) -> None:
        """End it: by the end of its input, else by SIGTERM, and by SIGKILL after so many seconds."""
        if self._process.stdin is None:
            self._process.terminate()
        try:
            self._process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None, "a program with a log has no pipes"
        return pipe
