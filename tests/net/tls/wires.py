"""A balancer that ends TLS, on real sockets of loopback, and clients whose every byte of TLS a test may choose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.task import deferLater

from balancer.config import TLS, HTTPListener, TCPListener
from tests.net.authority import Authority
from tests.net.tls.talking import Manner, Talker
from tests.net.wires import HOST, Front, Wire, fronted

AUTHORITY = Authority()
SITE = AUTHORITY.leaf("site")

NEWEST = Manner()

Cut = Callable[[bytes], Iterable[bytes]]
"""How bytes go out: in these pieces, each in a turn of the reactor and a segment of its own."""


def whole(data: bytes) -> Iterable[bytes]:
    """All at once."""
    return [data] if data else []


class TLSWire(Wire):
    """A client; `heard` is in the clear."""

    def __init__(self, reactor: Any, talker: Talker, cut: Cut) -> None:
        super().__init__()
        self.talker = talker
        self._reactor, self._cut = reactor, cut

    async def begin(self) -> None:
        """Do the handshake. Raises `AssertionError` when it fails."""
        await self.send(self.talker.begin())
        await self.until(lambda _: self.talker.done or self.finished or bool(self.ending or self.talker.ending))
        assert self.talker.done, self.talker.ending or self.ending or "closed"

    async def send(self, data: bytes) -> None:
        """Send it as it is, in pieces."""
        for piece in self._cut(data):
            self.transport.write(piece)
            await deferLater(self._reactor, 0, lambda: None)

    def say(self, data: bytes) -> None:
        """Send it encrypted."""
        self.transport.write(self.talker.say(data))

    def end_writing(self) -> None:
        """A close_notify, and no FIN."""
        self.transport.write(self.talker.end())

    def dataReceived(self, data: bytes) -> None:
        heard = self.talker.feed(data)
        answer = self.talker.take()
        if answer:
            self.transport.write(b"".join(self._cut(answer)))
        super().dataReceived(heard)

    @property
    def notified(self) -> bool:
        """Whether the balancer has said that it will say no more."""
        return self.talker.ending == "close_notify"


@asynccontextmanager
async def secured(
    reactor: Any,
    kind: type[HTTPListener | TCPListener],
    folder: Path,
    *,
    tls: dict[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[Front]:
    """See `fronted`: one that ends TLS with the certificate of `SITE`, and with these settings of TLS."""
    noun = TLS(SITE.store(folder), **(tls or {}))
    async with fronted(reactor, kind, tls=noun, **more) as front:
        yield front


async def over(wire: Wire) -> None:
    """Wait until the balancer has ended what that has with it, and close it."""
    await wire.until(lambda _: bool(wire.finished or wire.ending))
    if not wire.ending:
        wire.transport.abortConnection()
        await wire.end()


async def empty(reactor: Any, front: Front, *, but: int = 0) -> None:
    """Wait until the balancer has no client any more but so many."""
    ((_, listener),) = front.assembly.listeners
    while listener.active > but:
        await deferLater(reactor, 0.005, lambda: None)


async def reached(
    reactor: Any,
    front: Front,
    data: bytes = b"",
    *,
    name: str | None = "site",
    manner: Manner = NEWEST,
    session: SSL.Session | None = None,
    cut: Cut = whole,
) -> TLSWire:
    """A client that has connected, done its handshake, and said that."""
    client = await called(reactor, front, name=name, manner=manner, session=session, cut=cut)
    await client.begin()
    client.say(data)
    return client


async def called(
    reactor: Any,
    front: Front,
    *,
    name: str | None = "site",
    manner: Manner = NEWEST,
    session: SSL.Session | None = None,
    cut: Cut = whole,
) -> TLSWire:
    """A client that has connected and said nothing."""
    wire = TLSWire(reactor, Talker(name, manner, session), cut)
    client: TLSWire = await connectProtocol(TCP4ClientEndpoint(reactor, HOST, front.port), wire)
    client.transport.setTcpNoDelay(True)
    front.clients.append(client)
    return client
