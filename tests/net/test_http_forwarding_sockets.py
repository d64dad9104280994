"""Who asks over a unix socket: nobody with an address, unless whoever connects there is trusted to say."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol

from balancer.assembly import Assembly, bind
from balancer.config import Config, HTTPListener
from tests.net.wires import Backends, Front, Wire, bound, close

REQUEST = b"GET / HTTP/1.1\r\nhost: site\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: https\r\n\r\n"


@pytest.mark.parametrize(
    ("trusted", "told"),
    [
        ((), {"proto: http", "host: site"}),
        (("unix",), {"for: 192.0.2.1", "proto: https", "host: site", "port: 443"}),
    ],
)
async def test_trust_over_a_unix_socket(reactor: Any, tmp_path: Path, trusted: tuple[str, ...], told: set[str]) -> None:
    """A proxy there has no address of its own to add; what it says is believed only if the setting names `unix`."""
    async with bound(reactor, Backends()) as (pool, backends):
        assembly = Assembly(reactor, Random(4))
        await assembly.assemble(Config(HTTPListener(f"unix:{tmp_path}/s", pool=pool, trusted_proxies=trusted)))
        for noun, part in assembly.listeners:
            await bind(noun, part)
        front = Front(reactor, 0, assembly, backends)
        client: Wire = await connectProtocol(UNIXClientEndpoint(reactor, f"{tmp_path}/s"), Wire())
        front.clients.append(client)
        client.say(REQUEST)
        backend = await front.calls.get()
        await backend.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
        lines = bytes(backend.heard).decode().split("\r\n")
        assert {line.removeprefix("x-forwarded-") for line in lines if line.startswith("x-forwarded-")} == told
        await close(front, backends)
