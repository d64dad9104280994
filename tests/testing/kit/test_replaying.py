"""The experiment in another process: the file is run there again, and the plugin of the same call found."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from balancer.testing.kit.replaying import called_from, elsewhere, main

FILE = """
from balancer.testing import conformance

class Mine:
    name = "mine"
    def picker(self, backends, random):
        return lambda session: backends[hash(session.client[0]) % len(backends)]

TestMine = conformance(Mine, affinity=True)
"""


@pytest.fixture
def tested(tmp_path: Path) -> Any:
    """What a test file that cannot be imported by name defines."""
    file = tmp_path / "test-mine.py"
    file.write_text(FILE)
    return runpy.run_path(str(file))


def test_a_fault_shows_in_another_process(tested: Any) -> None:
    """A class in a file that cannot be imported is made again in another process, where it chooses otherwise."""
    with pytest.raises(AssertionError, match="nothing depends on hash"):
        tested["TestMine"]().test_hash_seeds()


def test_the_other_process(tested: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There the file is run, and what was chosen is printed."""
    call = [str(tmp_path / "test-mine.py"), FILE.splitlines().index("TestMine = conformance(Mine, affinity=True)") + 1]
    main(lambda: json.dumps({"path": sys.path, "call": [*call, 2]}))
    assert len(capsys.readouterr().out.rpartition("#")[2].split()) == 60


def test_what_cannot_be_found_gives_no_answer() -> None:
    """A call within a function is not repeated, nor one in a file that is not there."""
    assert called_from(sys._getframe()) is None  # noqa: SLF001  the frame of this function
    assert called_from(None) is None
    assert elsewhere(None) is None
    assert elsewhere(("nowhere.py", 1, 1)) is None
