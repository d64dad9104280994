"""Listeners and what stands behind them, from what a user wrote; binds nothing."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.binding import endpoint_of, shared_port
from balancer.assembly.faults import FaultLog
from balancer.assembly.logs import access
from balancer.assembly.parts import Parts
from balancer.core.admission import Admission, Limits
from balancer.core.datagrams import Flows
from balancer.core.exchange import LEFT_OVER_TIME
from balancer.core.faults import Tally
from balancer.core.filters import chain_of
from balancer.core.flow import Edge
from balancer.core.flow_bounds import Bounds
from balancer.core.flow_choice import Choice
from balancer.core.flow_keys import FlowKeys
from balancer.core.forwarding import Forwarding, Trusted
from balancer.core.http1 import Limits as HeadLimits
from balancer.core.kept import Kept
from balancer.core.keyed_flows import KeyedChoice, KeyedFlows
from balancer.core.nowhere import NOWHERE
from balancer.core.paths import path_policy
from balancer.core.peeking import PeekingRoutes
from balancer.core.proxy_greeting import Introduction
from balancer.core.retries import IDEMPOTENT, Retries, RetryPolicy
from balancer.core.routes import Route, Routes
from balancer.core.silence import Patience
from balancer.core.site import Destination, Site
from balancer.core.sources import Sources
from balancer.net.datagrams import DatagramListener
from balancer.net.dialing import Dialer
from balancer.net.gates import Gate, GateFactory
from balancer.net.http import HTTPFactory
from balancer.net.http_manners import HTTPListening
from balancer.net.later import later
from balancer.net.limits import LimitedFactory, LimitedSessions, Refusals
from balancer.net.listeners import FlowListener, Listener, StreamListener
from balancer.net.peeking import Junction, JunctionFactory
from balancer.net.sessions import Sessions
from balancer.net.streams import End, Listening, RelayFactory
from balancer.net.upgrades import Upgrades
from balancer.net.upstreams import Upstreams

log = Logger("balancer")

Streams = nouns.HTTPListener | nouns.TCPListener
"""Those of connections."""


def make_listener(parts: Parts, settings: nouns.Listener) -> Listener:
    """Make what serves it; the pools must have been made."""
    if isinstance(settings, nouns.HTTPListener):
        return _http(parts, settings)
    if isinstance(settings, nouns.TCPListener):
        return _tcp(parts, settings)
    assert isinstance(settings, nouns.UDPListener)
    return _udp(parts, settings)


def _tcp(parts: Parts, settings: nouns.TCPListener) -> StreamListener:
    listening = Listening(
        parts.deadlines,
        idle=settings.idle,
        linger=settings.linger,
        report=lambda line: log.error("{endpoint}: {line}", endpoint=settings.endpoint, line=line),
        send_proxy=_introduction(parts, settings),
        max_lifetime=settings.max_lifetime,
        sessions=_sessions(parts, settings),
        pipes=parts.pipes,
    )
    routes = [Route(route.matcher, _dialer(parts, _pool_of(route)), name=route.title) for route in settings.routes]
    factory: RelayFactory | JunctionFactory = RelayFactory(listening, routes[0].target)
    tallies = [listening.refusals]
    if routes[0].matcher is not None:
        junction = _junction(parts, settings, listening, routes)
        tallies.append(junction.outcomes)
        factory = JunctionFactory(junction)
    return _stream(parts, settings, factory, listening.sessions, tallies, traffic=listening.traffic)


def _dialer(parts: Parts, pool: nouns.Pool) -> Dialer[End]:
    return Dialer(
        parts.reactor,
        parts.pools[pool],
        lambda: End(parts.deadlines),
        parts.deadlines,
        connect_timeout=pool.connect_timeout,
        attempts=pool.attempts,
    )


def _pool_of(route: nouns.Route) -> nouns.Pool:
    """Where a route leads that leads to a pool, as all of TCP and UDP do."""
    assert route.pool is not None
    return route.pool


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


def _http(parts: Parts, settings: nouns.HTTPListener) -> StreamListener:
    routes = [
        Route(route.matcher, _destination(parts, settings, route), chain_of(route.filters), route.title)
        for route in settings.routes
    ]
    site = Site(
        Routes(routes, FaultLog()),
        parts.deadlines,
        parts.reactor.seconds,
        HeadLimits(
            line=settings.max_line,
            head=settings.max_head,
            fields=settings.max_fields,
            trailers=settings.max_trailers,
        ),
        path=path_policy(settings.paths),
        forwarding=_forwarding(parts, settings),
        dates=parts.dates,
        told=lambda line: log.info("{listener}: {line}", listener=str(settings), line=line),
        access=None if settings.access_log is None else access(parts, settings.access_log),
        later=later,
        filter_timeout=settings.filter_timeout,
    )
    sessions = _sessions(parts, settings)
    listening = HTTPListening(
        site,
        Upgrades(parts.deadlines, settings.upgrade_idle, sessions, parts.pipes, settings.max_lifetime),
        request_timeout=settings.request_timeout,
        idle=settings.idle,
        least=min(
            LEFT_OVER_TIME, settings.idle, settings.request_timeout, *(route.target.patience.least for route in routes)
        ),
        half_closed=settings.half_closed,
        max_lifetime=settings.max_lifetime,
        max_requests=settings.max_requests,
        sessions=sessions,
        pipes=parts.pipes,
        reasons=settings.reason_header,
    )
    return _stream(parts, settings, HTTPFactory(listening), sessions, [site.refusals])


def _forwarding(parts: Parts, settings: nouns.HTTPListener) -> Forwarding:
    """What backends are told of the listener's clients."""
    place = settings.place
    return Forwarding(
        port=0 if isinstance(place, str) else place[1],
        trusted=Trusted(settings.trusted_proxies) if settings.trusted_proxies else None,
        via=settings.via,
        forwarded=settings.forwarded,
        # Names, not secrets: a generator of our own costs no system call for each.
        request_ids=Random(parts.random.getrandbits(128)) if settings.request_id else None,
    )


