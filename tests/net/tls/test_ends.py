"""How connections over TLS end, in order and not, in every version: nobody takes what was cut off for whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from balancer.config import TLS, HTTPListener, Route, TCPListener
from tests.net.house import answer, request
from tests.net.tls.talking import Manner
from tests.net.tls.wires import SITE, TLSWire, over, reached, secured
from tests.net.wires import HOST, Backends, Front, Wire, bound, free_port, serving

VERSIONS = ["1.2", "1.3"]
NEW = ["1.3"]
"""Where one direction may end before the other (RFC 8446 6.1)."""
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"


@asynccontextmanager
async def asked(reactor: Any, folder: Path, version: str, said: bytes) -> AsyncIterator[tuple[Front, TLSWire, Wire]]:
    """A client of a site that has sent a request, and the backend that has heard it."""
    async with secured(reactor, HTTPListener, folder, half_closed=0.2) as front:
        client = await reached(reactor, front, said, manner=Manner(version))
        backend = await front.calls.get()
        await backend.until(lambda wire: b"\r\n\r\n" in wire.heard)
        yield front, client, backend


@asynccontextmanager
async def relayed(reactor: Any, folder: Path, version: str) -> AsyncIterator[tuple[Front, TLSWire, Wire]]:
    """A client and the backend to which it is relayed, after a word both ways."""
    async with secured(reactor, TCPListener, folder, linger=60) as front:
        client = await reached(reactor, front, b"hello", manner=Manner(version))
        backend = await front.calls.get()
        await backend.hear(5)
        backend.say(b"hello")
        await client.hear(5)
        yield front, client, backend


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_answer_and_the_end(reactor: Any, tmp_path: Path, version: str) -> None:
    """Behind the last answer comes a close_notify, and then a FIN, no reset."""
    async with asked(reactor, tmp_path, version, request("GET /", "connection: close")) as (_, client, backend):
        backend.say(answer(b"all", "connection: close"))
        await client.until(lambda wire: wire.finished)
        assert client.heard.endswith(b"\r\n\r\nall")
        assert client.notified
        client.transport.loseConnection()
        assert await client.end() == "ConnectionDone"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", ["loseConnection", "abortConnection"])
async def test_a_client_cuts_off(reactor: Any, tmp_path: Path, version: str, how: str) -> None:
    """A client that goes without a close_notify while it waits has its request cancelled."""
    async with asked(reactor, tmp_path, version, request()) as (front, client, backend):
        getattr(client.transport, how)()
        assert await backend.end() == "ConnectionLost"
        assert front.active == 0


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_upload_cut_off(reactor: Any, tmp_path: Path, version: str) -> None:
    """Half an upload is never whole to the backend, whether a close_notify is behind it or nothing."""
    for ending in ("end_writing", "abort"):
        said = request("POST /", "transfer-encoding: chunked", body=b"5\r\nhello\r\n")
        async with asked(reactor, tmp_path, version, said) as (front, client, backend):
            await backend.until(lambda wire: b"hello" in wire.heard)
            client.end_writing() if ending == "end_writing" else client.transport.abortConnection()
            await backend.until(lambda wire: bool(wire.finished or wire.ending))
            assert b"0\r\n\r\n" not in backend.heard
            assert front.active == 0


@pytest.mark.parametrize("version", NEW)
async def test_a_client_that_says_no_more_is_answered(reactor: Any, tmp_path: Path, version: str) -> None:
    """After a client's close_notify its answer arrives in full, and then the balancer's."""
    async with asked(reactor, tmp_path, version, request()) as (_, client, backend):
        client.end_writing()
        backend.say(answer(bytes(1 << 20)))
        await client.until(lambda _: client.notified)
        assert client.heard.endswith(b"\r\n\r\n" + bytes(1 << 20))


@pytest.mark.parametrize("version", VERSIONS)
async def test_half_an_answer(reactor: Any, tmp_path: Path, version: str) -> None:
    """An answer that its backend breaks off ends, for an old client that reads to the end, without a close_notify."""
    async with asked(reactor, tmp_path, version, request(version="1.0")) as (front, client, backend):
        backend.say(CHUNKED + b"5\r\nhello\r\n")
        await client.until(lambda wire: b"\r\n\r\n" in wire.heard)
        backend.transport.loseConnection()
        await client.until(lambda wire: bool(wire.finished or wire.ending))
        assert not client.notified
        assert front.active == 0


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_answer_until_the_close(reactor: Any, tmp_path: Path, version: str) -> None:
    """An answer that ends with its connection ends in order for an old client."""
    async with asked(reactor, tmp_path, version, request(version="1.0")) as (_, client, backend):
        backend.say(UNTIL_CLOSE + b"hello")
        backend.transport.loseConnection()
        await client.until(lambda _: client.notified)
        assert client.heard.endswith(b"hello")


@pytest.mark.parametrize("version", NEW)
async def test_a_relayed_client_ends_first(reactor: Any, tmp_path: Path, version: str) -> None:
    """Behind a client's close_notify the backend reads the end, goes on talking, and its own end arrives as one."""
    async with relayed(reactor, tmp_path, version) as (front, client, backend):
        client.end_writing()
        await backend.until(lambda wire: wire.finished)
        backend.say(b"more" * 100_000)
        backend.transport.loseWriteConnection()
        assert await client.hear(400_000) == b"more" * 100_000
        await client.until(lambda _: client.notified)
        client.transport.loseConnection()
        await client.end()
        assert front.active == 0


