"""What stands before the protocols of a listener of connections, from what a user wrote: limits, and PROXY headers.

Refuses to know what is served behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.binding import endpoint_of, shared_port
from balancer.assembly.parts import Parts
from balancer.core.admission import Admission, Limits
from balancer.core.faults import Tally
from balancer.core.sources import Sources
from balancer.net.gates import Gate, GateFactory
from balancer.net.limits import Inner, LimitedFactory, LimitedSessions, Refusals
from balancer.net.listeners import StreamListener
from balancer.net.sessions import Sessions

log = Logger("balancer")

Streams = nouns.HTTPListener | nouns.TCPListener
"""Listeners of connections."""


def sessions_of(parts: Parts, settings: Streams) -> Sessions:
    """The connections of a listener, with the limits it has."""
    limits = Limits(
        connections=settings.max_connections,
        connections_per_source=settings.max_connections_per_source,
        rate=settings.max_rate,
        rate_per_source=settings.max_rate_per_source,
    )
    if limits == Limits():
        return Sessions(parts.room)
    seconds = parts.reactor.seconds
    return LimitedSessions(parts.room, Admission(limits, seconds()), seconds)


@attrs.frozen(eq=False)
class Door:
    """What all that is served behind one bound port shares, by listeners inside its routes too.

    `tls` is how clients came to a listener inside a route, where TLS has ended before.
    """

    sessions: Sessions
    tls: nouns.TLS | None = None
    tallies: list[Tally] = attrs.field(factory=list)
    """Of who was turned away."""
    traffics: list[Callable[[], tuple[int, int]]] = attrs.field(factory=list)
    """The bytes that came from clients and from backends, from all who count them."""


def make_stream(parts: Parts, settings: Streams, serve: Callable[[Door], Inner]) -> StreamListener:
    """The listener, with whatever stands before the factory that serves: a gate outside, limits inside."""
    door = Door(sessions_of(parts, settings))
    refusals = Refusals(lambda line: log.info("{listener}: {line}", listener=str(settings), line=line))
    factory: Any = serve(door)
    limits = door.sessions if isinstance(door.sessions, LimitedSessions) else None
    if limits is not None:
        factory = LimitedFactory(limits, factory, refusals)
    if settings.accept_proxy:
        gate = Gate(
            Sources(settings.accept_proxy),
            required=settings.proxy == "required",
            timeout=settings.proxy_timeout,
            deadlines=parts.deadlines,
            sessions=door.sessions,
            refusals=refusals,
            limits=limits,
        )
        factory = GateFactory(gate, factory)
    return StreamListener(
        parts.reactor,
        endpoint_of(settings),
        factory,
        door.sessions,
        shared=shared_port(settings),
        refusals=(*door.tallies, refusals),
        traffics=tuple(door.traffics),
    )
