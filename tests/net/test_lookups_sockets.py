"""A backend by name on real sockets: the address of two that answers, where it moved to, and our own address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from balancer.assembly import Assembly, bind
from balancer.config import Config, Pool, TCPListener
from tests.net.wires import HOST, Backends, Front, close, free_port
from tests.net.zone import Zone, a, zone


@asynccontextmanager
async def named(reactor: Any, known: Zone, *hosts: str, **settings: Any) -> AsyncIterator[tuple[Front, Backends]]:
    """A relay to db.test, which listens on one port of all these hosts."""
    backends, number = Backends(), free_port()
    bound = [reactor.listenTCP(number, backends, interface=host) for host in hosts]
    pool = Pool("pool", backends=[f"db.test:{number}"], dns=f"{HOST}:{known.port}", **settings)
    listener = TCPListener(f"tcp:{free_port()}:interface={HOST}", pool=pool)
    assembly = Assembly(reactor, Random(4))
    await assembly.assemble(Config([listener]))
    for noun, part in assembly.listeners:
        await bind(noun, part)
    front = Front(reactor, int(listener.place[1]), assembly, backends)
    try:
        yield front, backends
    finally:
        await close(front, backends)
        for port in bound:
            await port.stopListening()


async def reached(front: Front, backends: Backends) -> tuple[str, str]:
    """Connect once more; the address that was reached, and the one it was reached from."""
    client = await front.client(b"hello")
    wire = await backends.calls.get()
    assert await wire.hear(5) == b"hello"
    wire.say(b"world")
    assert await client.hear(5) == b"world"
    return wire.transport.getHost().host, wire.transport.getPeer().host


async def test_the_address_that_answers(reactor: Any) -> None:
    """Where nobody listens at the IPv6 address of a name, clients get to the IPv4 one, which is then the first."""
    async with zone(reactor) as known:
        known.records["db.test"] = [a("::1"), a(HOST)]
        async with named(reactor, known, HOST) as (front, backends):
            ((backend,),) = (pool.backends for pool in front.assembly.pools.values())
            assert [place[0] for place in backend.places] == ["::1", HOST]
            assert (await reached(front, backends))[0] == HOST
            assert [place[0] for place in backend.places] == [HOST, "::1"]
            assert backend.failed == 0


async def test_a_name_that_moves(reactor: Any) -> None:
    """Who connects after a name has moved gets to where it is now; who was connected stays."""
    async with zone(reactor) as known:
        known.records["db.test"] = [a(HOST)]
        async with named(reactor, known, HOST, "127.0.0.2") as (front, backends):
            assert (await reached(front, backends))[0] == HOST
            known.records["db.test"] = [a("127.0.0.2")]
            await front.assembly.lookups[0].look()
            assert (await reached(front, backends))[0] == "127.0.0.2"
            front.clients[0].say(b"still here")
            assert await backends.all[0].hear(10) == b"still here"


async def test_our_own_address(reactor: Any) -> None:
    """Backends are connected to from the source of their pool, at addresses of its family alone."""
    async with zone(reactor) as known:
        known.records["db.test"] = [a("::1"), a(HOST)]
        async with named(reactor, known, HOST, source="127.0.0.5") as (front, backends):
            assert await reached(front, backends) == (HOST, "127.0.0.5")
