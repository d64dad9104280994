"""Listeners of TCP and where their routes lead, from what a user wrote; binds nothing."""

from __future__ import annotations

import attrs
from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.faults import FaultLog
from balancer.assembly.http import serve_http
from balancer.assembly.parts import Parts
from balancer.assembly.streams import Door, make_stream
from balancer.assembly.terminated import terminated
from balancer.core.faults import Faults, Tally
from balancer.core.peeking import PeekingRoutes
from balancer.core.proxy_greeting import Introduction
from balancer.core.routes import Route
from balancer.net.courses import Course
from balancer.net.dialing import Dialer
from balancer.net.limits import Inner
from balancer.net.listeners import StreamListener
from balancer.net.peeking import Junction, JunctionFactory
from balancer.net.streams import DownstreamEnd, End, Listening, RelayFactory

log = Logger("balancer")


def make_tcp(parts: Parts, settings: nouns.TCPListener) -> StreamListener:
    """Make what relays connections; the pools must have been made."""
    return make_stream(parts, settings, lambda door: serve_tcp(parts, settings, door, str(settings)))


def serve_tcp(parts: Parts, settings: nouns.TCPListener, door: Door, named: str) -> Inner:
    """What relays connections behind that door; logs call it so."""
    return terminated(parts, settings, door, named, _relaying(parts, settings, door, named))


def _relaying(parts: Parts, settings: nouns.TCPListener, door: Door, named: str) -> RelayFactory | JunctionFactory:
    listening = _listening(parts, settings, door, named)
    first = settings.routes[0]
    if first.matcher is None and first.pool is not None:
        return RelayFactory(listening, _dialer(parts, first.pool))
    inside = attrs.evolve(door, tls=settings.tls or door.tls)
    routes = [
        Route(route.matcher, _course(parts, route, listening, inside, f"{named}, route {number}"), name=route.title)
        for number, route in enumerate(settings.routes, 1)
    ]
    peeking = PeekingRoutes(routes, Faults(FaultLog(), f"{named}: "))
    parts.faults.append(peeking.faults)
    junction = Junction(
        door.sessions,
        parts.deadlines,
        peeking,
        timeout=settings.peek_timeout,
        seconds=parts.reactor.seconds,
        outcomes=Tally(lambda line: log.info("{listener}: {line}", listener=named, line=line)),
    )
    door.tallies.append(junction.outcomes)
    return JunctionFactory(junction)


def _listening(parts: Parts, settings: nouns.TCPListener, door: Door, named: str) -> Listening:
    listening = Listening(
        parts.deadlines,
        idle=settings.idle,
        linger=settings.linger,
        report=lambda line: log.error("{listener}: {line}", listener=named, line=line),
        send_proxy=_introduction(parts, settings),
        max_lifetime=settings.max_lifetime,
        sessions=door.sessions,
        pipes=parts.pipes,
    )
    if settings.pools:
        door.tallies.append(listening.refusals)
        door.traffics.append(listening.traffic)
    return listening


def _course(parts: Parts, route: nouns.Route, listening: Listening, door: Door, named: str) -> Course:
    if route.pool is not None:
        dialer = _dialer(parts, route.pool)
        return Course(f"goes to pool {route.pool.name!r}", lambda session: DownstreamEnd(listening, dialer, session))
    if route.serve is None:
        return Course("is refused")
    inner, goes = _inside(parts, route.serve, door, f"{named}: {route.serve}"), f"is served by {route.serve}"
    if isinstance(inner, RelayFactory):
        return Course(goes, inner.relay)
    return Course(goes, lambda _session: inner.buildProtocol(None))


def _inside(parts: Parts, settings: nouns.Listener, door: Door, named: str) -> Inner:
    """What serves as that listener does which is inside a route."""
    if isinstance(settings, nouns.HTTPListener):
        return serve_http(parts, settings, door, named)
    assert isinstance(settings, nouns.TCPListener)
    return serve_tcp(parts, settings, door, named)


def _dialer(parts: Parts, pool: nouns.Pool) -> Dialer[End]:
    return Dialer(
        parts.reactor,
        parts.pools[pool],
        lambda: End(parts.deadlines),
        parts.deadlines,
        connect_timeout=pool.connect_timeout,
        attempts=pool.attempts,
    )


def _introduction(parts: Parts, settings: nouns.TCPListener) -> Introduction | None:
    """What backends are told of the listener's clients, if anything."""
    if settings.send_proxy is None:
        return None
    return Introduction(settings.send_proxy, parts.random, settings.proxy_facts, settings.proxy_own)
