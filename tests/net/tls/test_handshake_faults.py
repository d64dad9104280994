"""Handshakes that stall, that end at each step, and that are no handshakes: none keeps anything."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from twisted.logger import LogEvent

from balancer.config import HTTPListener, TCPListener
from tests.net.tls.talking import Manner, Talker
from tests.net.tls.wires import TLSWire, called, empty, over, reached, secured, whole
from tests.net.wires import HOST, Front

VERSIONS = ["1.2", "1.3"]
ALONE = {"max_handshakes": 1}
"""Whatever keeps a handshake keeps everybody else out."""
SOON = {"handshake_timeout": 0.2}


class Second:
    """Cuts a client's second flight to its first bytes; the hello goes out whole."""

    def __init__(self, size: int) -> None:
        self.flights = 0
        self._size = size

    def __call__(self, data: bytes) -> Iterable[bytes]:
        self.flights += 1
        return whole(data if self.flights == 1 else data[: self._size])


def bytewise(data: bytes) -> Iterable[bytes]:
    """Each byte by itself."""
    return [data[at : at + 1] for at in range(len(data))]


async def served(reactor: Any, front: Front) -> None:
    """A client is heard and answered, once all who came before are gone."""
    await empty(reactor, front)
    client = await reached(reactor, front, b"hello")
    backend = await front.calls.get()
    assert await backend.hear(5) == b"hello"
    backend.say(b"served")
    assert await client.hear(6) == b"served"
    client.transport.abortConnection()
    await backend.end()


async def in_its_second(reactor: Any, front: Front, version: str, size: int) -> TLSWire:
    """A client that has sent so many bytes of its second flight, and no more."""
    second = Second(size)
    client = await called(reactor, front, manner=Manner(version), cut=second)
    await client.send(client.talker.begin())
    await client.until(lambda _: second.flights == 2)
    return client


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", ["loseConnection", "abortConnection", "loseWriteConnection"])
async def test_ends_in_its_hello(reactor: Any, tmp_path: Path, version: str, how: str) -> None:
    """Wherever a client leaves its hello, with FIN or RST, the next client is served."""
    async with secured(reactor, TCPListener, tmp_path, tls=ALONE) as front:
        for size in (0, 1, 4, 5, 6, 60, -1):
            client = await called(reactor, front, manner=Manner(version))
            await client.send(client.talker.begin()[:size])
            getattr(client.transport, how)()
            await over(client)
            await served(reactor, front)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", ["loseConnection", "abortConnection", "loseWriteConnection"])
async def test_ends_in_its_second_flight(reactor: Any, tmp_path: Path, version: str, how: str) -> None:
    """A client that leaves within its last words keeps nothing either."""
    async with secured(reactor, TCPListener, tmp_path, tls=ALONE) as front:
        for size in (0, 1, 5, 6, 40, -1):
            client = await in_its_second(reactor, front, version, size)
            getattr(client.transport, how)()
            await over(client)
            await served(reactor, front)


@pytest.mark.parametrize("kind", [HTTPListener, TCPListener])
async def test_garbage(reactor: Any, tmp_path: Path, kind: Any, told: list[LogEvent]) -> None:
    """Whatever comes in place of a handshake, or from some byte of one on, ends the connection and throws nothing."""
    random, hello = Random(1), Talker("site").begin()
    async with secured(reactor, kind, tmp_path, tls={**ALONE, **SOON}) as front:
        for _ in range(60):
            size = random.choice([0, 1, 5, random.randrange(len(hello))])
            client = await front.client(hello[:size] + random.randbytes(random.choice([1, 10, 1000, 20_000])))
            await over(client)
        assert front.active == 0
        assert not [event for event in told if event.get("log_failure")]
        await reached(reactor, front)


@pytest.mark.parametrize("version", VERSIONS)
async def test_garbage_in_the_second_flight(reactor: Any, tmp_path: Path, version: str) -> None:
    """The same for what comes behind the hello."""
    random = Random(2)
    async with secured(reactor, TCPListener, tmp_path, tls={**ALONE, **SOON}) as front:
        for size in (0, 1, 5, 6, 40, -1):
            await empty(reactor, front)
            client = await in_its_second(reactor, front, version, size)
            client.transport.write(random.randbytes(1000))
            await over(client)
        await served(reactor, front)


@pytest.mark.parametrize("version", VERSIONS)
async def test_stalls(reactor: Any, tmp_path: Path, version: str) -> None:
    """A client that goes no further, wherever that is, is cut off when its time is up, and the next is served."""
    async with secured(reactor, TCPListener, tmp_path, tls={**ALONE, **SOON}) as front:
        for size in (0, 1, 5, 6, 100, -1):
            await empty(reactor, front)
            client = await called(reactor, front, manner=Manner(version))
            await client.send(client.talker.begin()[:size])
            await over(client)
        for size in (0, 1, 5, 40, -1):
            await empty(reactor, front)
            await over(await in_its_second(reactor, front, version, size))
        await served(reactor, front)


async def test_no_more_than_so_many_at_once(reactor: Any, tmp_path: Path) -> None:
    """Who comes while so many handshakes are under way is closed at once; those go on, and make room as they end."""
    async with secured(reactor, TCPListener, tmp_path, tls={"max_handshakes": 3}) as front:
        stalled = [await called(reactor, front) for _ in range(3)]
        hellos = [client.talker.begin() for client in stalled]
        for client, hello in zip(stalled, hellos, strict=True):
            await client.send(hello[:10])
        await front.turned_away()
        stalled[0].transport.abortConnection()
        await stalled[0].end()
        await empty(reactor, front, but=2)
        await reached(reactor, front)
        await stalled[1].send(hellos[1][10:])
        await stalled[1].until(lambda _: stalled[1].talker.done)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_hello_in_pieces(reactor: Any, tmp_path: Path, version: str) -> None:
    """A hello may come a byte at a time, each in a segment of its own, and so may all that follows."""
    async with secured(reactor, TCPListener, tmp_path) as front:
        client = await reached(reactor, front, b"said", manner=Manner(version), cut=bytewise)
        backend = await front.calls.get()
        assert await backend.hear(4) == b"said"
        backend.say(b"heard")
        assert await client.hear(5) == b"heard"


async def test_no_more_than_so_many_behind_headers(reactor: Any, tmp_path: Path) -> None:
    """Clients that connect first and send their PROXY headers later are as many at once as all others."""
    async with secured(reactor, TCPListener, tmp_path, tls={"max_handshakes": 3}, accept_proxy=HOST) as front:
        waiting = [await called(reactor, front) for _ in range(5)]
        for client in waiting:
            await client.send(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
        await empty(reactor, front, but=3)
        for client in waiting[3:]:
            await client.end()
        assert not any(client.finished or client.ending for client in waiting[:3])
