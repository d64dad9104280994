"""Runs a pool on a virtual clock: all that decides is the balancer's own; who asks, and what answers, is modelled.

Pool, limits and queue, algorithm, the times and thresholds of health checks, connections and retries are those that
would serve. Chance is drawn from a seed, by a generator each for arrivals, clients, the backends' work and the
balancer, so that two policies meet the same requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import attrs

from balancer.assembly.changes import started
from balancer.assembly.checks import make_checks
from balancer.assembly.ejection import make_outliers
from balancer.assembly.http import destination
from balancer.assembly.parts import Parts
from balancer.assembly.pools import default_algorithm, make_offline_pool
from balancer.config import HTTPListener, TCPListener
from balancer.core.events import Events
from balancer.core.pool import Pool
from balancer.core.routes import Route, Routes
from balancer.core.site import Destination, Site
from balancer.errors import ConfigError
from balancer.net.dialing import Dialer
from balancer.net.later import later
from balancer.testing.simulation.clients import Caller, Visitor
from balancer.testing.simulation.crowd import Begin, Crowd
from balancer.testing.simulation.network import HTTPLine, Line, ModelledCheck, Network
from balancer.testing.simulation.origins import Origin
from balancer.testing.simulation.results import Result, Share
from balancer.testing.simulation.subjects import Subject, subject_of
from balancer.testing.simulation.traces import Trace


def simulate(subject: Any, trace: Trace | None = None, *, seed: int = 0, pool: str | None = None) -> Result:
    """What would come of that trace: the same for the same seed, on every machine.

    `subject` is an algorithm, which gets ten backends alike, b1 to b10; a `Pool`, as behind an `HTTPListener`; or a
    `Config`, of which `pool` names the pool if there are several. No filter of it has a say, and no name is looked up.
    Without a trace it is `Trace()`. Raises `ConfigError`, and `StartError` for an algorithm that fails at once.
    """
    return Simulation(subject_of(subject, pool), trace or Trace(), seed).run()


class _Counting(Events):
    """Counts what befell backends, by what it was."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.counts: Counter[str] = Counter()

    def note(self, pool: str, backend: str, what: str, *, why: str, evidence: str = "") -> None:
        """See `Events`."""
        if why != "start":
            self.counts[what] += 1
        super().note(pool, backend, what, why=why, evidence=evidence)


class Simulation:
    """One run of one pool."""

    def __init__(self, subject: Subject, trace: Trace, seed: int) -> None:
        settings = subject.pool
        misfits = [*trace.misfits((each.name for each in settings.backends), checked=settings.health is not None)]
        if misfits:
            raise ConfigError(f"simulate: {settings}: {line}" for line in misfits)
        self._subject, self._trace = subject, trace
        self._network = Network(trace.network)
        self._parts = Parts(self._network, Random(f"balancer {seed}"))
        self._parts.events = self._events = _Counting()
        self._crowd = Crowd(self._network, trace, subject.listener.kind, seed)
        self._origins: dict[str, Origin] = {}

    def run(self) -> Result:
        """To the end of the last request."""
        pool = self._pool()
        self._watch()
        begin = self._over_http() if isinstance(self._subject.listener, HTTPListener) else self._over_tcp(pool)
        crowd: Any = self._crowd  # it stands in for the listener, which is asked for one thing only: `leave`
        self._parts.listeners.append((self._subject.listener, crowd))
        self._plan_faults()
        started(self._parts)
        self._parts.start()
        self._crowd.start(begin)
        self._network.run(lambda: self._crowd.over)
        self._parts.stop()
        return self._result(pool)

    def _pool(self) -> Pool:
        """The pool, over modelled backends."""
        settings = self._subject.pool
        pool = self._parts.pools[settings] = make_offline_pool(self._parts, settings)
        for number, backend in enumerate(pool.backends):
            place = backend.name, number
            backend.move([place])
            origin = Origin(self._network, self._trace.servers, self._trace.network)
            self._origins[backend.name] = self._network.origins[place] = origin
        return pool

    def _watch(self) -> None:
        """Have backends checked as they are, by a check that knows modelled ones, and ejected."""
        parts, settings = self._parts, self._subject.pool
        if settings.health is not None:
            check = ModelledCheck(self._network, self._origins, self._trace.reports)
            health = attrs.evolve(settings.health, check=check, tls=None)
            parts.checks.append(make_checks(parts, settings, health, None))
        if settings.ejection is not None:
            parts.outliers[settings] = make_outliers(parts, settings, settings.ejection)

    def _over_http(self) -> Begin:
        listener = self._subject.listener
        assert isinstance(listener, HTTPListener)
        target = destination(self._parts, listener, self._subject.route)
        self._parts.upstreams[self._subject.pool].build = HTTPLine
        routes: Routes[Destination] = Routes([Route(None, target)])
        site = Site(routes, self._parts.deadlines, self._network.seconds, later=later)
        least = target.patience.least
        return lambda session: Visitor(site, session, self._crowd.ended, least=least)

    def _over_tcp(self, pool: Pool) -> Begin:
        listener, settings = self._subject.listener, self._subject.pool
        assert isinstance(listener, TCPListener)
        dialer = Dialer(
            self._network,
            pool,
            Line,
            self._parts.deadlines,
            connect_timeout=settings.connect_timeout,
            attempts=settings.attempts,
        )
        return lambda session: Caller(dialer, session, self._crowd.ended, idle=listener.idle)

    def _plan_faults(self) -> None:
        for fault in self._trace.faults:
            origin = self._origins[fault.backend]
            self._network.callLater(fault.at, origin.befall, fault)
            if fault.lasts is not None:
                self._network.callLater(fault.at + fault.lasts, origin.relieve, fault)

    def _result(self, pool: Pool) -> Result:
        crowd = self._crowd
        return Result(
            algorithm=str(getattr(self._subject.pool.algorithm or default_algorithm(), "name", "algorithm")),
            requests=crowd.asked,
            seconds=self._network.seconds(),
            latencies=sorted(crowd.latencies),
            backends=tuple(_shares(pool)),
            reasons=dict(sorted(crowd.reasons.items())),
            retries=crowd.retries,
            downs=self._events.counts["down"],
            ejections=self._events.counts["ejected"],
            panics=0 if pool.standing is None else pool.standing.panics,
            waited=pool.waited,
        )


def _shares(pool: Pool) -> Iterator[Share]:
    """What each backend had of all that was tried, and what its weight, as configured, asks for."""
    lowest = min(backend.tier for backend in pool.backends)
    due = {backend: backend.own_weight if backend.tier == lowest else 0.0 for backend in pool.backends}
    tries = sum(backend.served + backend.failed for backend in pool.backends)
    for backend in pool.backends:
        here = backend.served + backend.failed
        yield Share(backend.name, here, backend.failed, here / max(1, tries), due[backend] / sum(due.values()))
