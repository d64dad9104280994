"""What is told of a process from outside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks import gauges

OURSELVES = gauges.Watched(os.getpid(), Path())


def risen(name: str, stack: ExitStack) -> int:
    """By how much the gauge rises in this process while the stack's resources are in use."""
    (gauge,) = [gauge for gauge in gauges.GAUGES if gauge.name == name]
    with stack:
        during = gauge.read(OURSELVES)
    return during - gauge.read(OURSELVES)


def test_descriptors_are_told_apart() -> None:
    """Sockets, pipes and other descriptors are counted each on their own."""
    with ExitStack() as stack:
        stack.enter_context(socket.socket())
        assert risen("sockets", stack.pop_all()) == 1
        for end in os.pipe():
            stack.callback(os.close, end)
        assert risen("pipes", stack.pop_all()) == 2
        stack.enter_context(Path(os.devnull).open())
        assert risen("other descriptors", stack.pop_all()) == 1


CHILD = """
import os, sys, threading
held, over = [], threading.Event()
for line in sys.stdin:
    if line == "thread\\n":
        held.append(threading.Thread(target=over.wait))
        held[-1].start()
    else:
        held.append(os.urandom(1 << 24))
    print("done", flush=True)
over.set()
"""


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    """A process that takes a thread, or sixteen MiB, when it is told to, and does nothing else."""
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=-1, stdout=-1, text=True) as process:
        yield process
        process.communicate()


def taken(child: subprocess.Popen[str], what: str) -> None:
    """Have it take that."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(f"{what}\n")
    child.stdin.flush()
    assert child.stdout.readline() == "done\n"


def test_threads_are_counted(child: subprocess.Popen[str]) -> None:
    """A thread more is one more."""
    watched = gauges.Watched(child.pid, Path())
    taken(child, "memory")
    before = gauges.threads(watched)
    taken(child, "thread")
    assert gauges.threads(watched) == before + 1


def test_memory_is_told(child: subprocess.Popen[str]) -> None:
    """Sixteen MiB in use are told within a quarter."""
    watched = gauges.Watched(child.pid, Path())
    taken(child, "thread")
    before = gauges.memory(watched)
    taken(child, "memory")
    assert gauges.memory(watched) - before > 12 * 1024


def test_a_process_at_rest_takes_no_time() -> None:
    """A process that only waits takes nearly nothing."""
    assert gauges.unrest(OURSELVES) < 500


def test_what_the_balancer_counts_is_asked_for(tmp_path: Path) -> None:
    """The control socket is asked, and its number is the gauge's."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / gauges.CONTROL))
        listening.listen()
        answering = threading.Thread(target=answer, args=(listening, {"ok": True, "process": {"flows": 7}}))
        answering.start()
        assert gauges.counted("flows", gauges.Watched(os.getpid(), tmp_path)) == 7
        answering.join()


def answer(listening: socket.socket, what: dict[str, object]) -> None:
    """Answer one question that asks for the counters."""
    asking, _ = listening.accept()
    with asking, asking.makefile("rw") as lines:
        assert json.loads(lines.readline()) == {"do": "counters"}
        lines.write(json.dumps(what) + "\n")


def test_what_stays_is_told() -> None:
    """What has risen by more than is allowed is told in a line; what has fallen, or risen by less, is not."""
    before = {gauge.name: 100_000 for gauge in gauges.GAUGES}
    assert gauges.left(before, before) == []
    assert gauges.left(before, {**before, "pipes": 100_016, "memory, KiB": 114_096, "threads": 1}) == []
    after = {**before, "sockets": 100_001, "memory, KiB": 114_097}
    assert gauges.left(before, after) == [
        "memory, KiB: 114097, and it was 100000",
        "sockets: 100001, and it was 100000",
    ]
