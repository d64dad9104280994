"""The whole balancer as its own process, with curl for a client."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ports import free_ports

ROOT = Path(__file__).parents[2]

CONFIG = """
from balancer import Config, HTTPListener, Pool
from balancer.demo import DemoBackend, DemoBackends
from balancer.plugins.algorithms import RoundRobin

demo = DemoBackends([DemoBackend("b1", http={0}, echo={1}), DemoBackend("b2", http={2}, echo={3})], control={4})
pool = Pool("site", backends=["127.0.0.1:{0}", "127.0.0.1:{2}"], algorithm=RoundRobin())
config = Config([HTTPListener("tcp:{5}:interface=127.0.0.1", pool=pool)], drain=5, companions=[demo])
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a balancer with two demo backends; it must stop with status 0 when told to."""
    ports = free_ports(6)
    config = tmp_path_factory.mktemp("balancer") / "conf.py"
    config.write_text(CONFIG.format(*ports))
    paths = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
    process = subprocess.Popen(
        [sys.executable, "-m", "twisted", "--log-level=warn", "balancer", "--config", str(config)],
        env={**os.environ, "PYTHONPATH": paths},
    )
    with process:
        try:
            yield f"http://127.0.0.1:{ports[-1]}"
        finally:
            process.terminate()
            status = process.wait(timeout=20)
    assert status == 0


@pytest.fixture
def curl(program: Callable[[str], str], address: str) -> Callable[..., str]:
    """Run curl on a path of the balancer, which it may have to wait for; return what it wrote."""
    command = [program("curl"), "--silent", "--show-error", "--fail", "--max-time", "20"]
    patience = ["--retry", "20", "--retry-delay", "1", "--retry-connrefused"]

    def run(path: str, *arguments: str) -> str:
        done = subprocess.run([*command, *patience, *arguments, address + path], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    return run


def test_both_backends_answer(curl: Callable[..., str]) -> None:
    """Requests one after the other are answered by both backends."""
    answers = "".join(curl("/") for _ in range(4))
    assert "hello from b1" in answers
    assert "hello from b2" in answers


def test_a_connection_is_kept(curl: Callable[..., str], address: str) -> None:
    """Two requests of one curl travel on one connection."""
    written = curl("/", "--write-out", "[%{num_connects}]", address + "/")
    assert written.count("hello from") == 2
    assert written.count("[1]") == written.count("[0]") == 1


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Content-Type: application/octet-stream"])
def test_a_body_comes_back(curl: Callable[..., str], tmp_path: Path, framing: str) -> None:
    """A body of 4 MiB that is echoed comes back as it was, however it is framed."""
    body = tmp_path / "body"
    body.write_text("0123456789abcdef" * 2**18)
    assert curl("/echo", "--header", framing, "--header", "Expect:", "--data-binary", f"@{body}") == body.read_text()


def test_a_stream_of_events_arrives(curl: Callable[..., str]) -> None:
    """A response without a length arrives whole."""
    assert curl("/events", "--no-buffer").count("data:") == 5
