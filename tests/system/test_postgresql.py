"""PostgreSQL behind the balancer: its own clients notice nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.databases import USER, database
from tests.system.process import HOST, Front
from tests.system.programs import said


@pytest.fixture
def front(program: Callable[[str], str], tmp_path: Path) -> Iterator[Front]:
    """A balancer in front of a database of its own."""
    with database(program) as port, Front(tmp_path, port) as front:
        yield front


def test_postgresql(program: Callable[[str], str], front: Front) -> None:
    """`psql` gets the answer to a query, a large one too, and eight clients of `pgbench` complete all transactions."""
    to = ["-h", HOST, "-p", str(front.port), "-U", USER]
    query = [program("psql"), *to, "-X", "-A", "-t", "-c"]
    assert said(*query, "select sum(n) from generate_series(1, 1000) n") == "500500\n"
    assert len(said(*query, "select repeat('x', 16777216)")) == 16777217
    said(program("pgbench"), *to, "-i", "-q", USER)
    ended = said(program("pgbench"), *to, "-c", "8", "-t", "200", USER)
    assert "processed: 1600/1600" in ended
    assert "failed transactions: 0 " in ended
