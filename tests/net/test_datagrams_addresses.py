"""UDP backends by name and from an address of ours: the first address, none, and the source of the pool."""

from __future__ import annotations

from typing import Any

import pytest

from tests.net.datagram_house import House


async def test_our_own_address(reactor: Any) -> None:
    """Backends hear a flow from the source it was given."""
    async with House(reactor) as house:
        echo, client = house.peer(echo=True), house.peer()
        house.start()
        house.pool.backends[0].become(source="127.0.0.5")
        client.transport.write(b"x", house.address)
        _, (host, _) = await echo.heard.get()
        assert host == "127.0.0.5"
        assert (await client.heard.get())[0] == b"x"


async def test_the_first_address(reactor: Any) -> None:
    """Of several addresses a flow speaks to the first."""
    async with House(reactor) as house:
        echo, client = house.peer(echo=True), house.peer()
        house.start()
        (backend,) = house.pool.backends
        backend.move([*backend.places, ("127.0.0.9", 9)])
        client.transport.write(b"x", house.address)
        assert (await echo.heard.get())[0] == b"x"
        assert (await client.heard.get())[0] == b"x"


@pytest.mark.parametrize("trouble", ["its name is unknown", "192.0.2.5"])
async def test_no_way_to_the_backend(reactor: Any, trouble: str) -> None:
    """A backend whose name is unknown, and a source that is not ours, refuse the flow and leave no socket."""
    async with House(reactor) as house:
        house.peer(echo=True)
        client = house.peer()
        house.start()
        (backend,) = house.pool.backends
        if trouble == "192.0.2.5":
            backend.become(source=trouble)
        else:
            backend.move([])
        client.transport.write(b"x", house.address)
        assert await house.ended.get() == 0
        assert (backend.active, house.upstreams()) == (0, [])