@pytest.mark.parametrize("version", NEW)
async def test_a_relayed_backend_ends_first(reactor: Any, tmp_path: Path, version: str) -> None:
    """Behind a backend's FIN the client is told by a close_notify, and may go on talking."""
    async with relayed(reactor, tmp_path, version) as (_, client, backend):
        backend.transport.loseWriteConnection()
        await client.until(lambda _: client.notified)
        assert not client.ending
        client.say(b"more" * 100_000)
        assert await backend.hear(400_000) == b"more" * 100_000
        client.end_writing()
        await over(backend)


async def test_a_relayed_backend_ends_first_in_1_2(reactor: Any, tmp_path: Path) -> None:
    """In TLS 1.2, too, a client that waits for the end of what its backend says is told it soon."""
    async with relayed(reactor, tmp_path, "1.2") as (_, client, backend):
        backend.say(b"last words")
        backend.transport.loseConnection()
        assert await client.hear(10) == b"last words"
        await client.until(lambda _: client.notified)


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_upgraded_backend_ends_first(reactor: Any, tmp_path: Path, version: str) -> None:
    """The same where a connection has changed to another protocol, in every version."""
    said = request("GET /", "connection: upgrade", "upgrade: websocket")
    async with asked(reactor, tmp_path, version, said) as (_, client, backend):
        backend.say(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nlast words")
        backend.transport.loseConnection()
        await client.until(lambda _: client.notified)
        assert client.heard.endswith(b"\r\n\r\nlast words")


async def test_a_relayed_client_ends_in_1_2(reactor: Any, tmp_path: Path) -> None:
    """In TLS 1.2 a client's close_notify ends both directions, in order, and the backend hears all that was said."""
    async with relayed(reactor, tmp_path, "1.2") as (front, client, backend):
        client.say(b"last words")
        client.end_writing()
        assert await backend.hear(10) == b"last words"
        await backend.until(lambda wire: bool(wire.finished or wire.ending))
        backend.transport.loseConnection()
        await over(client)
        await backend.end()
        assert front.active == 0


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", ["loseConnection", "abortConnection", "loseWriteConnection"])
async def test_a_relayed_client_cuts_off(reactor: Any, tmp_path: Path, version: str, how: str) -> None:
    """A client that ends without a close_notify is no orderly end for the backend, which is reset."""
    async with relayed(reactor, tmp_path, version) as (front, client, backend):
        getattr(client.transport, how)()
        assert await backend.end() == "ConnectionLost"
        await client.until(lambda wire: bool(wire.finished or wire.ending))
        assert front.active == 0


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_relayed_backend_cuts_off(reactor: Any, tmp_path: Path, version: str) -> None:
    """A backend that resets is no orderly end for the client, which gets no close_notify."""
    async with relayed(reactor, tmp_path, version) as (front, client, backend):
        backend.transport.abortConnection()
        await client.until(lambda wire: bool(wire.finished or wire.ending))
        assert not client.notified
        assert front.active == 0


async def test_a_changed_connection_ends_in_1_2(reactor: Any, tmp_path: Path) -> None:
    """A client over TLS 1.2 that has changed to another protocol is told soon that its backend has said all."""
    site = TLS(SITE.store(tmp_path))
    async with bound(reactor, Backends()) as (pool, backends):
        listener = HTTPListener(f"tcp:{free_port()}:interface={HOST}", tls=site, routes=Route(pool=pool, upgrades="ws"))
        async with serving(reactor, listener, backends) as front:
            said = request("GET /", "connection: upgrade", "upgrade: ws")
            client = await reached(reactor, front, said, manner=Manner("1.2"))
            backend = await front.calls.get()
            await backend.until(lambda wire: b"\r\n\r\n" in wire.heard)
            backend.say(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ws\r\n\r\nlast words")
            backend.transport.loseConnection()
            await client.until(lambda _: client.notified)
            assert client.heard.endswith(b"\r\n\r\nlast words")
