"""Health checks and agents of pools, from what a user wrote: where they are, how and when asked, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from types import MappingProxyType

from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.changes import checked, heeded, tagged
from balancer.assembly.names import find
from balancer.assembly.parts import Parts
from balancer.assembly.pools import make_backend
from balancer.assembly.upstream_tls import secure_checks
from balancer.core.backend import Backend
from balancer.core.faults import Tally, named
from balancer.core.proxy_greeting import own_greeting
from balancer.net.agents import AgentProbe
from balancer.net.check_target import Target
from balancer.net.checks import Aim, Checks, Probe, Schedule
from balancer.net.probing import Terms
from balancer.net.tls.dialing import Secure

log = Logger("balancer")


Places = Mapping[Backend, Backend]
"""Where backends are examined that are not examined where they serve."""


async def places(parts: Parts, settings: nouns.Pool, own: Callable[[nouns.Backend], str | None], what: str) -> Places:
    """The places that backends have of their own for `what`. Raises `StartError` for an unknown host."""
    found, written = dict[Backend, Backend](), dict[nouns.Backend, Backend]()
    for noun, backend in zip(settings.backends, parts.pools[settings].backends, strict=True):
        address = own(noun)
        if address is not None:
            place = nouns.Backend(address, name=f"{noun.name} ({what})", start=noun.start)
            found[backend] = written[place] = make_backend(parts, settings, place)
    await find(parts, settings, written)
    return found


def make_checks(
    parts: Parts,
    settings: nouns.Pool,
    health: nouns.Health,
    config: nouns.Config | None,
    at: Places = MappingProxyType({}),
) -> Checks:
    """The checks of a pool's backends; what they say opens as what is said to the backends does, if a config says."""
    why = f"health check {named(health.check)}"
    skips = _tally(settings)
    schedule, aim, pool = _schedule(health), _aim(parts, settings, health, config, at), parts.pools[settings]
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


def make_agents(parts: Parts, settings: nouns.Pool, agent: nouns.Agent, at: Places) -> Checks:
    """The questions to the agents of a pool's backends."""
    tally, pool = _tally(settings), parts.pools[settings]

    def aim(backend: Backend) -> Target:
        return Target(parts.reactor, backend, agent.timeout, port=_port(agent.port, backend, at), at=at.get(backend))

    probes = {
        backend: AgentProbe(
            pool,
            backend,
            every=agent.every,
            send=agent.send.encode(),
            aim=aim,
            heeded=lambda backend, what, line: heeded(parts, settings, backend, what=what, line=line.text),
            unheard=partial(tally.note, backend.name),
        )
        for backend in pool.backends
    }
    terms = Terms(parts.reactor, parts.random, parts.turns, agent.timeout, agent.jitter)
    return Checks(probes, terms, group=len(parts.checks))


def _tally(settings: nouns.Pool) -> Tally:
    """Tells the operator what goes wrong again and again."""
    return Tally(lambda line: log.error("pool {pool!r}: {line}", pool=settings.name, line=line))


def _port(port: int | None, backend: Backend, at: Places) -> int | None:
    """The port for all is not for those that have a place of their own."""
    return None if backend in at else port


def _schedule(health: nouns.Health) -> Schedule:
    """When the checks of a pool run and when their word counts."""
    return Schedule(
        every=health.every,
        every_changing=health.every_changing,
        every_down=health.every_down,
        rise=health.rise,
        fall=health.fall,
    )


def _aim(parts: Parts, settings: nouns.Pool, health: nouns.Health, config: nouns.Config | None, at: Places) -> Aim:
    """How a backend is reached for a check."""
    secure = _secure(parts, settings, health)
    opening, datagram_opening = _openings(settings, config)
    kinds = config.kinds(settings) if config else ()

    def aim(backend: Backend) -> Target:
        port = _port(health.port, backend, at)
        there = port is None and backend not in at
        return Target(
            parts.reactor,
            backend,
            health.timeout,
            greeting=opening if there else b"",
            datagram_greeting=datagram_opening if there else b"",
            secure=secure(backend),
            kinds=kinds,
            port=port,
            at=at.get(backend),
            wall=parts.wall,
        )

    return aim


def _openings(settings: nouns.Pool, config: nouns.Config | None) -> tuple[bytes, bytes]:
    """What comes before all else on connections to where backends serve, and in datagrams."""
    version = config.send_proxy(settings) if config else None
    datagrams = config is not None and config.proxies_datagrams(settings)
    return b"" if version is None else own_greeting(version), own_greeting("v2") if datagrams else b""


def _secure(parts: Parts, settings: nouns.Pool, health: nouns.Health) -> Callable[[Backend], Secure | None]:
    """How checks are made over TLS, if they are: as sessions, unless they have their own way."""
    if health.tls is None:
        return attrgetter("secure")
    if health.tls is False:
        return lambda _backend: None
    backends = dict(zip(settings.backends, parts.pools[settings].backends, strict=True))
    return secure_checks(parts, settings, health.tls, backends)
