"""Routes by first bytes on real sockets: every protocol, hostile clients, and what waiting costs."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from balancer.core.hello import HELLO_LIMIT
from balancer.core.proxy_protocol import encode_v2
from balancer.interfaces import Found, Matcher
from balancer.plugins.first_bytes import (
    ALPN,
    HTTP1,
    HTTP2,
    SNI,
    SSH,
    MQTTClientID,
    Postgres,
    PostgresSSL,
    Redis,
    TLSHello,
)
from tests.net import hellos
from tests.net.wires import HOST, Front, routed

MEBIBYTE = 1 << 20
PROTOCOLS: list[tuple[Any, bytes]] = [
    (SNI("a.example"), hellos.NAMED),
    (ALPN("mqtt"), hellos.client_hello("b.example", "mqtt")),
    (TLSHello(), hellos.client_hello()),
    (PostgresSSL(), hellos.POSTGRES_SSL),
    (Postgres(database="shop"), hellos.startup(b"user", b"ann", b"database", b"shop")),
    (MQTTClientID("sensor-*"), hellos.connect(b"sensor-1")),
    (Redis(), hellos.REDIS),
    (SSH(), hellos.SSH_LINE),
    (HTTP2(), hellos.HTTP2_PREFACE),
    (HTTP1(), hellos.HTTP1_REQUEST),
]
STALLED = 500


class Asked(Matcher):
    """Never makes up its mind; counts how often it is asked."""

    peek, asked = HELLO_LIMIT, 0

    def matches(self, session: Any) -> Found:
        """See `IMatcher`."""
        self.asked += 1
        return TLSHello().matches(session)


@pytest.fixture
def descriptors() -> Iterator[None]:
    """As many as the test needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4 * STALLED), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_every_protocol(reactor: Any) -> None:
    """Each client reaches the backend of its protocol behind one port, and that hears what it said."""
    async with routed(reactor, *[matcher for matcher, _ in PROTOCOLS]) as (front, backends):
        for (_, said), behind in zip(PROTOCOLS, backends, strict=True):
            client = await front.client(said)
            backend = await behind.calls.get()
            assert await backend.hear(len(said)) == said
            backend.say(b"yes")
            assert await client.hear(3) == b"yes"
        assert [len(behind.all) for behind in backends] == [1] * len(backends)


async def test_bulk_behind_a_hello(reactor: Any) -> None:
    """What is poured in behind a hello arrives unchanged, with its end, behind the header that tells of the client."""
    data = hellos.NAMED + Random(7).randbytes(6 * MEBIBYTE + 1)
    async with routed(reactor, SNI("a.example"), send_proxy="v2") as (front, backends):
        client = await front.client(data)
        client.transport.loseWriteConnection()
        backend = await backends[0].calls.get()
        header = encode_v2((HOST, client.transport.getHost().port), (HOST, front.port))
        assert await backend.hear(len(header)) == header
        assert await backend.hear(len(data)) == data
        await backend.until(lambda wire: wire.finished)
        backend.say(b"thanks")
        backend.transport.loseWriteConnection()
        assert await client.hear(6) == b"thanks"
        await client.until(lambda wire: wire.finished)


@pytest.mark.parametrize("said", [hellos.NAMED, hellos.NAMED[:99]])
async def test_an_end_while_undecided(reactor: Any, said: bytes) -> None:
    """A client that finishes behind its hello, or in the middle of it, is relayed with its end."""
    async with routed(reactor, SNI("b.example"), None) as (front, backends):
        client = await front.client(said)
        client.transport.loseWriteConnection()
        backend = await backends[1].calls.get()
        assert await backend.hear(len(said)) == said
        await backend.until(lambda wire: wire.finished)
        backend.say(b"answer")
        assert await client.hear(6) == b"answer"


async def test_one_byte_at_a_time(reactor: Any) -> None:
    """A hello of as many segments as it has bytes is found, and nothing of it is lost."""
    async with routed(reactor, SNI("a.example"), peek_timeout=20) as (front, backends):
        client = await front.client()
        client.transport.setTcpNoDelay(True)
        for byte in hellos.NAMED:
            client.say(bytes([byte]))
            await turn(reactor)
        backend = await backends[0].calls.get()
        assert await backend.hear(len(hellos.NAMED)) == hellos.NAMED


@pytest.mark.parametrize("said", [bytes(MEBIBYTE), hellos.STALLED + bytes(100), b"\x16\x03\x01\xff\xff", b"\r\n"])
async def test_garbage_and_oversize(reactor: Any, said: bytes) -> None:
    """What is no protocol of any route, or larger than any hello may be, is reset, and no backend hears of it."""
    async with routed(reactor, SNI("a.example"), Redis(), SSH()) as (front, backends):
        assert await (await front.client(said)).end() == "ConnectionLost"
        assert front.active == 0
        assert not any(behind.all for behind in backends)


async def test_a_backend_that_speaks_first(reactor: Any) -> None:
    """Where a silent client goes to the last route when its time is up, it hears that backend's greeting."""
    async with routed(reactor, TLSHello(), None, peek_timeout=0.2) as (front, backends):
        client = await front.client()
        backend = await backends[1].calls.get()
        await turn(reactor)
        backend.say(b"220 ready")
        assert await client.hear(9) == b"220 ready"


async def test_stalled_hellos_cost_nothing(reactor: Any, descriptors: None) -> None:
    """While many clients stall in the middle of a hello nothing is asked or read again, and the process sleeps."""
    matcher = Asked()
    async with routed(reactor, matcher, peek_timeout=60) as (front, backends):
        clients = [stalled(front) for _ in range(STALLED)]
        ((_, listener),) = front.assembly.listeners
        while len(listener.sessions) < STALLED or matcher.asked < 2 * STALLED:  # type: ignore[attr-defined]  # it has
            await turn(reactor)
        asked, used = matcher.asked, time.process_time()
        await deferLater(reactor, 1.0)
        assert matcher.asked == asked
        assert time.process_time() - used < 0.3
        clients[0].sendall(hellos.NAMED[-1:])
        backend = await backends[0].calls.get()
        assert await backend.hear(len(hellos.NAMED)) == hellos.NAMED
        for client in clients:
            client.close()


def stalled(front: Front) -> socket.socket:
    """A client that has said all of its hello but the last byte."""
    client = socket.create_connection((HOST, front.port))
    client.sendall(hellos.NAMED[:-1])
    return client


def turn(reactor: Any) -> Deferred[None]:
    """Let the reactor run once."""
    return deferLater(reactor, 0)
