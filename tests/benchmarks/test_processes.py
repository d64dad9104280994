"""Programs that are started, observed and ended."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.processes import Program, Usage, children_of, stat_fields

CORE = min(os.sched_getaffinity(0))
CAT = [sys.executable, "-Sc", "import sys\nfor line in sys.stdin: print('got', repr(line), flush=True)"]
BUSY = [sys.executable, "-Sc", "import sys\nfor line in sys.stdin: print(sum(range(3_000_000)), flush=True)"]
STUBBORN = [
    sys.executable,
    "-Sc",
    "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()",
]


def test_stat_is_read_behind_any_name() -> None:
    """A program whose name holds blanks and parentheses does not shift the fields."""
    assert stat_fields("7 (a) b) c) S 1 2 3\n") == ["S", "1", "2", "3"]


def test_usages_add_and_subtract() -> None:
    """Every member is counted on its own."""
    assert Usage(1, 2, 3) + Usage(10, 20, 30) - Usage(5, 5, 5) == Usage(6, 17, 28)


def test_program_answers_on_its_pipes() -> None:
    """A question is a line to the program, and its next line is the answer."""
    with Program(CAT, CORE) as program:
        assert program.ask() == "got '\\n'\n"
        assert program.status is None


def test_program_ends_with_the_block() -> None:
    """A program that has pipes ends when they close, and one that ended answers nothing."""
    with Program(CAT, CORE) as program:
        pass
    assert program.status == 0
    assert list(children_of(os.getpid())) == []


def test_program_with_a_log_is_terminated(tmp_path: Path) -> None:
    """A program without pipes gets SIGTERM, and what it said is in its log."""
    with Program([sys.executable, "-Sc", "input()"], CORE, log=tmp_path / "log") as program:
        pass
    assert program.status is not None


def test_program_that_ignores_its_end_is_killed(tmp_path: Path) -> None:
    """Patience ends, and with it the program."""
    with Program(STUBBORN, CORE, log=tmp_path / "log") as program:
        while not (tmp_path / "log").read_text():
            assert program.status is None
        program.stop(patience=0.01)
    assert program.status == -9


def test_usage_is_that_of_the_program_alone() -> None:
    """What the program computes counts; what happens here meanwhile does not."""
    with Program(BUSY, CORE) as program:
        program.ask()
        before = program.usage()
        sum(range(3_000_000))
        idle = program.usage()
        program.ask()
        assert (idle - before).total < (program.usage() - idle).total / 10


def test_program_runs_on_its_core() -> None:
    """The program is bound to one core, and this process to as many as before."""
    allowed = os.sched_getaffinity(0)
    with Program([sys.executable, "-Sc", "import os; print(*os.sched_getaffinity(0)); input()"], CORE) as program:
        assert program.line() == f"{CORE}\n"
    assert os.sched_getaffinity(0) == allowed
