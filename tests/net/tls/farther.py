"""Backends that speak TLS, on real sockets, and a balancer in front of them that does so, too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer

from balancer.config import Backend, HTTPListener, Pool, TCPListener, UpstreamTLS
from tests.net.authority import Authority, Leaf
from tests.net.wires import HOST, Backends, Front, free_port, serving

TLS12, TLS13 = SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION


@implementer(IOpenSSLServerConnectionCreator)
class Door:
    """A backend's side of TLS: shows a certificate, and speaks one version alone.

    `met` are the connections that were begun, and `proofs` how many of them took a certificate: the others went on with
    a session.
    """

    def __init__(self, leaf: Leaf, version: int = TLS13) -> None:
        self.met: list[SSL.Connection] = []
        self.proofs = 0
        self.context = context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate(leaf.certificate)
        context.use_privatekey(leaf.key)
        for issuer in leaf.chain:
            context.add_extra_chain_cert(issuer)
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        context.set_session_id(b"backend")
        context.set_info_callback(self._step)

    def serverConnectionForTLS(self, _protocol: Any) -> SSL.Connection:  # noqa: N802  Twisted's name
        """One more."""
        self.met.append(SSL.Connection(self.context, None))
        return self.met[-1]

    def _step(self, connection: SSL.Connection, where: int, _result: int) -> None:
        if where & SSL.SSL_CB_LOOP and connection.get_state_string().endswith(b"write certificate"):
            self.proofs += 1


@attrs.define
class Trusted:
    """An authority that is believed, and where it is."""

    authority: Authority
    folder: Path
    ca: str

    def tls(self, **settings: Any) -> UpstreamTLS:
        """TLS with backends that it vouches for."""
        return UpstreamTLS(**{"ca": self.ca, **settings})

    def door(self, *names: str, version: int = TLS13, **settings: Any) -> Door:
        """Of a backend with these names."""
        return Door(self.authority.leaf(*(names or (HOST,)), **settings), version)


@asynccontextmanager
async def fronted(
    reactor: Any,
    kind: type[HTTPListener | TCPListener],
    listen: Callable[[Backends], Any],
    tls: UpstreamTLS,
    *,
    backend: Any = (),
    pool: Any = (),
    backends: Backends | None = None,
    **settings: Any,
) -> AsyncIterator[Front]:
    """A listener in the clear of that kind over one backend, which listens as it likes; at the end all is closed."""
    backends = backends or Backends()
    port = listen(backends)
    behind = Backend(f"{HOST}:{port.getHost().port}", **dict(backend))
    listener = kind(
        f"tcp:{free_port()}:interface={HOST}",
        pool=Pool("pool", backends=[behind], tls=tls, **dict(pool)),
        **settings,
    )
    try:
        async with serving(reactor, listener, backends) as front:
            yield front
    finally:
        await port.stopListening()


def behind(reactor: Any, door: Door) -> Callable[[Backends], Any]:
    """How a backend listens that speaks TLS from the first byte."""
    return lambda backends: reactor.listenSSL(0, backends, door, interface=HOST)


def in_the_clear(reactor: Any) -> Callable[[Backends], Any]:
    """How one listens that speaks none."""
    return lambda backends: reactor.listenTCP(0, backends, interface=HOST)
