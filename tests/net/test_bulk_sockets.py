"""Long bodies on real sockets: what passes by the kernel's way arrives as ever, and so does whatever comes next."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import HTTPListener
from tests.net.house import answer, request
from tests.net.wires import Wire, fronted

MEBIBYTE = 1 << 20
BODY = bytes(range(256)) * (8 * MEBIBYTE // 256)


async def uploaded(backend: Wire, body: bytes) -> None:
    """Wait for the request with that body, and take it."""
    await backend.until(lambda wire: len(wire.heard) > len(body) and wire.heard.endswith(body[-MEBIBYTE:]))
    assert backend.heard.endswith(body)
    await backend.hear(len(backend.heard))


async def test_one_long_message_after_another(reactor: Any) -> None:
    """Uploads and answers of many mebibytes arrive whole, in turn with short ones, over the same two connections."""
    async with fronted(reactor, HTTPListener) as front:
        upload = request("PUT /", f"content-length: {len(BODY)}", body=BODY)
        client = await front.client(upload)
        backend = await front.calls.get()
        for body in (BODY, b"short", BODY):
            await uploaded(backend, BODY)
            backend.say(answer(body))
            assert await client.hear(len(answer(body))) == answer(body)
            client.say(request("GET /short"))
            await backend.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
            await backend.hear(len(backend.heard))
            backend.say(answer(b"yes"))
            assert await client.hear(len(answer(b"yes"))) == answer(b"yes")
            client.say(upload)
        assert not front.calls.pending


@pytest.mark.parametrize("who", ["client", "backend"])
async def test_an_upload_that_breaks(reactor: Any, who: str) -> None:
    """A client that leaves in the middle of an upload frees its backend; a backend that does is told as 502."""
    async with fronted(reactor, HTTPListener) as front:
        client = await front.client(request("PUT /", f"content-length: {64 * MEBIBYTE}", body=BODY))
        backend = await front.calls.get()
        await backend.until(lambda wire: len(wire.heard) > len(BODY))
        if who == "client":
            client.transport.abortConnection()
            assert await backend.end() == "ConnectionLost"
        else:
            backend.transport.abortConnection()
            client.say(BODY)
            await client.until(lambda wire: b"\r\n\r\n" in wire.heard)
            assert client.heard.startswith(b"HTTP/1.1 502 ")
        assert front.active == 0


@pytest.mark.parametrize("who", ["client", "backend"])
async def test_an_answer_that_breaks(reactor: Any, who: str) -> None:
    """An answer that its backend breaks off is seen to be broken; a client that leaves frees its backend."""
    async with fronted(reactor, HTTPListener) as front:
        client = await front.client(request())
        backend = await front.calls.get()
        await backend.hear(len(request()))
        head = answer(b"").replace(b"content-length: 0", b"content-length: %d" % (64 * MEBIBYTE))
        backend.say(head + BODY)
        await client.until(lambda wire: len(wire.heard) > len(BODY))
        (backend if who == "backend" else client).transport.abortConnection()
        await (client if who == "backend" else backend).until(lambda wire: bool(wire.finished or wire.ending))
        assert front.active == 0


async def test_an_early_answer_to_a_long_upload(reactor: Any) -> None:
    """The answer to an upload that was not read to its end arrives, and the connection ends."""
    async with fronted(reactor, HTTPListener) as front:
        client = await front.client(request("PUT /", f"content-length: {64 * MEBIBYTE}", body=BODY))
        backend = await front.calls.get()
        await backend.until(lambda wire: len(wire.heard) > len(BODY))
        backend.say(answer(b"enough"))
        client.say(BODY)
        await client.until(lambda wire: wire.finished)
        assert client.heard.endswith(b"\r\n\r\nenough")


@pytest.mark.parametrize("size", [len(BODY), (1 << 16) - len(answer(bytes(9))) + 5])
async def test_what_comes_behind_a_long_answer_is_for_nobody(reactor: Any, size: int) -> None:
    """Bytes behind an answer that ended where a read did are not taken for the answer to the next request."""
    async with fronted(reactor, HTTPListener) as front:
        client = await front.client(request() * 2)
        backend = await front.calls.get()
        await backend.hear(len(request()))
        whole = answer(BODY[:size])
        backend.say(whole + answer(b"for nobody"))
        assert await client.hear(len(whole)) == whole
        other = await front.calls.get()
        await other.hear(len(request()))
        other.say(answer(b"yes"))
        assert await client.hear(len(answer(b"yes"))) == answer(b"yes")
