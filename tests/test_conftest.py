"""The guards of `conftest.py`, seen from outside: each catches the fault it is there for, on both reactors."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FAULTY = """
import pytest
from hypothesis import given, strategies
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Factory

def test_leaves_a_timer(reactor):
    reactor.callLater(60, print)

def test_leaves_a_port(reactor):
    reactor.listenTCP(0, Factory(), interface="127.0.0.1")

async def test_closes_its_port(reactor):
    port = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
    await port.stopListening()

def test_leaves_an_error(reactor):
    fail(ValueError("nobody looks"))

def test_expects_an_error(reactor, logged_failures):
    from twisted.logger import Logger
    try:
        raise ValueError
    except ValueError:
        Logger().failure("expected")
    assert logged_failures.pop()["log_failure"].type is ValueError

@pytest.mark.deadline(0.1)
async def test_never_ends(reactor):
    await Deferred()

@pytest.mark.deadline(0.1)
@given(strategies.just(1))
async def test_never_ends_for_an_example(one):
    await Deferred()
"""

PURE = """
def test_asks_for_the_reactor(reactor):
    pass

def test_imports_the_reactor():
    import twisted.internet.reactor
"""


MIXED = """
import pytest
from hypothesis import given, strategies

@pytest.fixture
def port(reactor):
    return reactor

def test_asks_for_the_reactor(reactor): ...

def test_asks_for_what_asks_for_it(port): ...

async def test_is_async(): ...

@given(strategies.just(1))
async def test_is_async_for_an_example(number): ...

def test_has_its_own(tmp_path): ...
"""


def outcomes(folder: Path, source: str, *arguments: str) -> dict[str, str]:
    """Run tests under our conftest in a process of their own; return the last word on each."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_faulty.py").write_text(source)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        str(ROOT / "pyproject.toml"),
        f"--rootdir={folder}",
        "-rA",
        "--tb=no",
    ]
    done = subprocess.run([*command, *arguments, str(folder)], cwd=folder, capture_output=True, text=True, check=False)
    told = re.findall(r"^(PASSED|FAILED|ERROR) test_faulty\.py::(\w+)", done.stdout, re.MULTILINE)
    return {name: word for word, name in told}


@pytest.mark.parametrize("kind", ["default", "asyncio"])
def test_faults_are_caught(tmp_path: Path, kind: str) -> None:
    """What a test leaves behind is an error, a test without end a failure, and what is in order passes."""
    assert outcomes(tmp_path, FAULTY, f"--reactor={kind}") == {
        "test_leaves_a_timer": "ERROR",
        "test_leaves_a_port": "ERROR",
        "test_closes_its_port": "PASSED",
        "test_leaves_an_error": "ERROR",
        "test_expects_an_error": "PASSED",
        "test_never_ends": "FAILED",
        "test_never_ends_for_an_example": "FAILED",
    }


def test_no_reactor_where_none_is_wanted(tmp_path: Path) -> None:
    """In a run without pytest-twisted a test can neither install a reactor nor ask for one."""
    assert outcomes(tmp_path, PURE, "-p", "no:twisted") == {
        "test_imports_the_reactor": "ERROR",
        "test_asks_for_the_reactor": "ERROR",
    }


def test_what_the_reactor_is_nothing_to_runs_once(tmp_path: Path) -> None:
    """With `--reactor-only` exactly the tests run that use the reactor of the test run, or may."""
    assert outcomes(tmp_path, MIXED, "--reactor-only") == {
        "test_asks_for_the_reactor": "PASSED",
        "test_asks_for_what_asks_for_it": "PASSED",
        "test_is_async": "PASSED",
        "test_is_async_for_an_example": "PASSED",
    }
