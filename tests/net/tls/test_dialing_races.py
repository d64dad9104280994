"""Attempts over TLS among others: to several addresses of one backend, and to one backend after another."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import deferLater

from balancer.config import HTTPListener, Pool, TCPListener
from balancer.core.addresses import HEAD_START
from tests.net.house import answer, request
from tests.net.tls.farther import Door, Trusted, behind, fronted, in_the_clear
from tests.net.wires import HOST, Backends, Front, free_port, serving


def backend_of(front: Front) -> Any:
    """The only backend there is."""
    ((backend,),) = (pool.backends for pool in front.assembly.pools.values())
    return backend


async def test_an_address_that_stalls(reactor: Any, trusted: Trusted) -> None:
    """An address whose handshake takes long has a head start, no more; when another stands it is given up."""
    stalled = Backends()
    port = in_the_clear(reactor)(stalled)
    async with fronted(reactor, TCPListener, behind(reactor, trusted.door()), trusted.tls()) as front:
        backend = backend_of(front)
        first, second = (HOST, port.getHost().port), backend.place
        backend.move([first, second])
        backend.stood(first)
        began = reactor.seconds()
        client = await front.client(b"ping")
        theirs = await front.calls.get()
        assert await theirs.hear(4) == b"ping"
        assert reactor.seconds() - began >= HEAD_START
        given_up = await stalled.calls.get()
        await given_up.end()
        assert backend.place == second
        client.transport.abortConnection()
    await port.stopListening()


async def test_an_address_that_proves_nothing(reactor: Any, trusted: Trusted) -> None:
    """Where the wrong one answers, the next address is tried at once."""
    wrong = Backends()
    port = behind(reactor, trusted.door("a.example"))(wrong)
    async with fronted(reactor, TCPListener, behind(reactor, trusted.door()), trusted.tls()) as front:
        backend = backend_of(front)
        backend.move([(HOST, port.getHost().port), backend.place])
        backend.stood((HOST, port.getHost().port))
        await front.client(b"ping")
        assert await (await front.calls.get()).hear(4) == b"ping"
        await wrong.all[0].end()
    await port.stopListening()


async def test_another_backend(reactor: Any, trusted: Trusted) -> None:
    """A request whose backend does not prove itself goes to another one, even if it must not be sent twice."""
    doors: list[Door] = [trusted.door("a.example"), trusted.door()]
    behinds = [Backends(), Backends()]
    ports = [behind(reactor, door)(backends) for door, backends in zip(doors, behinds, strict=True)]
    places = [f"{HOST}:{port.getHost().port}" for port in ports]
    listener = HTTPListener(
        f"tcp:{free_port()}:interface={HOST}", pool=Pool("pool", backends=places, tls=trusted.tls(), keepalive=0)
    )
    async with serving(reactor, listener, *behinds) as front:
        for _ in range(2):
            client = await front.client(request("POST /"))
            theirs = await behinds[1].calls.get()
            await theirs.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
            theirs.say(answer(b"hello"))
            await client.until(lambda wire: wire.heard.endswith(b"hello"))
        assert doors[0].met
        assert front.active == 0
    for port in ports:
        await port.stopListening()


async def test_connections_made_before_they_are_asked_for(reactor: Any, trusted: Trusted) -> None:
    """A connection that is made early is over TLS, and used by the first request."""
    door = trusted.door()
    pool = {"warm": 1}
    async with fronted(reactor, HTTPListener, behind(reactor, door), trusted.tls(), pool=pool) as front:
        (upstreams,) = front.assembly.upstreams.values()
        upstreams.warm_up(backend_of(front))
        theirs = await front.calls.get()
        while not upstreams.kept.count(backend_of(front)):
            await deferLater(reactor, 0)
        client = await front.client(request("POST /"))
        await theirs.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
        theirs.say(answer(b"hello"))
        await client.until(lambda wire: wire.heard.endswith(b"hello"))
        assert len(door.met) == 1
