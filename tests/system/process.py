"""The balancer as a process of its own, as an operator runs it; knows nothing of what it serves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"

PATIENCE = 20.0
"""Seconds in which whatever a process is to do is done."""


class Process:
    """`twist ... balancer ...`, running; ended with the `with` block whatever happens."""

    def __init__(self, *arguments: str, twist: tuple[str, ...] = ()) -> None:
        command = [sys.executable, "-m", "twisted", "--log-format=text", *twist, "balancer", *arguments]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, env=environment
        )
        self.out = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def says(self, text: str) -> None:
        """Read on until standard output has a line with that text. Raises `AssertionError` when it ends without."""
        assert self._process.stdout is not None
        while text not in self.out:
            line = self._process.stdout.readline()
            assert line, f"no {text!r} in:\n{self.out}\n{self.end()[1]}"
            self.out += line

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self) -> tuple[int, str]:
        """The exit status and standard error, once it has ended."""
        out, err = self._process.communicate(timeout=PATIENCE)
        self.out += out
        return self._process.returncode, err


def free_ports(count: int) -> list[int]:
    """Ports that nobody has, of TCP and likely of UDP."""
    with ExitStack() as stack:
        holders = [stack.enter_context(socket.socket()) for _ in range(count)]
        for holder in holders:
            holder.bind((HOST, 0))
        return [holder.getsockname()[1] for holder in holders]


def is_free(port: int) -> bool:
    """Whether nothing listens there; found out without connecting, which would be served."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind((HOST, port))
        except OSError:
            return False
        return True


def written(folder: Path, text: str) -> str:
    """The path of a config file with that text, behind the imports that every config has."""
    path = folder / "conf.py"
    path.write_text("from balancer import Backend, Config, HTTPListener, Pool, TCPListener, UDPListener\n" + text)
    return str(path)
