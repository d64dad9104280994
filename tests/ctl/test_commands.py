"""`balancer ctl` as it is typed: what is asked, what is printed, and the status."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from balancer.cli import main
from tests.control.house import Asked
from tests.ctl.desk import answering

ANSWER = b'{"ok": true, "events": []}\n'


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("events", {"do": "events"}),
        ("events b1", {"do": "events", "backend": "b1"}),
        ("events site/b1 --count 3", {"do": "events", "backend": "site/b1", "count": 3}),
        ("--json explain http://a.example/", {"do": "explain", "question": "http://a.example/"}),
        (
            "--json explain udp://:53 --peek hex:00 --client ::1 --listener udp:53",
            {"do": "explain", "question": "udp://:53", "peek": "hex:00", "client": "::1", "listener": "udp:53"},
        ),
        (
            "--json explain https://a.example/ --header A:b --header C:d --sni b.example",
            {"do": "explain", "question": "https://a.example/", "headers": ["A:b", "C:d"], "sni": "b.example"},
        ),
    ],
)
def test_what_is_asked(tmp_path: Path, words: str, question: dict[str, Any]) -> None:
    """The words become one question; a path may be written as in the config."""
    for prefix in ("", "unix:"):
        path = tmp_path / f"control{len(prefix)}"
        with answering(path, ANSWER) as desk:
            assert main(["ctl", f"{prefix}{path}", *words.split()]) == 0
        assert json.loads(desk.asked) == question


def test_an_explanation(asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a balancer would do with a request is printed for people."""
    answer = asked.do("explain", question="http://a.example/")
    with answering(tmp_path / "control", json.dumps(answer).encode() + b"\n"):
        assert main(["ctl", str(tmp_path / "control"), "explain", "http://a.example/"]) == 0
    assert capsys.readouterr().out.startswith("http://a.example/, from 192.0.2.1:50000\n=> pool 'api': backend b2")


@pytest.mark.parametrize("words", ["drain b1", "undrain b1", "weight b1 0.5", "counters", "connections", "events b1"])
def test_what_a_balancer_answers(asked: Asked, tmp_path: Path, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command is understood by a balancer, and its answer is printed for people, or as it came."""
    asked.do("drain", backend="b1")
    asked.relays(2)
    command, *given = words.split()
    named = dict(zip(("backend", "weight"), [*given[:1], *map(float, given[1:])], strict=False))
    answer = asked.do(command, **named)
    for options in ([], ["--json"]):
        path = tmp_path / f"control{len(options)}"
        with answering(path, json.dumps(answer).encode() + b"\n") as desk:
            assert main(["ctl", str(path), *words.split(), *options]) == 0
        assert asked.say(desk.asked)["ok"]
    people, raw = capsys.readouterr().out.rsplit("\n", 2)[:2]
    assert json.loads(raw) == answer
    assert people
    assert "{" not in people


def test_a_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the balancer refuses is one line on standard error that names the socket, and status 1."""
    path = tmp_path / "control"
    with answering(path, b'{"ok": false, "error": "no"}\n'):
        assert main(["ctl", "--json", str(path), "counters"]) == 1
    assert capsys.readouterr() == ("", f"balancer: {path}: no\n")


def test_nobody_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody listens one line names the socket and what to do, and the status is 69."""
    assert main(["ctl", str(tmp_path / "control"), "counters"]) == 69
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"balancer: {tmp_path}/control: nobody listens there; start the balancer with ")


@pytest.mark.parametrize(
    "words", ["", "/x", "/x kill b1", "/x drain", "/x weight b1", "/x weight b1 -1", "/x weight b1 inf",
              "/x weight b1 half", "/x events --count 0", "/x events --count some"],
)  # fmt: skip
def test_wrong_command_lines(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command line is one line that names the next step, and status 64."""
    assert main(["ctl", *words.split()]) == 64
    printed = capsys.readouterr()
    assert "invalid _" not in printed.err
    assert printed.out == ""
    assert re.fullmatch(r"balancer ctl.*: .*; see balancer ctl.* --help\n", printed.err)


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """The help shows how each command is typed, and every example in it is understood."""
    assert main(["ctl", "--help"]) == 0
    shown = capsys.readouterr().out
    examples = re.findall(r"^    balancer (ctl .*)$", shown, re.MULTILINE)
    assert {example.split()[2] for example in examples} == set(
        re.findall(r"^    (\w+)(?:  |$)", shown, re.MULTILINE)
    ) - {"COMMAND"}
    for example in examples:
        assert main(shlex.split(example.replace("/run/balancer.sock", "/nowhere/at/all"))) == 69
