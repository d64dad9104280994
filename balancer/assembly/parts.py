"""What the parts of one balancer share and are found by; makes none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any

import attrs

from balancer import config as nouns
from balancer.core.backend import Backend
from balancer.core.dates import Dates
from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.events import Events
from balancer.core.faults import Faults
from balancer.core.outliers import Outliers
from balancer.core.pool import Pool
from balancer.core.slices import in_slices
from balancer.core.turns import Turns
from balancer.net.access_log import AccessLog
from balancer.net.checks import Checks
from balancer.net.clock import ReactorAlarm
from balancer.net.listeners import Listener
from balancer.net.lookups import Lookup
from balancer.net.resolving import SystemNames
from balancer.net.sessions import Room, sessions_possible
from balancer.net.splice import Pipes
from balancer.net.threads import Aside
from balancer.net.tls.certificates import Certificates
from balancer.net.tls.keylog import KeyLog
from balancer.net.tls.reloading import Aside as DoesAside
from balancer.net.tls.reloading import Reloading
from balancer.net.upstreams import Upstreams

if TYPE_CHECKING:
    from balancer.net.acme.renewing import Renewal  # brings a library that is there only for those who ask for it

CHECKS = 128
"""Health checks that run at once, unless a config says otherwise."""

PIPES = 16
"""Pipes for bulk: so few that their descriptors fit into those reserved. Other directions go through Python."""


@attrs.define(eq=False)
class Parts:
    """The parts of one balancer, by the nouns they come from.

    `wall` tells the seconds since 1970; without one it is the reactor's clock, whatever that counts from.
    `grace` holds the backends that went down whose sessions are to be ended in a while.
    """

    reactor: Any
    random: Random
    wall: Callable[[], float] = attrs.field(default=attrs.Factory(lambda parts: parts.reactor.seconds, takes_self=True))
    alarm: ReactorAlarm = attrs.field(init=False)
    deadlines: Deadlines = attrs.field(init=False)
    room: Room = attrs.field(init=False, factory=lambda: Room(sessions_possible()))
    most_flows: int = attrs.field(init=False, default=1)
    """Flows that each UDP listener may have: all of them together have half the descriptors at most, for who sends
    datagrams may forge where they come from, and must not take what connections and health checks need."""
    pipes: Pipes = attrs.field(init=False, factory=lambda: Pipes(PIPES))
    names: SystemNames = attrs.field(init=False)
    lookups: list[Lookup] = attrs.field(init=False, factory=list)
    pools: dict[nouns.Pool, Pool] = attrs.field(init=False, factory=dict)
    checks: list[Checks] = attrs.field(init=False, factory=list)
    outliers: dict[nouns.Pool, Outliers] = attrs.field(init=False, factory=dict)
    """Who ejects, by the pools in which anybody is ejected."""
    turns: Turns = attrs.field(init=False, factory=lambda: Turns(CHECKS))
    """Who may check now."""
    upstreams: dict[nouns.Pool, Upstreams] = attrs.field(init=False, factory=dict)
    listeners: list[tuple[nouns.Listener, Listener]] = attrs.field(init=False, factory=list)
    events: Events = attrs.field(init=False, default=attrs.Factory(lambda parts: Events(parts.wall), takes_self=True))
    dates: Dates | None = attrs.field(init=False, default=None)
    """The date of answers; a reactor's clock may count from anything, so without a wall there is none."""
    logs: dict[str, AccessLog] = attrs.field(init=False, factory=dict)
    """By their paths: listeners may share one."""
    acmes: dict[nouns.ACME, Renewal] = attrs.field(init=False, factory=dict)
    """Who looks after the certificates that are obtained."""
    grace: dict[Backend, Deadline] = attrs.field(init=False, factory=dict)
    certificates: dict[nouns.TLS, Certificates] = attrs.field(init=False, factory=dict)
    reloads: dict[Any, Reloading] = attrs.field(init=False, factory=dict)
    """What is read again when its files change: by the `TLS` of listeners, or by whose TLS with backends it is."""
    aside: DoesAside = attrs.field(init=False)
    faults: list[Faults] = attrs.field(init=False, factory=list)
    """Of plugins beside algorithms, wherever they serve."""
    keylogs: list[KeyLog] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.alarm = ReactorAlarm(self.reactor)
        self.deadlines = Deadlines(self.alarm)
        self.names = SystemNames(self.reactor)
        self.aside = Aside(self.reactor)
        if self.wall != self.reactor.seconds:
            self.dates = Dates(self.wall)

    def start(self) -> None:
        """Look again and again at all that is looked after."""
        for lookup in self.lookups:
            lookup.start()
        for checks in self.checks:
            checks.start()
        for outliers in self.outliers.values():
            outliers.start()
        for files in self.reloads.values():
            files.start()
        for renewal in self.acmes.values():
            renewal.start()

    def stop(self) -> None:
        """Begin nothing more that nobody has asked for, and keep no connection that is idle."""
        for checks in self.checks:
            checks.stop()
        for outliers in self.outliers.values():
            outliers.stop()
        for lookup in self.lookups:
            lookup.stop()
        for files in self.reloads.values():
            files.stop()
        for renewal in self.acmes.values():
            renewal.stop()
        for upstreams in self.upstreams.values():
            upstreams.close()

    def close(self) -> None:
        """Leave nothing open that is no connection."""
        for keylog in self.keylogs:
            keylog.close()
        self.alarm.stop()
        self.pipes.close()

    def work(self, steps: Iterator[None]) -> None:
        """Take all the steps, in slices of a turn each."""
        in_slices(steps, self.reactor.seconds, lambda call: self.reactor.callLater(0, call))


def pool_of(route: nouns.Route) -> nouns.Pool:
    """Where a route leads that leads to a pool, as all of TCP and UDP do."""
    assert route.pool is not None
    return route.pool
