"""Redis behind the balancer: its own clients notice nothing, pipelines included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ports import free_ports
from tests.system.process import HOST, LEAN, STOCK, Front
from tests.system.programs import Program, said

REQUESTS = 4800
"""A multiple of the length of a row, which is always whole."""


@pytest.fixture(params=[LEAN, STOCK], ids=["lean", "stock"])
def front(program: Callable[[str], str], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Front]:
    """A balancer, on either reactor, in front of a store of its own."""
    (port,) = free_ports(1)
    settings = ["--port", str(port), "--bind", HOST, "--dir", str(tmp_path), "--save", "", "--appendonly", "no"]
    with Program(program("redis-server"), *settings) as store:
        store.says("Ready to accept connections")
        with Front(tmp_path, port, twist=request.param) as front:
            yield front


def test_redis(program: Callable[[str], str], front: Front) -> None:
    """What `redis-cli` puts in comes out again, and all requests of `redis-benchmark` arrive, in rows too."""
    to = ["-h", HOST, "-p", str(front.port)]
    asking = (program("redis-cli"), *to)
    value = "0123456789abcdef" * 2**16
    assert said(*asking, "-x", "SET", "key", heard=value) == "OK\n"
    assert said(*asking, "GET", "key") == value + "\n"
    said(*asking, "CONFIG", "RESETSTAT")
    for row in ("1", "16"):
        benchmark = [program("redis-benchmark"), *to, "-n", str(REQUESTS), "-c", "20", "-P", row, "-t", "set,get", "-q"]
        ended = said(*benchmark)
        assert ended.count("requests per second") == 2
        assert "Error" not in ended
    counts = said(*asking, "INFO", "commandstats")
    assert f"cmdstat_get:calls={2 * REQUESTS}," in counts
    assert f"cmdstat_set:calls={2 * REQUESTS}," in counts