def _udp(parts: Parts, settings: nouns.UDPListener) -> FlowListener:
    assert not isinstance(settings.place, str)
    interface, port = settings.place
    max_flows = min(settings.max_flows, parts.most_flows)
    parts.room.set_apart(max_flows)
    bounds = Bounds(
        idle=settings.idle,
        max_flows=max_flows,
        replies=settings.replies,
        requests=settings.requests,
        max_flows_per_source=settings.max_flows_per_source,
    )
    return FlowListener(
        lambda flow_ended: DatagramListener(
            parts.reactor,
            interface=interface,
            port=port,
            make_flows=lambda edge: _flows(parts, settings, edge, bounds, flow_ended),
            send_proxy=settings.send_proxy is not None,
            shared=settings.reuse_port,
        )
    )


def _flows(parts: Parts, settings: nouns.UDPListener, edge: Edge, bounds: Bounds, ended: Callable[[], object]) -> Flows:
    targets = [Route(route.matcher, parts.pools[_pool_of(route)], name=route.title) for route in settings.routes]
    routes = Routes(targets, FaultLog())
    if settings.key is None:
        return Flows(Choice(routes), edge, parts.deadlines, bounds, ended=ended, work=parts.work)
    keys = FlowKeys(settings.key, [parts.pools[pool] for pool in settings.pools], FaultLog())
    return KeyedFlows(KeyedChoice(routes, keys), edge, parts.deadlines, bounds, ended=ended, work=parts.work)


def _destination(parts: Parts, listener: nouns.HTTPListener, route: nouns.Route) -> Destination:
    pool = route.pool
    upstreams = NOWHERE if pool is None else _upstreams(parts, pool)
    patience = Patience(
        body=listener.body_timeout,
        reading=listener.idle,
        first=listener.idle if pool is None else pool.response_timeout,
        stall=listener.idle if pool is None else pool.stall_timeout,
        total=route.timeout,
    )
    retries = Retries(
        RetryPolicy(1) if pool is None else _retry_policy(route.retry, pool),
        upstreams.budget,
        parts.random,
        parts.reactor.callLater,
        asked=route.retry is not None,
    )
    return Destination(
        upstreams,
        patience,
        retries,
        max_body=listener.max_body if route.max_body is None else route.max_body,
        upgrades=frozenset(route.upgrades),
    )


def _retry_policy(retry: nouns.Retry | None, pool: nouns.Pool) -> RetryPolicy:
    """What a route has said, or what always holds."""
    if retry is None:
        return RetryPolicy(pool.attempts)
    return RetryPolicy(
        retry.attempts or pool.attempts,
        statuses=frozenset(retry.statuses),
        methods=IDEMPOTENT if retry.methods is None else frozenset(retry.methods),
        backoff=retry.backoff,
        share=retry.budget,
        floor=retry.budget_floor,
        body=retry.body,
        per_try=retry.per_try_timeout,
        hedge=retry.hedge,
        header=retry.attempt_header,
    )


def _upstreams(parts: Parts, settings: nouns.Pool) -> Upstreams:
    """The connections of one pool, shared by all the listeners that use it."""
    if settings not in parts.upstreams:
        parts.upstreams[settings] = Upstreams(
            parts.reactor,
            parts.pools[settings],
            parts.deadlines,
            connect_timeout=settings.connect_timeout,
            attempts=settings.attempts,
            kept=Kept(settings.keepalive, settings.keepalive_timeout, settings.max_age, settings.max_uses),
            warm=settings.warm,
            pipes=parts.pipes,
            limits=HeadLimits(head=settings.max_head, fields=settings.max_fields, interim=settings.max_interim),
        )
    return parts.upstreams[settings]


def _sessions(parts: Parts, settings: Streams) -> Sessions:
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


def _stream(
    parts: Parts,
    settings: Streams,
    factory: Any,
    sessions: Sessions,
    tallies: list[Tally],
    *,
    traffic: Callable[[], tuple[int, int]] | None = None,
) -> StreamListener:
    """The listener, with whatever stands before the factory that serves: a gate outside, limits inside."""
    refusals = Refusals(lambda line: log.info("{listener}: {line}", listener=str(settings), line=line))
    limits = sessions if isinstance(sessions, LimitedSessions) else None
    if limits is not None:
        factory = LimitedFactory(limits, factory, refusals)
    if settings.accept_proxy:
        gate = Gate(
            Sources(settings.accept_proxy),
            required=settings.proxy == "required",
            timeout=settings.proxy_timeout,
            deadlines=parts.deadlines,
            sessions=sessions,
            refusals=refusals,
            limits=limits,
        )
        factory = GateFactory(gate, factory)
    return StreamListener(
        parts.reactor,
        endpoint_of(settings),
        factory,
        sessions,
        shared=shared_port(settings),
        refusals=(*tallies, refusals),
        traffic=traffic,
    )
