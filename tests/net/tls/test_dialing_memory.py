"""What is left in memory of connections to backends over TLS."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from balancer.config import HTTPListener, TCPListener
from balancer.net.tls.dialing import Securing
from tests.net.house import answer, request
from tests.net.tls.farther import Trusted, behind, fronted


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("kind", [HTTPListener, TCPListener])
async def test_connections_leave_nothing(reactor: Any, trusted: Trusted, kind: Any) -> None:
    """What has made a connection is gone with its last user, without a search for garbage."""
    pool = {"keepalive": 0} if kind is HTTPListener else {}
    async with fronted(reactor, kind, behind(reactor, trusted.door()), trusted.tls(), pool=pool) as front:
        for _ in range(3):
            client = await front.client(request())
            backend = await front.calls.get()
            await backend.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
            backend.say(answer(b"hello"))
            await client.until(lambda wire: wire.heard.endswith(b"hello"))
            client.transport.abortConnection()
            await backend.end()
        left = sum(isinstance(one, Securing) for one in gc.get_objects())
        assert left == 0 or not hasattr(reactor, "connect_directly")  # Twisted's own connectors lead in circles
