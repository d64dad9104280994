"""One port, several treatments of TLS, on sockets: real handshakes, checked by the client, and all that is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.ssl import Certificate, CertificateOptions, optionsForClientTLS
from twisted.protocols.tls import TLSMemoryBIOFactory

from balancer.config import TLS, HTTPListener, Route, TCPListener
from balancer.plugins.first_bytes import HTTP1, SNI, PostgresSSL
from tests.net import hellos
from tests.net.authority import Authority
from tests.net.wires import HOST, Backends, Front, Wire, bound, free_port, serving

DATA = Random(8).randbytes((1 << 20) + 7)
AUTHORITY = Authority()
FAR = AUTHORITY.leaf("far.example")


@asynccontextmanager
async def opened(reactor: Any, folder: Path) -> AsyncIterator[tuple[Front, list[Backends]]]:
    """One name passes to a backend that ends TLS; other names and PostgreSQL end here, before one that speaks none."""
    tls = TLS([AUTHORITY.leaf(f"{name}.example").store(folder, name) for name in ("near", "site")])
    far, near = Backends(), Backends()
    settings: Any = {"privateKey": FAR.key, "certificate": FAR.certificate}
    ending = TLSMemoryBIOFactory(CertificateOptions(**settings), False, far)
    async with AsyncExitStack() as stack:
        passed, _ = await stack.enter_async_context(bound(reactor, far, "far", ending))
        plain, _ = await stack.enter_async_context(bound(reactor, near, "near"))
        routes = [
            Route(SNI("far.example"), passed),
            Route(SNI("near.example"), serve=TCPListener(tls=tls, pool=plain)),
            Route(SNI("site.example"), serve=HTTPListener(tls=tls, pool=plain)),
            Route(PostgresSSL(), serve=TCPListener(tls=tls, starttls="postgres", pool=plain)),
            Route(refuse=True),
        ]
        listener = TCPListener(f"tcp:{free_port()}:interface={HOST}", routes=routes)
        yield await stack.enter_async_context(serving(reactor, listener, far, near)), [far, near]


def asking(name: str) -> Any:
    """A client's settings: it asks for that name, and trusts the authority alone."""
    return optionsForClientTLS(name, trustRoot=Certificate.loadPEM(AUTHORITY.pem))


async def spoken(reactor: Any, front: Front, name: str) -> Wire:
    """A client that has connected and asks for that name."""
    endpoint = wrapClientTLS(asking(name), TCP4ClientEndpoint(reactor, HOST, front.port))
    client: Wire = await connectProtocol(endpoint, Wire())
    front.clients.append(client)
    return client


async def both_hear(client: Wire, backends: Backends) -> None:
    """The backend hears all that the client says, and the client all that is answered."""
    client.say(DATA)
    backend = await backends.calls.get()
    assert await backend.hear(len(DATA)) == DATA
    backend.say(DATA[::-1])
    assert await client.hear(len(DATA)) == DATA[::-1]


@pytest.mark.parametrize(("name", "number"), [("far.example", 0), ("near.example", 1)])
async def test_passed_or_ended(reactor: Any, tmp_path: Path, name: str, number: int) -> None:
    """A client that checks certificates hears and is heard, whether its TLS passes through or ends here."""
    async with opened(reactor, tmp_path) as (front, backends):
        await both_hear(await spoken(reactor, front, name), backends[number])


async def test_a_site(reactor: Any, tmp_path: Path) -> None:
    """A request is answered over TLS, one port with all else."""
    async with opened(reactor, tmp_path) as (front, (_, near)):
        client = await spoken(reactor, front, "site.example")
        client.say(b"GET / HTTP/1.1\r\nhost: site.example\r\n\r\n")
        backend = await near.calls.get()
        await backend.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
        assert b"x-forwarded-proto: https\r\n" in backend.heard
        backend.say(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
        await client.until(lambda wire: wire.heard.endswith(b"hello"))


async def test_asked_for_first(reactor: Any, tmp_path: Path) -> None:
    """A client that asks for TLS begins it on the same connection, and is relayed."""
    async with opened(reactor, tmp_path) as (front, (_, near)):
        client = await front.client(hellos.POSTGRES_SSL)
        assert await client.hear(1) == b"S"
        client.transport.startTLS(asking("near.example"))
        await both_hear(client, near)


async def test_a_name_that_is_refused(reactor: Any, tmp_path: Path) -> None:
    """A client that asks for a name that no route takes learns that it is not known here."""
    async with opened(reactor, tmp_path) as (front, _):
        client = await spoken(reactor, front, "other.example")
        assert await client.end() == "Error"
        assert isinstance(client.reason, SSL.Error)
        assert "unrecognized name" in str(client.reason)


async def test_routes_behind_tls(reactor: Any, tmp_path: Path) -> None:
    """Where TLS ends at the listener, what is said behind it decides, and all of it is relayed or served."""
    tls, near, site = TLS(AUTHORITY.leaf("near.example").store(tmp_path)), Backends(), Backends()
    async with bound(reactor, near, "near") as (plain, _), bound(reactor, site, "site") as (web, _):
        routes = [Route(HTTP1(), serve=HTTPListener(pool=web)), Route(pool=plain)]
        listener = TCPListener(f"tcp:{free_port()}:interface={HOST}", tls=tls, routes=routes)
        async with serving(reactor, listener, near, site) as front:
            await both_hear(await spoken(reactor, front, "near.example"), near)
            client = await spoken(reactor, front, "near.example")
            client.say(b"GET / HTTP/1.1\r\nhost: near.example\r\n\r\n")
            backend = await site.calls.get()
            await backend.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
            assert b"x-forwarded-proto: https\r\n" in backend.heard
