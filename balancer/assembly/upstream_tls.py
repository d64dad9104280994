"""How backends are spoken to over TLS, from what a user wrote: made at the start, and anew when files have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import attrs
from OpenSSL import SSL
from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.parts import Parts
from balancer.config.upstream_tls import UNVERIFIED
from balancer.core.backend import Backend
from balancer.errors import StartError
from balancer.net.tls.credentials import Sources, Unusable
from balancer.net.tls.dialing import Secure
from balancer.net.tls.files import Look, Unreadable
from balancer.net.tls.reloading import Reloading
from balancer.net.tls.upstream_contexts import Terms, connecting

log = Logger("balancer")


RELOAD_EVERY = 10.0
"""Seconds between looks at the files."""


@attrs.define(eq=False)
class Upstream:
    """TLS with the backends of one pool, or for their checks: `use` is told of each context that counts from then on.

    `owner` is who the settings belong to, in a few words. It is `net.tls.reloading.Watched`.
    """

    owner: str
    terms: Terms
    use: Callable[[SSL.Context], object]

    @property
    def sources(self) -> Sources:
        """The files that it is made of."""
        terms = self.terms
        return Sources(
            terms.certificate,
            authorities=() if terms.ca is None else (terms.ca,),
            lists=() if terms.crl is None else (terms.crl,),
        )

    def look(self) -> Look:
        """How its files are now."""
        return self.sources.look()

    def load(self) -> SSL.Context:
        """What is made of its files now. Raises `Unusable`."""
        try:
            return connecting(self.terms)
        except Unreadable as error:
            raise Unusable([str(error)]) from error

    def tick(self) -> None:
        """Nothing becomes of it with time: it is backends who show certificates that end."""


def secure_pool(parts: Parts, pool: nouns.Pool, backends: Mapping[nouns.Backend, Backend]) -> None:
    """Have connections to these backends made over TLS, if the pool says so. Raises `StartError`."""
    tls = pool.tls
    if tls is None:
        return

    def use(context: SSL.Context) -> None:
        for noun, backend in backends.items():
            backend.secure = _secure(parts, tls, noun, context)
            if pool in parts.upstreams:
                parts.upstreams[pool].moved(backend)

    _start(parts, Upstream(f"{pool}: tls", terms_of(tls), use))


def secure_checks(
    parts: Parts, pool: nouns.Pool, tls: nouns.UpstreamTLS, backends: Mapping[nouns.Backend, Backend]
) -> Callable[[Backend], Secure | None]:
    """What makes the connections of checks over TLS that is not the pool's. Raises `StartError`."""
    made: dict[Backend, Secure] = {}

    def use(context: SSL.Context) -> None:
        made.update((backend, _secure(parts, tls, noun, context)) for noun, backend in backends.items())

    _start(parts, Upstream(f"{pool}: health: tls", terms_of(tls), use))
    return made.get


def terms_of(tls: nouns.UpstreamTLS) -> Terms:
    """The same settings, for those who know no nouns."""
    return Terms(**{field.name: getattr(tls, field.name) for field in attrs.fields(Terms)})


def faults(config: nouns.Config) -> Iterator[str]:
    """What is wrong with the files of the pools of a config, a line for each pool and each check."""
    for pool in config.pools:
        for owner, tls in _settings(pool):
            try:
                connecting(terms_of(tls))
            except Unreadable as error:
                yield f"{owner}: {error}"


def _settings(pool: nouns.Pool) -> Iterator[tuple[str, nouns.UpstreamTLS]]:
    if pool.tls is not None:
        yield f"{pool}: tls", pool.tls
    if pool.health is not None and isinstance(pool.health.tls, nouns.UpstreamTLS):
        yield f"{pool}: health: tls", pool.health.tls


def _start(parts: Parts, upstream: Upstream) -> None:
    """Use the files, and look at them later. Raises `StartError`."""
    look = upstream.look()
    try:
        upstream.use(upstream.load())
    except Unusable as error:
        raise StartError(f"{upstream.owner}: {error}") from error
    if not upstream.terms.verify:
        _warn(upstream.owner, UNVERIFIED)
    if upstream.terms.keylog is not None:
        _warn(upstream.owner, f"the secrets of all connections are written to {upstream.terms.keylog}")
    if look:
        parts.reloads[upstream.owner] = Reloading(
            upstream,
            look,
            every=RELOAD_EVERY,
            deadlines=parts.deadlines,
            aside=parts.aside,
            tell=lambda line: log.info("{owner}: {line}", owner=upstream.owner, line=line),
        )


def _warn(owner: str, line: str) -> None:
    log.warn("{owner}: {line}", owner=owner, line=line)  # noqa: G010  Twisted's logger has no other name for it


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
