"""TLS passes through untouched: real handshakes with real certificates, routed by server name and by protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.ssl import Certificate, CertificateOptions, optionsForClientTLS
from twisted.protocols.tls import TLSMemoryBIOFactory

from balancer.config import Route, TCPListener
from balancer.plugins.first_bytes import ALPN, SNI
from tests.net.identities import Identity, identity
from tests.net.wires import HOST, Backends, Front, Wire, bound, free_port, serving

DATA = Random(8).randbytes((1 << 20) + 7)

A, B = identity("a.example"), identity("b.example")


def ending_tls(backends: Backends, mine: Identity, protocols: list[bytes]) -> TLSMemoryBIOFactory:
    """A backend that ends TLS with that certificate and speaks those protocols."""
    settings: dict[str, Any] = {"privateKey": mine.key, "certificate": mine.certificate}
    return TLSMemoryBIOFactory(CertificateOptions(**settings, acceptableProtocols=protocols), False, backends)


@asynccontextmanager
async def passing(reactor: Any, *matchers: Any) -> AsyncIterator[tuple[Front, list[Backends]]]:
    """A listener with routes to a backend with certificate A that speaks h2, and to one with B that speaks HTTP/1.1."""
    made = [(A, [b"h2"]), (B, [b"http/1.1"])]
    async with AsyncExitStack() as stack:
        routes, backends = [], [Backends() for _ in made]
        for number, (one, (mine, protocols)) in enumerate(zip(backends, made, strict=True)):
            serves = ending_tls(one, mine, protocols)
            pool, _ = await stack.enter_async_context(bound(reactor, one, f"pool {number}", serves))
            routes.append(Route(matchers[number], pool))
        listener = TCPListener(f"tcp:{free_port()}:interface={HOST}", routes=routes)
        yield await stack.enter_async_context(serving(reactor, listener, *backends)), backends


async def spoken(reactor: Any, front: Front, name: str, trusted: Identity, *protocols: bytes) -> Wire:
    """A client that asks for that name and those protocols, trusts that certificate alone, and has sent all data."""
    root = Certificate.loadPEM(trusted.certificate.public_bytes(Encoding.PEM))
    options = optionsForClientTLS(name, trustRoot=root, acceptableProtocols=list(protocols) or None)
    endpoint = wrapClientTLS(options, TCP4ClientEndpoint(reactor, HOST, front.port))
    client: Wire = await connectProtocol(endpoint, Wire())
    front.clients.append(client)
    client.say(DATA)
    return client


async def answered(client: Wire, backend: Wire) -> None:
    """The backend hears all, and its answer is heard."""
    assert await backend.hear(len(DATA)) == DATA
    backend.say(DATA[::-1])
    assert await client.hear(len(DATA)) == DATA[::-1]


@pytest.mark.parametrize(("name", "mine", "number"), [("a.example", A, 0), ("b.example", B, 1)])
async def test_by_server_name(reactor: Any, name: str, mine: Identity, number: int) -> None:
    """A client reaches the holder of the name it asks for, whose certificate it accepts, and both hear each other."""
    async with passing(reactor, SNI("a.example"), SNI("*.example")) as (front, backends):
        client = await spoken(reactor, front, name, mine)
        await answered(client, await backends[number].calls.get())
        assert not backends[1 - number].all


@pytest.mark.parametrize(("name", "mine", "number"), [(b"h2", A, 0), (b"http/1.1", B, 1)])
async def test_by_protocol(reactor: Any, name: bytes, mine: Identity, number: int) -> None:
    """A client reaches the backend that speaks the protocol it offers, and the two agree on it."""
    async with passing(reactor, ALPN("h2"), ALPN("http/1.1")) as (front, backends):
        asked = "a.example" if mine is A else "b.example"
        client = await spoken(reactor, front, asked, mine, name)
        await answered(client, await backends[number].calls.get())
        assert client.transport.negotiatedProtocol == name
