"""Backends that misbehave, on real sockets: the client sees what the backend did, and nothing is left behind."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from balancer.config import TCPListener
from tests.net.wires import Front, Wire, fronted

MEBIBYTE = 1 << 20
BULK = Random(6).randbytes(8 * MEBIBYTE)


async def joined(front: Front) -> tuple[Wire, Wire]:
    """A client and the backend's end of its relay, which stands."""
    client = await front.client(b"x")
    backend = await front.calls.get()
    await backend.hear(1)
    return client, backend


async def test_a_backend_that_never_answers(reactor: Any) -> None:
    """When the idle time is over, a client that waits in vain is closed in order, and so is the backend."""
    async with fronted(reactor, TCPListener, idle=0.2) as front:
        client, backend = await joined(front)
        began = reactor.seconds()
        await client.until(lambda wire: wire.finished)
        await backend.until(lambda wire: wire.finished)
        assert 0.1 < reactor.seconds() - began < 5
        assert client.heard == b""
        assert front.active == 0


async def test_a_backend_that_never_answers_who_has_finished(reactor: Any) -> None:
    """A client that has said all, and waits in vain, is closed when the linger time is over, whatever the idle time."""
    async with fronted(reactor, TCPListener, idle=600, linger=0.2) as front:
        client, backend = await joined(front)
        client.transport.loseWriteConnection()
        await client.until(lambda wire: wire.finished)
        await backend.until(lambda wire: wire.finished)
        assert front.active == 0


@pytest.mark.parametrize("heard", [1, MEBIBYTE // 2 + 1], ids=["early", "in bulk"])
async def test_a_reset_in_the_middle(reactor: Any, heard: int) -> None:
    """A backend that resets within its answer is a reset to the client, who has got no byte that was not sent."""
    async with fronted(reactor, TCPListener) as front:
        client, backend = await joined(front)
        backend.say(BULK)
        await client.until(lambda wire: len(wire.heard) >= heard)
        backend.transport.abortConnection()
        assert await client.end() == "ConnectionLost"
        assert not client.finished
        assert BULK.startswith(bytes(client.heard))
        assert front.active == 0
        assert front.assembly.pipes.lent == 0


async def test_a_reset_after_a_half_close(reactor: Any) -> None:
    """A backend that resets after its FIN is a reset to the client, who has its whole answer."""
    async with fronted(reactor, TCPListener) as front:
        client, backend = await joined(front)
        backend.say(b"answer")
        backend.transport.loseWriteConnection()
        await client.until(lambda wire: wire.finished)
        backend.transport.abortConnection()
        client.say(BULK)
        assert await client.end() == "ConnectionLost"
        assert client.heard == b"answer"
        assert front.active == 0


async def test_a_backend_that_finishes_first(reactor: Any) -> None:
    """A backend's FIN reaches the client at once, and all that the client goes on to send reaches the backend."""
    async with fronted(reactor, TCPListener) as front:
        client, backend = await joined(front)
        backend.say(b"all I have")
        backend.transport.loseWriteConnection()
        assert await client.hear(10) == b"all I have"
        await client.until(lambda wire: wire.finished)
        client.say(BULK)
        assert await backend.hear(len(BULK)) == BULK
        client.transport.loseWriteConnection()
        await backend.until(lambda wire: wire.finished)
        await client.until(lambda wire: wire.finished)
        assert front.active == 0


async def test_a_client_that_finishes_first(reactor: Any) -> None:
    """A client's FIN reaches the backend at once, and all that the backend goes on to send reaches the client."""
    async with fronted(reactor, TCPListener) as front:
        client, backend = await joined(front)
        client.transport.loseWriteConnection()
        await backend.until(lambda wire: wire.finished)
        backend.say(BULK)
        assert await client.hear(len(BULK)) == BULK
        backend.transport.loseWriteConnection()
        await client.until(lambda wire: wire.finished)
        await backend.until(lambda wire: wire.finished)
        assert front.active == 0
