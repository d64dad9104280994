"""Connections that change to another protocol on real sockets, in the clear and inside of TLS."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory

from balancer.config import HTTPListener, Route
from balancer.core.backend import Backend
from balancer.core.deadlines import Deadlines
from balancer.errors import BalancerError
from balancer.net.clock import ReactorAlarm
from balancer.net.peers import Peer
from balancer.net.reactor import BalancerReactor
from balancer.net.sessions import Sessions
from balancer.net.upgrades import Upgraded, Upgrades
from tests.net.house import answer, request
from tests.net.paths import Lent
from tests.net.tls.ends import Opening, accepting, connecting
from tests.net.wires import HOST, Backends, Wire, bound, free_port
from tests.net.wires import serving as front_of

DATA = Random(5).randbytes((1 << 20) + 7)


class Before(Peer):
    """What spoke on the connection before; `made` fires when it is connected."""

    def __init__(self) -> None:
        self.made = Deferred[None]()

    def connectionMade(self) -> None:
        super().connectionMade()
        self.made.callback(None)


async def connect(reactor: Any, client: Before | Wire, server: Before | Wire, *, tls: bool) -> None:
    """Connect one to the other."""
    asks: Any = Opening(client, connecting(), reactor, accepts=False) if tls else client
    waits: Any = Opening(server, accepting(), reactor, accepts=True) if tls else server
    factory: Any = Factory()
    factory.noisy, factory.buildProtocol = False, lambda _address: waits
    port = reactor.listenTCP(0, factory, interface=HOST)
    await connectProtocol(TCP4ClientEndpoint(reactor, HOST, port.getHost().port), asks)
    for one in (asks, waits):
        if isinstance(one, Opening):
            await one.stands
    for one in (client, server):
        if isinstance(one, Before):
            await one.made
    await port.stopListening()


@pytest.mark.parametrize("near_tls", [False, True])
@pytest.mark.parametrize("far_tls", [False, True])
async def test_all_arrives(reactor: Any, near_tls: bool, far_tls: bool) -> None:
    """What both sides say in bulk, before and after the change, arrives in order and in full, and a cut passes."""
    client, near, far, backend = Wire(), Before(), Before(), Wire()
    await connect(reactor, client, near, tls=near_tls)
    await connect(reactor, far, backend, tls=far_tls)
    near.write(DATA)
    far.write(DATA)
    alarm, pipes = ReactorAlarm(reactor), Lent()
    ended: Deferred[BalancerError | None] = Deferred()
    upgrades = Upgrades(Deadlines(alarm), 60.0, Sessions(), pipes)
    behind = Backend("b", "b:1", ("b", 1), seconds=reactor.seconds)
    Upgraded(upgrades, near, backend=behind, began=0.0, ended=lambda error, _moved: ended.callback(error)).begin(
        far, b"early"
    )
    client.say(DATA)
    backend.say(DATA)
    assert await backend.hear(2 * len(DATA) + 5) == DATA + b"early" + DATA
    assert await client.hear(2 * len(DATA)) == DATA + DATA
    drained = upgrades.sessions.drain()
    client.transport.abortConnection()
    error = await ended
    assert error is not None
    assert error.reason == "downstream-gone"
    await drained
    await client.end()
    await backend.end()
    plain = not (near_tls or far_tls)
    assert (pipes.times > 0, pipes.lent) == (plain and isinstance(reactor, BalancerReactor), 0)
    alarm.stop()
    pipes.close()


CHANGE = request("GET /", "connection: upgrade", "upgrade: bulk")
CONSENT = b"HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: bulk\r\n\r\n"


async def test_long_bodies_before_and_bulk_behind(reactor: Any) -> None:
    """Connections that have carried long bodies both ways change like any others, and nothing goes the wrong way."""
    async with bound(reactor, Backends()) as (pool, backends):
        listener = HTTPListener(f"tcp:{free_port()}:interface={HOST}", routes=Route(pool=pool, upgrades="bulk"))
        async with front_of(reactor, listener, backends) as front:
            client = await front.client(request("PUT /", f"content-length: {len(DATA)}", body=DATA))
            backend = await front.calls.get()
            await backend.until(lambda wire: wire.heard.endswith(DATA))
            backend.say(answer(DATA))
            await client.until(lambda wire: wire.heard.endswith(DATA))
            backend.heard.clear()
            client.heard.clear()
            client.say(CHANGE + b"early")
            await backend.until(lambda wire: wire.heard.endswith(b"upgrade: bulk\r\n\r\n"))
            backend.heard.clear()
            backend.say(CONSENT + DATA)
            client.say(DATA)
            assert await backend.hear(len(DATA) + 5) == b"early" + DATA
            await client.until(lambda wire: wire.heard.endswith(DATA))
            assert client.heard.startswith(b"HTTP/1.1 101 Go\r\n")
            assert len(client.heard) == len(CONSENT) + len(DATA)
            assert front.active == 1
            client.transport.loseWriteConnection()
            await backend.until(lambda wire: wire.finished)
            backend.transport.loseWriteConnection()
            await client.until(lambda wire: wire.finished)
            assert front.active == 0
