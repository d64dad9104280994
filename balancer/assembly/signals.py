"""The signals of pools, from what a user wrote: only those are collected that an algorithm goes by."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Any

from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.faults import FaultLog
from balancer.assembly.parts import Parts
from balancer.config.signals import used
from balancer.core.backend import Backend
from balancer.core.faults import Tally
from balancer.core.proxy_greeting import own_greeting
from balancer.core.signals import Hearing, Intake, Missed, Signals
from balancer.net.check_target import Target
from balancer.net.checks import Checks
from balancer.net.probing import Terms
from balancer.net.signals import Collecting

log = Logger("balancer")

JITTER = 0.1
"""The share of its interval by which a source is asked sooner or later, so that balancers do not fall into step."""


def collect(parts: Parts, settings: nouns.Pool, config: nouns.Config) -> None:
    """Have the sources of a pool bring what its algorithms go by; the pool must have been made."""
    if not settings.signals:
        return
    pool, names = parts.pools[settings], used((settings.algorithm, settings.on_policy_error))
    intakes = [Intake(settings.name, source, names, FaultLog()) for source in settings.signals]
    parts.faults += [intake.faults for intake in intakes]
    reporting = [intake for intake in intakes if getattr(intake.source, "reported", False)]
    hearing = [intake for intake in intakes if hasattr(intake.source, "answered")]
    misses = Tally(lambda line: log.error("pool {pool!r}: {line}", pool=settings.name, line=line))

    def missed(backend: Backend, why: str) -> None:
        misses.note(backend.name, f"backend {backend.name!r}: no signals were to be had: {why}")

    pool.hearing = Hearing(hearing, missed) if hearing else None
    for backend in pool.backends:
        backend.become(
            signals=Signals(parts.reactor.seconds),
            reporting=tuple(partial(intake.offer, backend) for intake in reporting),
        )
    for intake in intakes:
        if hasattr(intake.source, "collect"):
            parts.checks.append(_collecting(parts, settings, config, intake, missed))


def _collecting(parts: Parts, settings: nouns.Pool, config: nouns.Config, intake: Intake, missed: Missed) -> Checks:
    """What asks a source about each backend, over connections that open as those of sessions do, or on a port apart."""
    source: Any = intake.source
    port = getattr(source, "port", None)
    version = None if port is not None else config.send_proxy(settings)
    secure = attrgetter("secure") if port is None else lambda _backend: None

    def aim(backend: Backend) -> Target:
        greeting = b"" if version is None else own_greeting(version)
        return Target(parts.reactor, backend, source.timeout, greeting=greeting, secure=secure(backend), port=port)

    terms = Terms(parts.reactor, parts.random, parts.turns, source.timeout, JITTER)
    asked = {backend: Collecting(intake, backend, aim=aim, missed=missed) for backend in parts.pools[settings].backends}
    return Checks(asked, terms, group=len(parts.checks))
