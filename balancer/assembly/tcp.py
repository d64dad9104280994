"""Listeners of TCP and where their routes lead, from what a user wrote; binds nothing."""

from __future__ import annotations

from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.faults import FaultLog
from balancer.assembly.parts import Parts
from balancer.assembly.streams import make_stream, sessions_of
from balancer.core.faults import Tally
from balancer.core.peeking import PeekingRoutes
from balancer.core.proxy_greeting import Introduction
from balancer.core.routes import Route
from balancer.net.dialing import Dialer
from balancer.net.listeners import StreamListener
from balancer.net.peeking import Junction, JunctionFactory
from balancer.net.streams import End, Listening, RelayFactory

log = Logger("balancer")


def make_tcp(parts: Parts, settings: nouns.TCPListener) -> StreamListener:
    """Make what relays connections; the pools must have been made."""
    listening = Listening(
        parts.deadlines,
        idle=settings.idle,
        linger=settings.linger,
        report=lambda line: log.error("{endpoint}: {line}", endpoint=settings.endpoint, line=line),
        send_proxy=_introduction(parts, settings),
        max_lifetime=settings.max_lifetime,
        sessions=sessions_of(parts, settings),
        pipes=parts.pipes,
    )
    routes = [Route(route.matcher, _dialer(parts, _pool_of(route)), name=route.title) for route in settings.routes]
    factory: RelayFactory | JunctionFactory = RelayFactory(listening, routes[0].target)
    tallies = [listening.refusals]
    if routes[0].matcher is not None:
        junction = _junction(parts, settings, listening, routes)
        tallies.append(junction.outcomes)
        factory = JunctionFactory(junction)
    return make_stream(parts, settings, factory, listening.sessions, tallies, traffic=listening.traffic)


def _dialer(parts: Parts, pool: nouns.Pool) -> Dialer[End]:
    return Dialer(
        parts.reactor,
        parts.pools[pool],
        lambda: End(parts.deadlines),
        parts.deadlines,
        connect_timeout=pool.connect_timeout,
        attempts=pool.attempts,
    )


def _junction(
    parts: Parts, settings: nouns.TCPListener, listening: Listening, routes: list[Route[Dialer[End]]]
) -> Junction:
    return Junction(
        listening,
        PeekingRoutes(routes, FaultLog()),
        timeout=settings.peek_timeout,
        seconds=parts.reactor.seconds,
        outcomes=Tally(lambda line: log.info("{listener}: {line}", listener=str(settings), line=line)),
    )


def _introduction(parts: Parts, settings: nouns.TCPListener) -> Introduction | None:
    """What backends are told of the listener's clients, if anything."""
    if settings.send_proxy is None:
        return None
    return Introduction(settings.send_proxy, parts.random, settings.proxy_facts, settings.proxy_own)


def _pool_of(route: nouns.Route) -> nouns.Pool:
    """Where a route leads that leads to a pool."""
    assert route.pool is not None
    return route.pool
