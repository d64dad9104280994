"""Asking over a control socket: the answer, or one line that names the path and what to do."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from balancer.ctl.asking import REFUSED, UNAVAILABLE, NotDone, ask
from tests.ctl.desk import answering


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the socket is."""
    return tmp_path / "control"


def test_an_answer(path: Path) -> None:
    """The question goes out as one line, and the answer comes back."""
    with answering(path, b'{"ok": true, "more": 3}\n') as desk:
        assert ask(desk.path, {"do": "connections"}) == {"ok": True, "more": 3}
    assert json.loads(desk.asked) == {"do": "connections"}


def test_a_refusal(path: Path) -> None:
    """What the balancer refuses is told as it told it, with status 1."""
    with answering(path, b'{"ok": false, "error": "no backend is named b9"}\n') as desk, pytest.raises(NotDone) as told:
        ask(desk.path, {"do": "drain", "backend": "b9"})
    assert (str(told.value), told.value.status) == (f"{path}: no backend is named b9", REFUSED)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (b"", "closed without an answer: too many ask at once, or it stops; try again"),
        (b"220 hello\n", "what answers there is no balancer; give the path of Config(control=...)"),
        (b"[]\n", "what answers there is no balancer; give the path of Config(control=...)"),
        (b"{}\n", "what answers there is no balancer; give the path of Config(control=...)"),
    ],
)
def test_who_is_no_balancer(path: Path, answer: bytes, line: str) -> None:
    """An answer that is none is told as such, with status 69."""
    with answering(path, answer) as desk, pytest.raises(NotDone) as told:
        ask(desk.path, {"do": "counters"})
    assert (str(told.value), told.value.status) == (f"{path}: {line}", UNAVAILABLE)


def told_of(path: Path) -> str:
    """What is told when nobody can be asked there."""
    with pytest.raises(NotDone) as told:
        ask(str(path), {"do": "counters"})
    assert told.value.status == UNAVAILABLE
    return str(told.value).removeprefix(f"{path}: ")


def test_nobody_there(path: Path) -> None:
    """Without a socket, or with one that a dead process left, the remedy is to start a balancer that has it."""
    remedy = f"start the balancer with Config(control='unix:{path}'), or give the path it has"
    assert told_of(path) == f"nobody listens there; {remedy}"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert told_of(path) == f"nobody listens there; {remedy}"


def test_a_path_that_cannot_be(path: Path) -> None:
    """A path that no socket can have is told in the system's words."""
    assert told_of(path.parent / ("x" * 200)) == "AF_UNIX path too long; give the path of Config(control=...)"


def test_a_balancer_that_does_not_answer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who listens and says nothing is given up after a while."""
    monkeypatch.setattr("balancer.ctl.asking.PATIENCE", 0.1)
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(path))
        busy.listen()
        assert told_of(path) == "no answer within 0.1 s; see what the balancer is busy with"


def test_a_socket_of_somebody_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not connect is told whom to be."""

    def refuse(_one: socket.socket, _path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.connect", refuse)
    assert told_of(path) == "permission denied; run this as the user that runs the balancer"
