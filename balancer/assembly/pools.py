"""Pools and their backends, from what a user wrote; decides what was left open."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from balancer import config as nouns
from balancer.assembly.changes import of_pool
from balancer.assembly.faults import FaultLog
from balancer.assembly.names import find
from balancer.assembly.parts import Parts
from balancer.assembly.upstream_tls import secure_pool
from balancer.config.endpoints import Endpoint
from balancer.core.backend import Backend
from balancer.core.faults import named
from balancer.core.limited_pool import LimitedPool
from balancer.core.pickers import Ports
from balancer.core.pool import Pool
from balancer.core.slow_start import Curve
from balancer.errors import StartError
from balancer.plugins.algorithms import RoundRobin


def default_algorithm() -> RoundRobin:
    """What a pool without an algorithm uses."""
    return RoundRobin()


async def make_pool(parts: Parts, settings: nouns.Pool) -> Pool:
    """Make a pool. Raises `StartError` for an unknown host, a file that is of no use, and an algorithm that fails."""
    backends = {backend: make_backend(parts, settings, backend) for backend in settings.backends}
    secure_pool(parts, settings, backends)
    await find(parts, settings, backends)
    return _assemble(parts, settings, backends.values())


def make_offline_pool(parts: Parts, settings: nouns.Pool) -> Pool:
    """Make a pool that reaches nobody: it looks no name up and reads no file. Raises `StartError` as `make_pool`."""
    backends = []
    for noun in settings.backends:
        backend = make_backend(parts, settings, noun)
        backend.move([noun.place])
        backends.append(backend)
    return _assemble(parts, settings, backends)


def _assemble(parts: Parts, settings: nouns.Pool, backends: Iterable[Backend]) -> Pool:
    """Have the algorithm begin; one that fails at once is told as what it is."""
    faults = FaultLog()
    ports = Ports(
        parts.random,
        parts.reactor.seconds,
        lambda call: parts.reactor.callLater(0, call),
        faults,
        partial(of_pool, parts, settings),
        parts.deadlines.after,
    )
    algorithm: Any = settings.algorithm or default_algorithm()
    make = _kind(parts, settings)
    pool = make(
        settings.name,
        backends,
        algorithm,
        ports=ports,
        on_policy_error=settings.on_policy_error,
        **_sharing(settings),
    )
    if faults.first:
        culprit = algorithm if pool.policy.faults.count else settings.on_policy_error
        name = named(getattr(culprit, "name", culprit))
        raise StartError(f"Pool {settings.name!r}: algorithm {name}: picker() failed: {faults.first}; correct it")
    return pool


def _sharing(settings: nouns.Pool) -> dict[str, Any]:
    """How sessions are shared out where not all is well."""
    start = settings.slow_start
    return {
        "failure_hold": settings.failure_hold,
        "spill": settings.spill,
        "panic": settings.panic,
        "slow_start": None if start is None else Curve(start.window, start.aggression, start.least),
    }


def _kind(parts: Parts, settings: nouns.Pool) -> Callable[..., Pool]:
    """A pool without limits does without a queue."""
    if not settings.limited:
        return Pool
    return partial(LimitedPool, deadlines=parts.deadlines, queue=settings.queue, queue_timeout=settings.queue_timeout)


def make_backend(parts: Parts, pool: nouns.Pool, settings: nouns.Backend) -> Backend:
    """Make a backend; where it is, if it has a name, is to be found yet."""
    assumed_up = pool.health is None or pool.health.assume == "up"
    return Backend(
        settings.name,
        settings.address,
        None if settings.endpoint.has_name else settings.place,
        seconds=parts.reactor.seconds,
        authority=str(Endpoint("", settings.place)),
        weight=settings.weight,
        tier=settings.tier,
        zone=settings.zone,
        tags=settings.tags,
        max_connections=settings.limit,
        up=settings.start == "up" and assumed_up,
        latency_half_life=pool.latency_half_life,
        source=pool.source or "",
    )
