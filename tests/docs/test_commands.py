"""What the pages and the help of `balancer` have one type is understood: every command with every option it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from balancer.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs").glob("*/*.md"))]
TYPED = re.compile(r"^(?:\$ |    )(?:\.venv/bin/)?balancer ([a-z]+ [^|\n]*)", re.MULTILINE)
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
IN_PAGES = [line for page in PAGES for text in CONSOLE.findall(page.read_text()) for line in TYPED.findall(text)]


def understood(line: str, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether only the config, or the balancer to be asked, is wanting: a command is understood before that."""
    main(shlex.split(line.replace("/run/", "absent/")))
    told = capsys.readouterr().err
    return told == "" or "No such file or directory" in told or "nobody listens" in told


@pytest.mark.parametrize("line", dict.fromkeys(IN_PAGES))
def test_of_the_pages(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line of a page is one that `balancer` understands."""
    monkeypatch.chdir(tmp_path)
    assert understood(line, capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_of_the_help(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines that the help of a command shows are ones that it understands."""
    monkeypatch.chdir(tmp_path)
    main([command, "--help"])
    lines = TYPED.findall(capsys.readouterr().out)
    assert all(understood(line, capsys) for line in lines)


def test_there_are_some() -> None:
    """The pages are found, and so is what they have one type."""
    assert len(IN_PAGES) > 10
