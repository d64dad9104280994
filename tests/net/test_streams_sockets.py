"""The relay on real sockets: what only a kernel shows of ends, resets and pressure."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.defer import Deferred

from balancer.config import TCPListener
from tests.net.wires import fronted

MEBIBYTE = 1 << 20
BOUND = 24 * MEBIBYTE
"""What four kernel buffers of loopback and our own hold at most."""


async def test_half_closes_pass_both_ways(reactor: Any) -> None:
    """A client's FIN reaches the backend, whose whole answer still arrives, and then its FIN."""
    async with fronted(reactor, TCPListener) as front:
        client = await front.client(b"question")
        backend = await front.calls.get()
        client.transport.loseWriteConnection()
        assert await backend.hear(8) == b"question"
        await backend.until(lambda wire: wire.finished)
        backend.say(bytes(8 * MEBIBYTE))
        backend.transport.loseWriteConnection()
        assert len(await client.hear(8 * MEBIBYTE)) == 8 * MEBIBYTE
        await client.until(lambda wire: wire.finished)
        assert front.active == 0


async def test_resets_pass_both_ways(reactor: Any) -> None:
    """A reset on either side is a reset on the other."""
    async with fronted(reactor, TCPListener) as front:
        for turn in range(2):
            client = await front.client(b"x")
            backend = await front.calls.get()
            await backend.hear(1)
            cut, other = (client, backend) if turn else (backend, client)
            cut.transport.abortConnection()
            assert await other.end() == "ConnectionLost"
            assert front.active == 0


async def test_a_client_that_does_not_read_bounds_what_is_sent(reactor: Any) -> None:
    """Of 64 MiB only what kernels hold leaves the backend while the client reads nothing; then all of it arrives."""
    async with fronted(reactor, TCPListener) as front:
        client = await front.client(b"x")
        backend = await front.calls.get()
        await backend.hear(1)
        client.transport.pauseProducing()
        sent = Sending(backend.transport, 64)
        await sent.stalled(reactor)
        assert sent.mebibytes * MEBIBYTE <= BOUND
        client.transport.resumeProducing()
        await client.until(lambda wire: len(wire.heard) == 64 * MEBIBYTE)


async def test_a_slow_reader_gets_everything(reactor: Any) -> None:
    """After the backend's FIN a client may take many times the linger time, as long as it takes something."""
    async with fronted(reactor, TCPListener, linger=0.4) as front:
        client = await front.client(b"x")
        backend = await front.calls.get()
        await backend.hear(1)
        client.transport.bufferSize = 256 * 1024
        sips = Sips(reactor, client.transport, pause=0.1)
        backend.say(bytes(4 * MEBIBYTE))
        backend.transport.loseWriteConnection()
        assert len(await client.hear(4 * MEBIBYTE)) == 4 * MEBIBYTE
        sips.stop()


async def test_bulk_both_ways_at_once(reactor: Any) -> None:
    """What is poured in at both ends arrives unchanged at the other, both directions end, and no pipe stays on loan."""
    up, down = randbytes(9 * MEBIBYTE + 1), randbytes(7 * MEBIBYTE + 1)
    async with fronted(reactor, TCPListener) as front:
        client = await front.client(up)
        backend = await front.calls.get()
        await backend.hear(1)
        backend.say(down)
        backend.transport.loseWriteConnection()
        client.transport.loseWriteConnection()
        await backend.until(lambda wire: wire.finished)
        await client.until(lambda wire: wire.finished)
        assert bytes(backend.heard) == up[1:]
        assert bytes(client.heard) == down
        assert front.assembly.pipes.lent == 0


async def test_the_backends_first_byte_is_timed(reactor: Any) -> None:
    """A TCP backend has a latency from its first byte on."""
    async with fronted(reactor, TCPListener) as front:
        client = await front.client(b"x")
        ((backend,),) = [pool.backends for pool in front.assembly.pools.values()]
        call = await front.calls.get()
        await call.hear(1)
        assert backend.latency is None
        call.say(b"hello")
        await client.hear(5)
        assert backend.latency is not None


randbytes = Random(5).randbytes


class Sips:
    """Lets a transport read for one turn, again and again, with pauses of so many seconds."""

    def __init__(self, reactor: Any, transport: Any, *, pause: float) -> None:
        self._reactor, self._transport, self._pause = reactor, transport, pause
        self._next: Any = None
        self._rest()

    def stop(self) -> None:
        """Read as ever."""
        self._next.cancel()
        self._transport.resumeProducing()

    def _rest(self) -> None:
        self._transport.pauseProducing()
        self._next = self._reactor.callLater(self._pause, self._sip)

    def _sip(self) -> None:
        self._transport.resumeProducing()
        self._next = self._reactor.callLater(0, self._rest)


class Sending:
    """Sends so many MiB, each when the one before has left; `mebibytes` have been given to the transport."""

    def __init__(self, transport: Any, total: int) -> None:
        self.mebibytes, self._total, self._transport = 0, total, transport
        transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """The transport is empty."""
        if self.mebibytes == self._total:
            self._transport.unregisterProducer()
        else:
            self.mebibytes += 1
            self._transport.write(bytes(MEBIBYTE))

    def stopProducing(self) -> None:
        """The connection is lost."""

    async def stalled(self, reactor: Any) -> None:
        """Return once nothing has left for many turns of the reactor."""
        quiet = 0
        while quiet < 200:
            before = self.mebibytes
            await turn(reactor)
            quiet = quiet + 1 if self.mebibytes == before else 0


async def turn(reactor: Any) -> None:
    """Let the reactor run once."""
    turned: Deferred[None] = Deferred()
    reactor.callLater(0, turned.callback, None)
    await turned


async def test_connections_wait_for_room(reactor: Any) -> None:
    """Of many clients at once a backend has no more than it takes; the others wait, and all are served in turn."""
    async with fronted(reactor, TCPListener, backend_takes=2) as front:
        clients = [await front.client(bytes([number])) for number in range(12)]
        alive = []
        for number in range(12):
            alive.append(await front.calls.get())
            assert await alive[-1].hear(1) == bytes([number])
            assert front.active <= 2
            if number:
                alive.pop(0).transport.loseConnection()
                await clients[number - 1].until(lambda wire: wire.finished)
                clients[number - 1].transport.loseConnection()
        assert not front.calls.pending
