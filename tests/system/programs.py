"""Any program as a child of a test: what it says, what it costs, and its end; knows nothing of what it does."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Self

import attrs

PATIENCE = 20.0
"""Seconds in which whatever a process is to do is done."""

PAGE = os.sysconf("SC_PAGE_SIZE")


class Program:
    """A program, running; ended with the `with` block whatever happens.

    Its standard error is part of what it says, unless `apart`. It is ended by the signal `ended_by`, and if that does
    not do, killed. Of what it says after the last thing waited for, a pipe's length is kept, so it had better be brief.
    """

    def __init__(self, *command: str, apart: bool = False, ended_by: signal.Signals = signal.SIGTERM) -> None:
        pipe = subprocess.PIPE
        self._ended_by = ended_by
        self._process = subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe if apart else subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
        )
        self.out = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(self._ended_by)
        try:
            self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def says(self, text: str) -> None:
        """Read on until standard output has a line with that text. Raises `AssertionError` when it ends without."""
        assert self._process.stdout is not None
        while text not in self.out:
            line = self._process.stdout.readline()
            assert line, f"no {text!r} in:\n{self.out}\n{self.end()[1]}"
            self.out += line

    def ask(self, order: str) -> str:
        """Send it a line; return the line that it says to that."""
        self.tell(order)
        return self.line()

    def tell(self, order: str) -> None:
        """Send it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()

    def line(self) -> str:
        """The next line that it says. Raises `AssertionError` when there is none in time."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        assert ready, f"nothing said in {PATIENCE:g} s"
        line = self._process.stdout.readline()
        assert line, "it has ended"
        return line.strip()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it; returns when it is gone, with all that it had open."""
        self._process.kill()
        self._process.wait(PATIENCE)

    def end(self) -> tuple[int, str]:
        """The exit status and standard error, once it has ended."""
        out, err = self._process.communicate(timeout=PATIENCE)
        self.out += out
        return self._process.returncode, err or ""


def said(*command: str, heard: str = "", patience: float = PATIENCE) -> str:
    """What a program says that is run to its good end, with that for its standard input."""
    done = subprocess.run(command, input=heard, capture_output=True, text=True, timeout=patience, check=False)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@attrs.frozen
class Cost:
    """What a process takes, from Linux's `/proc`."""

    pid: int

    def memory(self) -> int:
        """Bytes of memory that it has in use."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE

    def descriptors(self) -> int:
        """How many descriptors it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def sockets(self) -> int:
        """How many of these are sockets."""
        count = 0
        for link in Path(f"/proc/{self.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                count += str(link.readlink()).startswith("socket:")
        return count

    def processor(self) -> float:
        """Seconds of processor time that it has used, all of its threads together."""
        tasks = Path(f"/proc/{self.pid}").glob("task/*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def over(self, seconds: float) -> float:
        """The share of a core that it uses over the so many seconds that this call takes."""
        before = self.processor()
        Event().wait(seconds)
        return (self.processor() - before) / seconds
