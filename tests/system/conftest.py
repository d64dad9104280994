"""For tests on real sockets: finds the programs they drive; an absent one is a failure, never a skip."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCANNER = Path(sys.executable).parents[1] / "scanner" / "bin"
"""Where the Makefile puts what cannot live beside our own libraries."""
ELSEWHERE = ("/usr/sbin", str(SCANNER), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))
"""Where Debian keeps what not every user has on the path."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives a program, so that `make test` leaves it to `make system`."""
    for item in items:
        if "program" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.system)


@pytest.fixture
def program() -> Callable[[str], str]:
    """Find a program by name; fails the test when it is not installed."""
    return _find


def _find(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *ELSEWHERE)))
    assert found is not None, f"{name} is not installed; run `make system`"
    return found
