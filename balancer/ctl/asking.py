"""One question to a control socket and its answer, or one line that says why there is none; knows no command."""

from __future__ import annotations

import json
import socket
from typing import Any, Final

PATIENCE: Final = 5.0
"""Seconds to wait for the socket each time."""

REFUSED: Final = 1
"""The exit status when the balancer has answered that it does not do so."""

UNAVAILABLE: Final = 69
"""The exit status when there is nobody to ask: what the system calls EX_UNAVAILABLE."""


class NotDone(Exception):
    """Nothing was done; the message is one line that says why and what to do. `status` is the exit status."""

    def __init__(self, line: str, status: int) -> None:
        super().__init__(line)
        self.status = status


def ask(path: str, question: dict[str, Any]) -> dict[str, Any]:
    """The balancer's answer. Raises `NotDone` when it refuses, and when there is none."""
    try:
        line = _exchange(path, json.dumps(question).encode() + b"\n")
    except OSError as error:
        raise NotDone(f"{path}: {_why(path, error)}", UNAVAILABLE) from error
    if not line:
        raise NotDone(f"{path}: closed without an answer: too many ask at once, or it stops; try again", UNAVAILABLE)
    answer = _read(line)
    if answer is None:
        raise NotDone(f"{path}: what answers there is no balancer; give the path of Config(control=...)", UNAVAILABLE)
    if not answer["ok"]:
        raise NotDone(f"{path}: {answer.get('error')}", REFUSED)
    return answer


def _exchange(path: str, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(PATIENCE)
        asking.connect(path)
        asking.sendall(line)
        with asking.makefile("rb") as answer:
            return answer.readline()


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and isinstance(answer.get("ok"), bool) else None


def _why(path: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return f"nobody listens there; start the balancer with Config(control='unix:{path}'), or give the path it has"
    if isinstance(error, PermissionError):
        return "permission denied; run this as the user that runs the balancer"
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE:g} s; see what the balancer is busy with"
    return f"{error.strerror or error}; give the path of Config(control=...)"
