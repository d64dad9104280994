"""Kept connections on real sockets: what their backends do to them in the very turn in which they are needed."""

from __future__ import annotations

from socket import SHUT_WR
from typing import Any

import pytest

from balancer.config import HTTPListener
from tests.net.house import answer, request
from tests.net.wires import Wire, fronted

ROUNDS = 10

POST = request("POST /", "content-length: 4", body=b"body")
HEAD_END = b"\r\n\r\n"


async def served(client: Wire, backend: Wire) -> None:
    """Let the backend answer what the client has asked."""
    await backend.until(lambda wire: wire.heard.endswith(HEAD_END + b"body"))
    backend.heard.clear()
    backend.say(answer(b"done"))
    await client.until(lambda wire: wire.heard.endswith(HEAD_END + b"done"))
    client.heard.clear()


@pytest.mark.parametrize("first", ["end", "request"])
async def test_a_backend_that_closes_idle_connections_costs_no_post(reactor: Any, first: str) -> None:
    """A POST that comes in the same turn as the end of a kept connection, before or after it, goes out on a new one."""
    async with fronted(reactor, HTTPListener) as front:
        client = await front.client(POST)
        backend = await front.calls.get()
        for _ in range(ROUNDS):
            await served(client, backend)
            if first == "request":
                client.transport.getHandle().send(POST)
            backend.transport.getHandle().shutdown(SHUT_WR)
            if first == "end":
                client.transport.getHandle().send(POST)
            backend = await front.calls.get()
        await served(client, backend)
