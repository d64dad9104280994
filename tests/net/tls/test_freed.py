"""What the balancer has of a client that comes over TLS is gone with the client, without a search for garbage."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from balancer.config import HTTPListener, TCPListener
from balancer.net.gates import Entering
from balancer.net.tls.accepting import Handshaking
from balancer.net.tls.starting import Starting
from balancer.net.tls.stream import TLSStream
from tests.net.tls.wires import TLSWire, called, empty, over, secured
from tests.net.wires import HOST

DOORS: dict[str, tuple[Any, dict[str, Any]]] = {
    "http": (HTTPListener, {}),
    "tcp": (TCPListener, {}),
    "starttls": (TCPListener, {"starttls": "postgres"}),
}
GREETED = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"


async def speaks(client: TLSWire) -> None:
    """TLS, and then something that nobody is there for."""
    await client.begin()
    client.say(b"\r\n\r\nnothing")


async def stammers(client: TLSWire) -> None:
    """What begins like TLS."""
    client.transport.write(b"\x16\3\1\0\5hello")
    await over(client)


async def mistakes(client: TLSWire) -> None:
    """HTTP in the clear."""
    client.transport.write(b"GET / HTTP/1.1\r\n\r\n")
    await over(client)


async def leaves(client: TLSWire) -> None:
    """Half a handshake."""
    await client.send(client.talker.begin())


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("says", [speaks, stammers, mistakes, leaves])
@pytest.mark.parametrize("gate", [False, True])
@pytest.mark.parametrize("door", DOORS)
async def test_nothing_is_left(reactor: Any, tmp_path: Path, says: Any, gate: bool, door: str) -> None:
    """Whatever a client has done, OpenSSL's part of it and all that stood before what serves is given back at once."""
    kind, settings = DOORS[door]
    proxy: dict[str, Any] = {"accept_proxy": HOST} if gate else {}
    async with secured(reactor, kind, tmp_path, **settings, **proxy) as front:
        for _ in range(3):
            client = await called(reactor, front)
            if gate:
                client.transport.write(GREETED)
            await says(client)
            client.transport.abortConnection()
            await empty(reactor, front)
        every = gc.get_objects()
        assert not [one for one in every if isinstance(one, (Entering, Handshaking, Starting))]
        assert not [one for one in every if isinstance(one, TLSStream) and hasattr(one, "tls")]
