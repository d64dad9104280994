"""Connections to backends over TLS, on real sockets: they stand when they are proven, and end as they should."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.logger import LogEvent

from balancer.config import HTTPListener, TCPListener, UpstreamTLS
from balancer.core.proxy_protocol import encode_v1
from balancer.errors import Draining
from tests.net.house import House, answer, lines, request
from tests.net.tls.farther import TLS12, TLS13, Trusted, behind, fronted, in_the_clear
from tests.net.wires import Wire

VERSIONS = pytest.mark.parametrize("version", [TLS12, TLS13])


def asked(wire: Wire) -> bool:
    """Whether a whole request head is there."""
    return wire.heard.endswith(b"\r\n\r\n")


@VERSIONS
async def test_a_relay(reactor: Any, trusted: Trusted, version: int) -> None:
    """Bytes of both sides pass, and so does the end."""
    async with fronted(reactor, TCPListener, behind(reactor, trusted.door(version=version)), trusted.tls()) as front:
        client = await front.client(b"ping")
        backend = await front.calls.get()
        assert await backend.hear(4) == b"ping"
        backend.say(b"pong")
        assert await client.hear(4) == b"pong"
        backend.transport.loseConnection()
        await client.until(lambda wire: wire.finished)


@VERSIONS
async def test_a_relay_that_is_cut(reactor: Any, trusted: Trusted, version: int) -> None:
    """An end that is no end of TLS may be anybody's doing: the client is cut, not told that this is all."""
    async with fronted(reactor, TCPListener, behind(reactor, trusted.door(version=version)), trusted.tls()) as front:
        client = await front.client(b"ping")
        backend = await front.calls.get()
        await backend.hear(4)
        backend.say(b"pong")
        assert await client.hear(4) == b"pong"
        backend.transport.transport.loseConnection()
        assert await client.end() == "ConnectionLost"
        assert not client.finished


@VERSIONS
async def test_requests_share_a_connection(reactor: Any, trusted: Trusted, version: int) -> None:
    """A connection is kept and used again, even for a request that must not be sent twice."""
    door = trusted.door(version=version)
    async with fronted(reactor, HTTPListener, behind(reactor, door), trusted.tls()) as front:
        client = await front.client(request())
        backend = await front.calls.get()
        for line in ("POST /", "GET /", "POST /"):
            await backend.until(asked)
            backend.heard.clear()
            backend.say(answer(b"hello"))
            await client.until(lambda wire: wire.heard.endswith(b"hello"))
            client.heard.clear()
            client.say(request(line))
        await backend.until(asked)
        assert len(door.met) == 1


@VERSIONS
async def test_an_answer_that_nobody_asked_for(reactor: Any, trusted: Trusted, version: int) -> None:
    """What a backend sends behind its answer, in a record of its own, is no answer to what is asked next."""
    door = trusted.door(version=version)
    async with fronted(reactor, HTTPListener, behind(reactor, door), trusted.tls()) as front:
        client = await front.client(request() * 2)
        first = await front.calls.get()
        await first.until(asked)
        for body in (b"hello", b"stray"):
            door.met[0].send(answer(body))
        first.transport.transport.write(door.met[0].bio_read(1 << 16))
        second = await front.calls.get()
        await second.until(asked)
        second.say(answer(b"right"))
        await client.until(lambda wire: wire.heard.endswith(b"right"))
        assert b"stray" not in client.heard


