"""How backends are spoken to over TLS, from what a user wrote: made at the start, and anew when files have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import attrs
from OpenSSL import SSL

from balancer import config as nouns
from balancer.assembly import key_logs
from balancer.assembly.parts import Parts
from balancer.assembly.reading import read_files, warn
from balancer.config.upstream_tls import UNVERIFIED
from balancer.core.backend import Backend
from balancer.net.tls.credentials import Unusable
from balancer.net.tls.dialing import Secure
from balancer.net.tls.files import Look
from balancer.net.tls.upstream_contexts import Terms, connecting


@attrs.frozen(eq=False)
class Upstream:
    """What is read for the backends of one pool, or for their checks: `net.tls.reloading.Watched`.

    `take` is told of each context that counts from then on.
    """

    terms: Terms
    take: Callable[[SSL.Context], object]

    def look(self) -> Look:
        """How the files are now."""
        return self.terms.sources.look()

    def load(self) -> SSL.Context:
        """What they amount to. Raises `Unusable`."""
        return connecting(self.terms)

    def use(self, loaded: SSL.Context) -> None:
        """Connect so from now on."""
        self.take(loaded)

    def tick(self) -> None:
        """Nothing changes with time alone."""


def secure_pool(parts: Parts, pool: nouns.Pool, backends: Mapping[nouns.Backend, Backend]) -> None:
    """Have connections to these backends made over TLS, if the pool says so. Raises `StartError`."""
    tls = pool.tls
    if tls is None:
        return

    def take(context: SSL.Context) -> None:
        for noun, backend in backends.items():
            backend.become(secure=_secure(parts, tls, noun, context))
            if pool in parts.upstreams:
                parts.upstreams[pool].moved(backend)

    _start(parts, f"{pool}: tls", tls, take)


def secure_checks(
    parts: Parts, pool: nouns.Pool, tls: nouns.UpstreamTLS, backends: Mapping[nouns.Backend, Backend]
) -> Callable[[Backend], Secure | None]:
    """What makes the connections of checks over TLS that is not the pool's. Raises `StartError`."""
    made: dict[Backend, Secure] = {}

    def take(context: SSL.Context) -> None:
        made.update((backend, _secure(parts, tls, noun, context)) for noun, backend in backends.items())

    _start(parts, f"{pool}: health: tls", tls, take)
    return made.get


def terms_of(tls: nouns.UpstreamTLS, keylog: Callable[[bytes], None] | None = None) -> Terms:
    """The same settings, for those who know no nouns."""
    return Terms(
        ca=tls.ca,
        crl=tls.crl,
        certificate=tls.certificate,
        passphrase=tls.passphrase,
        alpn=tls.alpn,
        verify=tls.verify,
        minimum=tls.minimum,
        ciphers=tls.ciphers,
        keylog=keylog,
    )


def faults(config: nouns.Config) -> Iterator[str]:
    """What is wrong with the files for backends of a config, a line for each fault."""
    for pool in config.pools:
        for owner, tls in _settings(pool):
            try:
                connecting(terms_of(tls))
            except Unusable as error:
                yield from (f"{owner}: {fault}" for fault in error.faults)
            yield from (f"{owner}: {fault}" for fault in key_logs.faults(tls.keylog))


def _settings(pool: nouns.Pool) -> Iterator[tuple[str, nouns.UpstreamTLS]]:
    if pool.tls is not None:
        yield f"{pool}: tls", pool.tls
    if pool.health is not None and isinstance(pool.health.tls, nouns.UpstreamTLS):
        yield f"{pool}: health: tls", pool.health.tls


def _start(parts: Parts, owner: str, tls: nouns.UpstreamTLS, take: Callable[[SSL.Context], object]) -> None:
    """Read the files, and again when they change. Raises `StartError`."""
    upstream = Upstream(terms_of(tls, key_logs.key_log(parts, owner, tls.keylog)), take)
    files = read_files(parts, owner, upstream, every=tls.reload_every)
    if not tls.verify:
        warn(owner, UNVERIFIED)
    if tls.has_files:
        parts.reloads[owner] = files


def _secure(parts: Parts, tls: nouns.UpstreamTLS, backend: nouns.Backend, context: SSL.Context) -> Secure:
    """How one backend is spoken to."""
    return Secure(
        context,
        clock=parts.reactor,
        server_name=server_name(tls, backend),
        expected=expected(tls, backend),
        asks=tls.starttls is not None,
    )


def server_name(tls: nouns.UpstreamTLS, backend: nouns.Backend) -> str | None:
    """The name that is asked for; None where there is none."""
    return backend.server_name or tls.server_name or (_host(backend) if backend.endpoint.has_name else None)


def expected(tls: nouns.UpstreamTLS, backend: nouns.Backend) -> tuple[str, ...]:
    """The names of which a certificate must have one; nothing where anybody may answer."""
    if not tls.verify:
        return ()
    return tls.expect or (backend.server_name or tls.server_name or _host(backend),)


def _host(backend: nouns.Backend) -> str:
    """The host in its address, without the zone that an IPv6 address may have."""
    place = backend.place
    return place if isinstance(place, str) else place[0].partition("%")[0]
