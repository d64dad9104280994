"""Thousands of connections at once: all are served, and those that rest cost next to nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.system.process import Front
from tests.system.programs import Cost, Program

pytestmark = pytest.mark.system

PEERS = Path(__file__).with_name("peers.py")
DESCRIPTORS = 20_000
"""What the balancer may have open: two for each connection that it relays, and those set apart for UDP."""
KIBIBYTE = 1 << 10


@contextmanager
def crowded(folder: Path) -> Iterator[tuple[Program, Cost]]:
    """Clients of a balancer in front of an echo, and what the balancer costs."""
    with ExitStack() as stack:
        backend = stack.enter_context(Program(sys.executable, str(PEERS), "echo"))
        front = stack.enter_context(Front(folder, int(backend.line()), descriptors=DESCRIPTORS, udp="max_flows=100"))
        clients = stack.enter_context(Program(sys.executable, str(PEERS), "crowd", str(front.port)))
        yield clients, Cost(front.pid)


def test_many_rest_while_some_work(tmp_path: Path) -> None:
    """With 5,000 connections at rest 500 others get all their answers; one at rest takes 8 KiB at most."""
    with crowded(tmp_path) as (clients, cost):
        clients.ask("open 500")
        clients.ask("ask 500 4")
        before = cost.memory()
        clients.ask("open 5000")
        each = (cost.memory() - before) / 5000
        clients.ask("ask 500 20")
        clients.ask("ask 5500 1")
        assert each <= 8 * KIBIBYTE


def test_those_at_rest_take_no_time(tmp_path: Path) -> None:
    """With 9,000 connections at rest the balancer uses at most a hundredth of a core more than with none."""
    with crowded(tmp_path) as (clients, cost):
        clients.ask("open 1")
        alone = cost.over(2)
        clients.ask("open 8999")
        assert cost.over(2) <= alone + 0.01
        clients.ask("ask 9000 1")
