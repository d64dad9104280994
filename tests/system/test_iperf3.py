"""iperf3 behind the balancer: its streams and datagrams pass, on connections of their own beside one that controls.

One backend, as a test's connections belong together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_ports
from tests.system.process import HOST, Front
from tests.system.programs import Program, said

Measure = Callable[..., dict[str, Any]]

RATE = 5_000_000
"""Bits a second of datagrams in each stream: so few that a busy machine takes them all in."""

LENGTH = 1200
"""Bytes in a datagram."""


@pytest.fixture
def measure(program: Callable[[str], str], tmp_path: Path) -> Iterator[Measure]:
    """Run a measurement of a second through a balancer; return what it found in the end."""
    (port,) = free_ports(1)
    with Program(program("iperf3"), "-s", "-B", HOST, "-p", str(port), "--forceflush") as server:
        server.says("Server listening on")
        with Front(tmp_path, port) as front:
            command = [program("iperf3"), "-c", HOST, "-p", str(front.port), "--json", "-t", "1"]
            yield lambda *arguments: json.loads(said(*command, *arguments))["end"]


def test_streams(measure: Measure) -> None:
    """Four streams at once carry bytes, up, down, and both ways at the same time."""
    for direction in ([], ["--reverse"], ["--bidir"]):
        found = measure("-P", "4", *direction)
        assert len([one for one in found["streams"] if one["receiver"]["bytes"]]) == (
            8 if "--bidir" in direction else 4
        )


@pytest.mark.parametrize("direction", [[], ["--reverse"]], ids=["up", "down"])
def test_datagrams(measure: Measure, direction: list[str]) -> None:
    """Datagrams at a bounded rate arrive, nearly all of them, up and down."""
    found = measure("-u", "-b", str(RATE), "-l", str(LENGTH), "-P", "2", *direction)["sum"]
    assert found["packets"] > RATE / 8 / LENGTH
    assert found["lost_percent"] < 5
