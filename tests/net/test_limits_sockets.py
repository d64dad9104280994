"""The limits of a listener on real sockets: who is turned away knows at once, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import HTTPListener, TCPListener
from balancer.core.proxy_protocol import encode_v2
from tests.net.wires import HOST, Front, Wire, fronted


async def served(front: Front, header: bytes = b"") -> Wire:
    """Connect somebody of whom the backend hears; the backend's end of it is returned."""
    await front.client(header)
    return await front.calls.get()


@pytest.mark.parametrize("limit", ["max_connections", "max_connections_per_source", "max_rate", "max_rate_per_source"])
async def test_who_exceeds_a_limit(reactor: Any, limit: str) -> None:
    """As many as may are served; the rest are closed at once, and the backend never hears of them."""
    async with fronted(reactor, TCPListener, **{limit: 2}) as front:
        for _ in range(2):
            await served(front)
        for _ in range(2):
            await front.turned_away()
        ((_, listener),) = front.assembly.listeners
        assert listener.counters()["refused"] == {limit.replace("_", "-"): 2}
        assert (front.active, front.calls.pending) == (2, [])


async def test_who_leaves_makes_room(reactor: Any) -> None:
    """However often somebody is served and leaves, there is room for the next."""
    async with fronted(reactor, TCPListener, max_connections=1, max_connections_per_source=1) as front:
        for _ in range(5):
            backend = await served(front)
            client = front.clients[-1]
            await front.turned_away()
            client.transport.abortConnection()
            await backend.end()


async def test_clients_told_of(reactor: Any) -> None:
    """Behind a balancer in front, each client has a limit of his own."""
    one, two = (encode_v2((host, 1), (HOST, 2)) for host in ("192.0.2.1", "192.0.2.2"))
    async with fronted(reactor, TCPListener, accept_proxy=HOST, max_connections_per_source=1) as front:
        await served(front, one)
        await front.turned_away(one)
        await served(front, two)


@pytest.mark.parametrize("kind", [TCPListener, HTTPListener])
async def test_too_old(reactor: Any, kind: Any) -> None:
    """A connection that is too old ends: cut where it is relayed, closed in order where it has no request."""
    async with fronted(reactor, kind, max_lifetime=0.2) as front:
        client = await front.client()
        await client.until(lambda wire: bool(wire.finished or wire.ending))
        assert client.ending == ("ConnectionLost" if kind is TCPListener else "")
        assert front.active == 0