@pytest.mark.parametrize("orderly", [True, False])
async def test_a_body_that_ends_with_the_connection(reactor: Any, trusted: Trusted, orderly: bool) -> None:
    """It is complete only if TLS has ended in order."""
    async with fronted(reactor, HTTPListener, behind(reactor, trusted.door()), trusted.tls()) as front:
        client = await front.client(request())
        backend = await front.calls.get()
        await backend.until(asked)
        backend.say(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
        await client.until(lambda wire: b"half of it" in wire.heard)
        if orderly:
            backend.transport.loseConnection()
            await client.until(lambda wire: wire.heard.endswith(b"\r\n0\r\n\r\n"))
        else:
            backend.transport.transport.loseConnection()
            await client.until(lambda wire: wire.finished or bool(wire.ending))
            assert not client.heard.endswith(b"\r\n0\r\n\r\n")


@VERSIONS
async def test_sessions_are_gone_on_with(reactor: Any, trusted: Trusted, version: int) -> None:
    """The second connection to a backend takes no certificate, however the first one ended."""
    door = trusted.door(version=version)
    async with fronted(reactor, TCPListener, behind(reactor, door), trusted.tls()) as front:
        for number in range(3):
            client = await front.client(b"ping")
            backend = await front.calls.get()
            await backend.hear(4)
            backend.say(b"pong")
            assert await client.hear(4) == b"pong"
            if number:
                client.transport.abortConnection()
                await backend.end()
            else:
                backend.transport.loseConnection()
                await client.until(lambda wire: wire.finished)
        assert (len(door.met), door.proofs) == (3, 1)


async def test_names(reactor: Any, trusted: Trusted) -> None:
    """A backend is asked for by its own name, and offered what the pool speaks."""
    door = trusted.door("a.example")
    tls = trusted.tls(alpn="postgresql", server_name="b.example")
    backend = {"server_name": "a.example"}
    async with fronted(reactor, TCPListener, behind(reactor, door), tls, backend=backend) as front:
        await front.client(b"ping")
        await (await front.calls.get()).hear(4)
        assert door.met[0].get_servername() == b"a.example"


async def test_who_the_client_is_comes_first(reactor: Any, trusted: Trusted) -> None:
    """A PROXY header goes out in the clear, before TLS begins."""
    async with fronted(reactor, TCPListener, in_the_clear(reactor), trusted.tls(), send_proxy="v1") as front:
        client = await front.client()
        backend = await front.calls.get()
        us, them = client.transport.getHost(), client.transport.getPeer()
        header = encode_v1((us.host, us.port), (them.host, them.port))
        assert await backend.hear(len(header) + 1) == header + b"\x16"


async def test_a_client_that_leaves(reactor: Any, trusted: Trusted) -> None:
    """Nothing is left of a handshake whose client has gone."""
    async with fronted(reactor, TCPListener, in_the_clear(reactor), trusted.tls()) as front:
        client = await front.client()
        backend = await front.calls.get()
        await backend.hear(1)
        assert front.active == 1
        for _, listener in front.assembly.listeners:
            listener.end_all(Draining("the test cuts it"))
        await backend.end()
        await client.end()
        assert front.active == 0


async def test_ends_of_one_direction(reactor: Any, trusted: Trusted) -> None:
    """In TLS 1.3 either side may finish before the other, even before it has said anything."""
    async with fronted(reactor, TCPListener, behind(reactor, trusted.door()), trusted.tls()) as front:
        client = await front.client(b"ping")
        backend = await front.calls.get()
        assert await backend.hear(4) == b"ping"
        backend.transport.loseConnection()
        await client.until(lambda wire: wire.finished)
        assert not client.heard
        client.transport.loseConnection()
    async with fronted(reactor, TCPListener, behind(reactor, trusted.door()), trusted.tls()) as front:
        client = await front.client(b"ping")
        client.transport.loseWriteConnection()
        backend = await front.calls.get()
        assert await backend.hear(4) == b"ping"
        await backend.end()


def test_a_socket_that_does_not_stand(house: House) -> None:
    """An attempt whose socket does not stand in time is given up like any other."""
    house.network.hang(9001)
    house.relay(9001, tls=UpstreamTLS(verify=False))
    client = house.client(b"ping")
    assert (house.active, len(house.network.connecting)) == (1, 1)
    house.network.advance(6)
    assert (house.active, len(house.network.connecting)) == (0, 0)
    assert client.ending


def test_a_backend_that_takes_no_connection(house: House, told: list[LogEvent]) -> None:
    """It is said so, and not that there was anything wrong with TLS."""
    house.relay(9001, tls=UpstreamTLS(verify=False))
    assert house.client(b"ping").ending
    assert "127.0.0.1:9001: Connection was refused by other side" in "\n".join(lines(told))


@VERSIONS
async def test_a_change_of_protocol(reactor: Any, trusted: Trusted, version: int) -> None:
    """What follows an upgrade goes over TLS as well, both ways, and so does the end."""
    door = trusted.door(version=version)
    async with fronted(reactor, HTTPListener, behind(reactor, door), trusted.tls()) as front:
        client = await front.client(request("GET /", "connection: upgrade", "upgrade: websocket"))
        backend = await front.calls.get()
        await backend.until(asked)
        backend.heard.clear()
        backend.say(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello")
        await client.until(lambda wire: wire.heard.endswith(b"hello"))
        client.say(b"ping")
        assert await backend.hear(4) == b"ping"
        backend.transport.loseConnection()
        await client.until(lambda wire: wire.finished or bool(wire.ending))
