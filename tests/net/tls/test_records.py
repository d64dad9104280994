"""Records of every size and kind, in the middle of what is served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from balancer.config import HTTPListener, TCPListener
from tests.net.house import answer, request
from tests.net.tls.forging import ALERT, DATA, HANDSHAKE, Forger12, Forger13
from tests.net.tls.talking import Manner, Talker
from tests.net.tls.wires import TLSWire, over, reached, secured

VERSIONS = ["1.2", "1.3"]
BULK = Random(4).randbytes((3 << 20) + 5)


def forging(client: TLSWire, version: str) -> Forger12 | Forger13:
    """What makes records for that client."""
    return Forger12(client.talker) if version == "1.2" else Forger13(client.talker)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_byte_in_each(reactor: Any, tmp_path: Path, version: str) -> None:
    """What is said may come in as many records as it has bytes, all at once or one by one."""
    for together in (True, False):
        async with secured(reactor, TCPListener, tmp_path) as front:
            client = await reached(reactor, front, manner=Manner(version))
            forger = forging(client, version)
            records = [forger.record(DATA, request()[at : at + 1]) for at in range(len(request()))]
            for piece in [b"".join(records)] if together else records:
                await client.send(piece)
            assert await (await front.calls.get()).hear(len(request())) == request()


@pytest.mark.parametrize("version", VERSIONS)
async def test_bulk_both_ways(reactor: Any, tmp_path: Path, version: str) -> None:
    """Megabytes that are sent both ways at once arrive to the byte, and the ends behind them."""
    async with secured(reactor, TCPListener, tmp_path) as front:
        client = await reached(reactor, front, BULK, manner=Manner(version))
        backend = await front.calls.get()
        await backend.until(lambda wire: bool(wire.heard))
        backend.say(BULK[::-1])
        assert await backend.hear(len(BULK)) == BULK
        assert await client.hear(len(BULK)) == BULK[::-1]
        client.end_writing()
        await backend.until(lambda wire: bool(wire.finished or wire.ending))
        backend.transport.loseConnection()
        await client.until(lambda _: client.notified or client.finished)


async def test_new_keys_in_the_middle(reactor: Any, tmp_path: Path) -> None:
    """A client that changes its keys, and ours, again and again within what it says is heard and answered."""
    async with secured(reactor, TCPListener, tmp_path) as front:
        client = await reached(reactor, front)
        forger = Forger13(client.talker)
        backend = await front.calls.get()
        for number in range(40):
            await client.send(forger.record(DATA, b"%04d" % number) + forger.rekeyed(asking=bool(number % 2)))
            assert await backend.hear(4) == b"%04d" % number
            backend.say(b"%04d" % number)
            assert await client.hear(4) == b"%04d" % number


def hellos(forger: Forger12) -> Iterator[bytes]:
    """Attempts to renegotiate, without end."""
    hello = Talker("site", Manner("1.2")).begin()[5:]
    while True:
        yield forger.record(HANDSHAKE, hello)


def new_keys(forger: Forger13) -> Iterator[bytes]:
    """New keys, each to be answered by one, without end."""
    while True:
        yield forger.rekeyed(asking=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", [HTTPListener, TCPListener])
async def test_a_flood(reactor: Any, tmp_path: Path, version: str, kind: Any) -> None:
    """A client that makes OpenSSL work and says nothing is cut off; its neighbour is served."""
    async with secured(reactor, kind, tmp_path) as front:
        client = await reached(reactor, front, manner=Manner(version))
        begun = [await front.calls.get()] if kind is TCPListener else []
        forger = forging(client, version)
        flood = hellos(forger) if isinstance(forger, Forger12) else new_keys(forger)
        await client.send(b"".join(next(flood) for _ in range(3000)))
        for wire in (client, *begun):
            await over(wire)
        neighbour = await reached(reactor, front, request())
        backend = await front.calls.get()
        await backend.hear(len(request()))
        backend.say(answer(b"yes"))
        await neighbour.hear(len(answer(b"yes")))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "record", [(DATA, b""), (ALERT, b"\x01\x5a"), (ALERT, b"\x02\x28"), (HANDSHAKE, b"\0" * 4), (99, b"x")]
)
async def test_what_may_not_come(reactor: Any, tmp_path: Path, version: str, record: tuple[int, bytes]) -> None:
    """Empty records, warnings and errors, or what is of no kind, again and again, end the connection with no harm."""
    async with secured(reactor, HTTPListener, tmp_path) as front:
        client = await reached(reactor, front, manner=Manner(version))
        forger = forging(client, version)
        await client.send(b"".join(forger.record(*record) for _ in range(100)))
        await client.until(lambda wire: bool(wire.finished or wire.ending))
        assert not client.notified
        assert front.active == 0


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_record_that_was_changed(reactor: Any, tmp_path: Path, version: str) -> None:
    """A record of which one bit was changed on its way ends the connection, and its request reaches nobody."""
    async with secured(reactor, HTTPListener, tmp_path) as front:
        client = await reached(reactor, front, manner=Manner(version))
        record = bytearray(client.talker.say(request()))
        record[-1] ^= 1
        await client.send(bytes(record))
        await client.until(lambda wire: bool(wire.finished or wire.ending))
        assert not front.calls.pending
