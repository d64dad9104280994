"""Repeats an experiment on the same plugin in another process, which hashes otherwise; judges nothing.

The other process runs the file that calls `conformance` as this one did, and takes the plugin of the same call: so a
plugin need not be importable by name. Where that cannot be done there is no answer.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Final

from balancer.testing.kit.claims import Subject

Call = tuple[str, int, int]
"""A call of `conformance`: the file, the line, and the how manieth there."""

PATIENCE: Final = 60.0
"""Seconds that the other process may take."""

_PROGRAM: Final = "from balancer.testing.kit.replaying import main; main()"

_times = Counter[tuple[str, int]]()
_subjects: dict[Call, Subject] = {}


def called_from(frame: FrameType | None) -> Call | None:
    """Which call this is; None within a function, which the other process may not come to call."""
    if frame is None or frame.f_code.co_name != "<module>":
        return None
    place = frame.f_code.co_filename, frame.f_lineno
    _times[place] += 1
    return (*place, _times[place])


def note(call: Call | None, subject: Subject) -> None:
    """That call is about this subject."""
    if call is not None:
        _subjects[call] = subject


def elsewhere(call: Call | None) -> str | None:
    """What the experiment comes to in a process with another hash seed; None where it cannot be made."""
    if call is None:
        return None
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    told = json.dumps({"path": sys.path, "call": call})
    try:
        done = subprocess.run(  # noqa: S603  this very interpreter, and a program of our own
            [sys.executable, "-c", _PROGRAM],
            input=told,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.rpartition("\n#")[2]


def main(read: Callable[[], str] = sys.stdin.read) -> None:
    """Be the other process: run the file, find the subject, make the experiment, and print what it comes to."""
    from balancer.testing.kit.repeating import picks  # noqa: PLC0415  which needs this module

    told = json.loads(read())
    sys.path[:] = told["path"]
    call = tuple(told["call"])
    runpy.run_path(call[0], run_name="replayed")
    subject = _subjects[call]
    print(f"\n#{' '.join(picks(subject, subject.make(), 1))}", end="")  # noqa: T201  this is its answer
