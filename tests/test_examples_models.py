"""The example of model servers does what its first lines say."""

from __future__ import annotations

from pathlib import Path

from balancer.config import load
from tests.net.house import House, request

EXAMPLE = Path(__file__).parents[1] / "examples" / "model_servers.py"


def answered(house: House, *fields: str) -> bytes:
    """The name of who answers."""
    client = house.client(request("GET /", *fields))
    heard = client.hear()
    client.close()
    return heard.rpartition(b" ")[2].strip()


def test_model_servers_by_what_they_tell() -> None:
    """New requests go where the queue is short and the cache is not full, and a conversation stays where it began."""
    house = House()
    house.open(*load(str(EXAMPLE)).listeners)
    house.network.advance(5.5)
    told = [{name: backend.signals.get(name) for name in ("queue", "cache")} for backend in house.backends]
    assert told == [{"queue": 0, "cache": 0.3}, {"queue": 9, "cache": 0.6}, {"queue": 2, "cache": 0.97}]
    assert {answered(house) for _ in range(20)} == {b"m1"}
    house.backends[0].become(draining=True)
    next(iter(house.assembly.pools.values())).refresh()
    moved = answered(house, "x-session-id: 7")
    house.backends[0].become(draining=False)
    next(iter(house.assembly.pools.values())).refresh()
    assert moved == b"m2"
    assert {answered(house, "x-session-id: 7") for _ in range(5)} == {b"m2"}
    house.end()
