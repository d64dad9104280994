"""Mosquitto behind the balancer: what is published reaches a subscriber, each end through a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.ports import free_ports
from tests.system.process import HOST, Front
from tests.system.programs import Program, said

MESSAGES = 500
CONFIG = """
listener {port} {host}
allow_anonymous true
persistence false
"""


@pytest.fixture
def front(program: Callable[[str], str], tmp_path: Path) -> Iterator[Front]:
    """A balancer in front of a broker of its own."""
    (port,) = free_ports(1)
    config = tmp_path / "mosquitto.conf"
    config.write_text(CONFIG.format(port=port, host=HOST))
    with Program(program("mosquitto"), "-c", str(config)) as broker:
        broker.says("running")
        with Front(tmp_path, port) as front:
            yield front


def test_mosquitto(program: Callable[[str], str], front: Front) -> None:
    """A subscriber gets every message of two publishers, those of each in their order."""
    to = ["-h", HOST, "-p", str(front.port), "-q", "1"]
    published = {name: [f"{name} {number}" for number in range(MESSAGES)] for name in ("one", "two")}
    command = [
        "stdbuf",
        "--output=L",
        program("mosquitto_sub"),
        *to,
        "-t",
        "told/#",
        "-d",
        "-W",
        "15",
        "-C",
        str(2 * MESSAGES),
    ]
    publish = [program("mosquitto_pub"), *to, "-l", "-t"]
    with Program(*command) as subscriber, ThreadPoolExecutor() as threads:
        subscriber.says("Subscribed")
        done = [
            threads.submit(said, *publish, f"told/{name}", heard="".join(f"{line}\n" for line in lines))
            for name, lines in published.items()
        ]
        assert subscriber.end()[0] == 0
        assert [one.result() for one in done] == ["", ""]
    for name, lines in published.items():
        assert [line for line in subscriber.out.splitlines() if line.startswith(f"{name} ")] == lines
