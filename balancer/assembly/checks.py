"""The health checks of pools, from what a user wrote: where they go, how, when, and what follows from their results."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.changes import checked, tagged
from balancer.assembly.parts import Parts
from balancer.assembly.upstream_tls import secure_checks
from balancer.core.backend import Backend
from balancer.core.faults import Tally, named
from balancer.core.proxy_greeting import own_greeting
from balancer.net.check_target import Target
from balancer.net.checks import Aim, Checks, Probe, Schedule
from balancer.net.probing import Terms
from balancer.net.tls.dialing import Secure

log = Logger("balancer")


def make_checks(parts: Parts, settings: nouns.Pool, health: nouns.Health, config: nouns.Config | None) -> Checks:
    """The checks of a pool's backends; what they say opens as what is said to the backends does, if a config says."""
    why = f"health check {named(health.check)}"
    skips = Tally(lambda line: log.error("pool {pool!r}: {line}", pool=settings.name, line=line))
    schedule, aim, pool = _schedule(health), _aim(parts, settings, health, config), parts.pools[settings]
    probes = {
        backend: Probe(
            health.check,
            schedule,
            pool,
            backend,
            aim=aim,
            changed=lambda backend, evidence: checked(parts, settings, backend, why=why, evidence=evidence),
            tagged=lambda backend: tagged(parts, settings, backend, why=why),
            skipped=lambda line: skips.note("check", line),
        )
        for backend in pool.backends
    }
    terms = Terms(parts.reactor, parts.random, parts.turns, health.timeout, health.jitter)
    return Checks(probes, terms, group=len(parts.checks))


def _schedule(health: nouns.Health) -> Schedule:
    """When the checks of a pool run and when their word counts."""
    return Schedule(
        every=health.every,
        every_changing=health.every_changing,
        every_down=health.every_down,
        rise=health.rise,
        fall=health.fall,
    )


def _aim(parts: Parts, settings: nouns.Pool, health: nouns.Health, config: nouns.Config | None) -> Aim:
    """How a backend is reached for a check."""
    secure, version = _secure(parts, settings, health), config.send_proxy(settings) if config else None
    greeting = b"" if version is None else own_greeting(version)
    datagram_greeting = own_greeting("v2") if config and config.proxies_datagrams(settings) else b""
    kinds = config.kinds(settings) if config else ()
    return lambda backend: Target(
        parts.reactor,
        backend,
        health.timeout,
        greeting=greeting,
        datagram_greeting=datagram_greeting,
        secure=secure(backend),
        kinds=kinds,
        wall=parts.wall,
    )


def _secure(parts: Parts, settings: nouns.Pool, health: nouns.Health) -> Callable[[Backend], Secure | None]:
    """How checks are made over TLS, if they are: as sessions, unless they have their own way."""
    if health.tls is None:
        return attrgetter("secure")
    if health.tls is False:
        return lambda _backend: None
    backends = dict(zip(settings.backends, parts.pools[settings].backends, strict=True))
    return secure_checks(parts, settings, health.tls, backends)
