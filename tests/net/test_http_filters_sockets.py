"""Filters on real sockets: those that take real time, and bodies that are rewritten under real pressure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from twisted.internet.task import deferLater

from balancer.config import HTTPListener, Route
from balancer.interfaces import Direction, Filter
from tests.net.house import answer, request
from tests.net.wires import HOST, Backends, Front, bound, free_port, serving

SIZE = 4 << 20


class Swaps(Filter):
    """Swaps the bodies' letters, in both directions, by the same table that swaps them back."""

    def body(self, head: Any, session: Any, direction: Direction) -> Swaps:
        return self

    def feed(self, data: bytes) -> bytes:
        return data.swapcase()

    def finish(self) -> bytes:
        return b""


@asynccontextmanager
async def filtered(reactor: Any, *filters: Any) -> AsyncIterator[Front]:
    """An HTTP listener with these filters over one backend."""
    async with bound(reactor, Backends()) as (pool, backends):
        listener = HTTPListener(f"tcp:{free_port()}:interface={HOST}", routes=Route(pool=pool, filters=filters))
        async with serving(reactor, listener, backends) as front:
            yield front


async def test_a_coroutine_that_takes_its_time(reactor: Any) -> None:
    """A request whose filter waits a moment is answered after it, and so are those of others meanwhile."""

    async def waits(head: Any, session: Any) -> Any:
        await deferLater(reactor, 0.05, lambda: None)
        return head.with_field("x-waited", "yes")

    async with filtered(reactor, waits) as front:
        clients = [await front.client(request()) for _ in range(3)]
        for backend in [await front.calls.get() for _ in clients]:  # all, before any has room for another
            await backend.until(lambda wire: b"x-waited: yes\r\n" in wire.heard)
            backend.say(answer(b"hi"))
        for client in clients:
            assert await client.hear(len(answer(b"hi"))) == answer(b"hi")


async def test_a_client_that_left_frees_its_filter(reactor: Any) -> None:
    """A client that closed while its filter waits has that cancelled; nobody is asked and nothing is left."""
    waiting: list[Any] = []

    def waits(_head: Any, _session: Any) -> Any:
        waiting.append(deferLater(reactor, 600, lambda: None))
        return waiting[0]

    async with filtered(reactor, waits) as front:
        client = await front.client(request())
        while not waiting:
            await deferLater(reactor, 0.01, lambda: None)
        client.transport.abortConnection()
        while not waiting[0].called:
            await deferLater(reactor, 0.01, lambda: None)
        assert front.active == 0


async def test_large_bodies_are_rewritten_whole(reactor: Any) -> None:
    """Megabytes go up and down through a transform, in chunks, and nothing is lost."""
    async with filtered(reactor, Swaps()) as front:
        client = await front.client(request("POST /", f"content-length: {SIZE}") + b"a" * SIZE)
        backend = await front.calls.get()
        await backend.until(lambda wire: wire.heard.endswith(b"\r\n0\r\n\r\n"))
        assert backend.heard.count(b"A") == SIZE
        backend.say(answer(b"B" * SIZE))
        await client.until(lambda wire: wire.heard.endswith(b"\r\n0\r\n\r\n"))
        assert client.heard.partition(b"\r\n\r\n")[2].count(b"b") >= SIZE
