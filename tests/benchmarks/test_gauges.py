"""What is told of a process from outside."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

from benchmarks import gauges


def risen(name: str, stack: ExitStack) -> int:
    """By how much the gauge rises in this process while the stack's resources are in use."""
    (gauge,) = [gauge for gauge in gauges.GAUGES if gauge.name == name]
    with stack:
        during = gauge.read(os.getpid())
    return during - gauge.read(os.getpid())


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


def test_threads_are_counted() -> None:
    """A thread counts as long as it runs."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    with ExitStack() as stack:
        stack.callback(thread.join)
        stack.callback(over.set)
        assert risen("threads", stack.pop_all()) == 1


def test_memory_is_told() -> None:
    """Sixteen MiB in use are told within a quarter."""
    before = gauges.memory(os.getpid())
    block = bytearray(os.urandom(1 << 24))
    assert gauges.memory(os.getpid()) - before > 12 * 1024
    assert block


def test_a_process_at_rest_takes_no_time() -> None:
    """A process that only waits takes nearly nothing."""
    assert gauges.unrest(os.getpid()) < 500


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
