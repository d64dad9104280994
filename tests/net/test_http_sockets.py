"""HTTP on real sockets: what only a kernel shows of closes, resets and pressure."""

from __future__ import annotations

from typing import Any

from balancer.config import HTTPListener
from tests.net.house import answer, request
from tests.net.wires import fronted

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
