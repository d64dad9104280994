"""PostgreSQL behind the balancer: its own clients notice nothing."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.ports import free_ports
from tests.system.process import HOST, Front
from tests.system.programs import Program, said

USER = "postgres"
SETTINGS = {"listen_addresses": HOST, "unix_socket_directories": "", "fsync": "off"}


def unprivileged() -> list[str]:
    """What to put before a command so that it is not run by root, who is refused."""
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.geteuid() == 0 else []


@pytest.fixture
def home() -> Iterator[str]:
    """A folder for the data that its user may reach, as those of the tests are closed to others."""
    with TemporaryDirectory(prefix="postgresql-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, USER, USER)
        yield f"{folder}/data"


@pytest.fixture
def front(program: Callable[[str], str], home: str, tmp_path: Path) -> Iterator[Front]:
    """A balancer in front of a database of its own."""
    (port,) = free_ports(1)
    said(*unprivileged(), program("initdb"), "-D", home, "-U", USER, "--auth=trust", "--no-sync", "--no-instructions")
    options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    command = [*unprivileged(), program("postgres"), "-D", home, "-p", str(port), *options]
    with Program(*command, ended_by=signal.SIGINT) as database:
        database.says("ready to accept connections")
        with Front(tmp_path, port) as front:
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
