"""The commands of the README and the tutorial, run as written against the real process, give the output shown."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = re.compile(r"^\$ (curl .*)\n((?:(?!\$ |```).*\n)*)", re.MULTILINE)
PATIENCE = 10.0
"""Seconds until the balancer must answer."""

pytestmark = pytest.mark.system


def commands(page: str, *, after: str = "", before: str | None = None) -> list[tuple[str, str]]:
    """The curl commands between two marks of a page, and the output shown for each."""
    text = (ROOT / page).read_text()
    start = text.index(after)
    return COMMANDS.findall(text[start : text.index(before, start) if before else None])


@contextmanager
def serving(config: str) -> Iterator[None]:
    """The balancer as a process of its own, until the end of the block; it must stop well."""
    command = [str(Path(sys.executable).with_name("twist")), "balancer", "--config", config]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until_served()
            yield
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def wait_until_served() -> None:
    """Return once port 8080 answers; curl tries again by itself."""
    tries = ["--retry", "50", "--retry-delay", "0", "--retry-connrefused", "--retry-max-time", str(int(PATIENCE))]
    subprocess.run(["curl", "--silent", *tries, "http://127.0.0.1:8080/"], check=True, capture_output=True)


def said(command: str) -> str:
    """What the command prints."""
    silent = command.replace("curl ", "curl --silent ", 1)
    return subprocess.run(silent, shell=True, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout  # noqa: S602 - our own text


def likened(output: str) -> str:
    """The output without what may differ: which backend has its turn, the version of curl, and a request's id."""
    output = re.sub(r"x-request-id: [0-9a-f]{32}\n", "x-request-id: X\n", output)
    return re.sub(r"curl/\S+", "curl/X", re.sub(r"hello from b\d", "hello from bN", output))


@pytest.mark.parametrize(
    ("page", "before"), [("README.md", None), ("docs/tutorial.md", "## Write an algorithm")], ids=["readme", "tutorial"]
)
def test_quickstart(page: str, before: str | None) -> None:
    """Each command against the quickstart prints what the page says."""
    shown = commands(page, before=before)
    assert len(shown) > 5
    with serving("examples/quickstart.py"):
        assert [likened(said(command)) for command, _ in shown] == [likened(output) for _, output in shown]


def test_own_algorithm() -> None:
    """Each command against the reader's own algorithm prints what the tutorial says, to the very backend."""
    shown = commands("docs/tutorial.md", after="## Write an algorithm")
    assert len(shown) == 4
    with serving("examples/own_algorithm.py"):
        assert [said(command) for command, _ in shown] == [output for _, output in shown]
