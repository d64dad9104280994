"""HTTP on real sockets: what only a kernel shows of closes, resets and pressure."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import deferLater

from balancer.config import AccessLog, HTTPListener
from balancer.core.conversation import Conversation
from balancer.core.exchange import Exchange
from balancer.core.journal import Journal
from balancer.core.silence import Watch
from balancer.net.http import HTTPConnection
from tests.net.house import answer, request
from tests.net.wires import Wire, fronted

MEBIBYTE = 1 << 20


async def test_a_refusal_reaches_a_client_that_goes_on_sending(reactor: Any) -> None:
    """A client in the middle of a large upload reads the whole refusal, not a reset."""
    async with fronted(reactor, HTTPListener) as front:
        client = await front.client(b"NONSENSE\r\n\r\n" + bytes(8 * MEBIBYTE))
        await client.until(lambda wire: wire.finished)
        assert client.heard.endswith(b"\r\n\r\n400 Bad Request: request-refused\n")
        client.transport.loseConnection()
        assert await client.end() == "ConnectionDone"


async def test_an_early_answer_reaches_a_client_that_goes_on_sending(reactor: Any) -> None:
    """A backend's answer to half an upload is read in full by a client that sends the rest."""
    async with fronted(reactor, HTTPListener) as front:
        head = request("POST /", f"content-length: {64 * MEBIBYTE}")
        client = await front.client(head + bytes(MEBIBYTE))
        backend = await front.calls.get()
        await backend.hear(len(head))
        backend.say(answer(b"enough", status="413 Content Too Large"))
        client.say(bytes(8 * MEBIBYTE))
        await client.until(lambda wire: wire.finished)
        assert client.heard.endswith(b"\r\n\r\nenough")


async def test_what_came_of_a_broken_answer_arrives(reactor: Any) -> None:
    """Of an answer that a backend breaks off in one go the client reads what there is, and then a close, no reset."""
    async with fronted(reactor, HTTPListener) as front:
        client = await front.client(request())
        backend = await front.calls.get()
        await backend.hear(len(request()))
        begun = answer(b"whole")[:-1]
        backend.say(begun)
        backend.transport.loseConnection()
        assert await client.hear(len(begun)) == begun
        await client.until(lambda wire: wire.finished)
        client.transport.loseConnection()
        assert await client.end() == "ConnectionDone"


async def test_a_half_closed_client_gets_its_answer(reactor: Any) -> None:
    """After a client's FIN its answer arrives in full, and then the close."""
    async with fronted(reactor, HTTPListener) as front:
        client = await front.client(request())
        client.transport.loseWriteConnection()
        backend = await front.calls.get()
        await backend.hear(len(request()))
        backend.say(answer(bytes(MEBIBYTE)))
        expected = answer(bytes(MEBIBYTE), "connection: close")
        assert await client.hear(len(expected)) == expected
        await client.until(lambda wire: wire.finished)


async def test_a_client_that_left_frees_its_backend(reactor: Any) -> None:
    """A client that closed while it waited has its request cancelled, soon."""
    async with fronted(reactor, HTTPListener) as front:
        client = await front.client(request())
        backend = await front.calls.get()
        await backend.hear(len(request()))
        client.transport.loseConnection()
        assert await backend.end() == "ConnectionLost"
        assert front.active == 0


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("logged", [False, True])
async def test_nothing_is_left_of_a_client(reactor: Any, tmp_path: Path, logged: bool) -> None:
    """What was made for a client, answered or not, is gone with it, without a search for garbage."""
    async with fronted(reactor, HTTPListener, access_log=AccessLog(str(tmp_path / "log")) if logged else None) as front:
        for path in ("GET /", "NONSENSE /", "GET /slow"):
            client = await front.client(request(path, "connection: close"))
            if path == "GET /":
                backend = await front.calls.get()
                await backend.hear(len(request()))
                backend.say(answer(b"yes"))
                await client.until(lambda wire: wire.finished)
            client.transport.loseConnection()
            await client.end()
        while front.active:
            await deferLater(reactor, 0.01, lambda: None)
        kinds = HTTPConnection, Conversation, Exchange, Journal, Watch
        await deferLater(reactor, 0.01, lambda: None)  # the reactor's own part
        assert not [one for one in gc.get_objects() if isinstance(one, kinds)]


async def test_a_stale_connection_is_replaced(reactor: Any) -> None:
    """A GET whose kept connection is closed as it goes out is answered over a new one."""
    async with fronted(reactor, HTTPListener) as front:
        client = await front.client(request())
        first = await front.calls.get()
        await first.hear(len(request()))
        first.say(answer(b"one"))
        await client.hear(len(answer(b"one")))
        client.say(request("GET /two"))
        await first.hear(len(request("GET /two")))
        first.transport.loseConnection()
        second = await front.calls.get()
        assert (await second.hear(8)) == b"GET /two"
        second.say(answer(b"two"))
        assert await client.hear(len(answer(b"two"))) == answer(b"two")


async def test_large_bodies_both_ways(reactor: Any) -> None:
    """A large upload and a large answer arrive whole."""
    async with fronted(reactor, HTTPListener) as front:
        body = bytes(range(256)) * (4 * MEBIBYTE // 256)
        client = await front.client(request("POST /", f"content-length: {len(body)}", body=body))
        backend = await front.calls.get()
        await backend.until(lambda wire: wire.heard.endswith(body))
        backend.say(answer(body))
        assert await client.hear(len(answer(body))) == answer(body)


async def head(backend: Wire) -> bytes:
    """Wait for the one request head that a backend has to hear now, and take it."""
    await backend.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
    assert backend.heard.count(b"\r\n\r\n") == 1
    return await backend.hear(len(backend.heard))


async def test_requests_wait_for_room(reactor: Any) -> None:
    """A backend that takes one request at a time gets one, and those that wait come over the same connection."""
    async with fronted(reactor, HTTPListener, backend_takes=1) as front:
        clients = [await front.client(request()) for _ in range(8)]
        backend = await front.calls.get()
        for client in clients:
            await head(backend)
            assert front.active == 1
            backend.say(answer(b"yes"))
            assert await client.hear(len(answer(b"yes"))) == answer(b"yes")
        assert not front.calls.pending


async def test_who_leaves_a_queue_is_not_served(reactor: Any) -> None:
    """A request whose client closes its connection while it waits never reaches the backend."""
    async with fronted(reactor, HTTPListener, backend_takes=1, half_closed=0.01) as front:
        first, second, third = [await front.client(request(f"GET /{number}")) for number in range(3)]
        backend = await front.calls.get()
        assert (await head(backend)).startswith(b"GET /0 ")
        (pool,) = front.assembly.pools.values()
        for waiting in (2, 1):
            while pool.waiting != waiting:
                await deferLater(reactor, 0.01, lambda: None)
            second.transport.loseConnection()
        backend.say(answer())
        assert (await head(backend)).startswith(b"GET /2 ")
        assert await first.hear(len(answer())) == answer()
        assert third.heard == b""
