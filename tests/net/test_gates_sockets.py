"""PROXY headers on real sockets: what only a kernel shows, and two balancers in a row."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol

from balancer.assembly import Assembly, bind
from balancer.config import Config, HTTPListener, Pool, TCPListener
from balancer.core.proxy_protocol import encode_v1, encode_v2
from tests.net.wires import HOST, Backends, Front, Wire, close, fronted

MEBIBYTE = 1 << 20
CLIENT, CALLED = ("192.0.2.7", 4711), ("198.51.100.1", 443)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_the_header_goes_first(reactor: Any, version: str) -> None:
    """The backend hears of the client's socket before what the client says, however much that is."""
    data = Random(6).randbytes(4 * MEBIBYTE)
    async with fronted(reactor, TCPListener, send_proxy=version) as front:
        client = await front.client(data)
        backend = await front.calls.get()
        encode = encode_v1 if version == "v1" else encode_v2
        header = encode((HOST, client.transport.getHost().port), (HOST, front.port))
        assert await backend.hear(len(header)) == header
        assert await backend.hear(len(data)) == data


@pytest.mark.parametrize("header", [encode_v1(CLIENT, CALLED), encode_v2(CLIENT, CALLED)])
async def test_bulk_behind_a_header(reactor: Any, header: bytes) -> None:
    """What is poured in behind a header arrives unchanged, with the end, and the answer comes back."""
    data = Random(7).randbytes(6 * MEBIBYTE + 1)
    async with fronted(reactor, TCPListener, accept_proxy=HOST) as front:
        client = await front.client(header + data)
        client.transport.loseWriteConnection()
        backend = await front.calls.get()
        assert await backend.hear(len(data)) == data
        await backend.until(lambda wire: wire.finished)
        backend.say(b"thanks")
        backend.transport.loseWriteConnection()
        assert await client.hear(6) == b"thanks"
        await client.until(lambda wire: wire.finished)


async def test_a_header_byte_by_byte(reactor: Any) -> None:
    """A header that comes in as many segments as it has bytes is read as one."""
    async with fronted(reactor, TCPListener, accept_proxy=HOST, send_proxy="v1") as front:
        client = await front.client()
        client.transport.setTcpNoDelay(True)
        for byte in encode_v2(CLIENT, CALLED) + b"x":
            client.say(bytes([byte]))
        backend = await front.calls.get()
        told = encode_v1(CLIENT, CALLED) + b"x"
        assert await backend.hear(len(told)) == told


async def test_wrong_late_and_unlisted(reactor: Any) -> None:
    """Who opens with anything else, or with nothing in time, is reset; who is not listed is closed at once."""
    async with fronted(reactor, TCPListener, accept_proxy=HOST, proxy_timeout=0.2) as front:
        assert await (await front.client(b"GET / HTTP/1.1\r\n")).end() == "ConnectionLost"
        assert await (await front.client(b"PROXY")).end() == "ConnectionLost"
        assert front.active == 0
    async with fronted(reactor, TCPListener, accept_proxy="192.0.2.1") as front:
        await front.turned_away()
        assert front.active == 0


async def test_http(reactor: Any) -> None:
    """A backend behind an HTTP listener is told of the header's client."""
    async with fronted(reactor, HTTPListener, accept_proxy=[HOST], proxy="optional") as front:
        await front.client(encode_v2(CLIENT, CALLED) + b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        backend = await front.calls.get()
        await backend.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
        assert b"x-forwarded-for: 192.0.2.7\r\n" in backend.heard.lower()


async def test_a_client_over_a_unix_socket(reactor: Any, tmp_path: Path) -> None:
    """Of a client without an address the backend is told just that."""
    backends, path = Backends(), str(tmp_path / "front")
    bound = reactor.listenTCP(0, backends, interface=HOST)
    pool = Pool("pool", backends=[f"{HOST}:{bound.getHost().port}"])
    assembly = Assembly(reactor, Random(4))
    await assembly.assemble(Config(TCPListener(f"unix:{path}", pool=pool, send_proxy="v2")))
    front = Front(reactor, 0, assembly, backends)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(bound.stopListening)
        stack.push_async_callback(close, front, backends)
        for noun, part in assembly.listeners:
            await bind(noun, part)
        client: Wire = await connectProtocol(UNIXClientEndpoint(reactor, path), Wire())
        front.clients.append(client)
        client.say(b"x")
        told = encode_v2(None, None) + b"x"
        assert await (await front.calls.get()).hear(len(told)) == told
