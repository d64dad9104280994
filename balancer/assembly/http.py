"""Listeners of HTTP and where their routes lead, from what a user wrote; binds nothing."""

from __future__ import annotations

from random import Random

from twisted.logger import Logger

from balancer import config as nouns
from balancer.assembly.faults import FaultLog
from balancer.assembly.logs import access
from balancer.assembly.parts import Parts
from balancer.assembly.proofs import proving_routes
from balancer.assembly.streams import Door, make_stream
from balancer.assembly.terminated import terminated
from balancer.core.arrival import OtherHosts
from balancer.core.exchange import LEFT_OVER_TIME
from balancer.core.faults import Faults
from balancer.core.filters import Chain, chain_of
from balancer.core.forwarding import Forwarding, Trusted
from balancer.core.http1 import Limits as HeadLimits
from balancer.core.journal import Access
from balancer.core.kept import Kept
from balancer.core.nowhere import NOWHERE
from balancer.core.paths import path_policy
from balancer.core.plain_hint import plain_hint
from balancer.core.retries import IDEMPOTENT, Retries, RetryPolicy
from balancer.core.routes import Route, Routes
from balancer.core.silence import Patience
from balancer.core.site import Destination, Site
from balancer.net.http import HTTPFactory
from balancer.net.http_manners import HTTPListening
from balancer.net.later import later
from balancer.net.limits import Inner
from balancer.net.listeners import StreamListener
from balancer.net.upgrades import Upgrades
from balancer.net.upstreams import Upstreams

log = Logger("balancer")


def make_http(parts: Parts, settings: nouns.HTTPListener) -> StreamListener:
    """Make what serves HTTP; the pools must have been made."""
    return make_stream(parts, settings, lambda door: serve_http(parts, settings, door, str(settings)))


def serve_http(parts: Parts, settings: nouns.HTTPListener, door: Door, named: str) -> Inner:
    """What serves HTTP behind that door; logs call it so."""
    faults = Faults(FaultLog(), f"{named}: ")
    routes = Routes(
        [
            Route(route.matcher, destination(parts, settings, route), _chain(route, faults), route.title)
            for route in (*proving_routes(parts, settings), *settings.routes)
        ],
        faults,
    )
    parts.faults.append(faults)
    site = _site(parts, settings, routes, door, named)
    door.tallies.append(site.refusals)
    listening = HTTPListening(
        site,
        Upgrades(parts.deadlines, settings.upgrade_idle, door.sessions, parts.pipes, settings.max_lifetime),
        request_timeout=settings.request_timeout,
        idle=settings.idle,
        least=min(
            LEFT_OVER_TIME, settings.idle, settings.request_timeout, *(route.target.patience.least for route in routes)
        ),
        half_closed=settings.half_closed,
        max_lifetime=settings.max_lifetime,
        max_requests=settings.max_requests,
        sessions=door.sessions,
        pipes=parts.pipes,
        reasons=settings.reason_header,
    )
    return terminated(
        parts, settings, door, named, HTTPFactory(listening), hint=lambda data: plain_hint(data, parts.dates)
    )


def _chain(route: nouns.Route, faults: Faults) -> Chain | None:
    """The filters of a route; those that fail and are passed over are counted."""
    skipped = (
        None
        if route.on_filter_error == "refuse"
        else lambda failed: faults.note(failed.named, failed.__cause__ or failed)
    )
    return chain_of(route.filters, skipped)


def _site(parts: Parts, settings: nouns.HTTPListener, routes: Routes[Destination], door: Door, named: str) -> Site:
    tls = settings.tls or door.tls
    return Site(
        routes,
        parts.deadlines,
        parts.reactor.seconds,
        head_limits(settings),
        path=path_policy(settings.paths),
        forwarding=forwarding(settings, parts.random),
        dates=parts.dates,
        told=lambda line: log.info("{listener}: {line}", listener=named, line=line),
        access=_access(parts, settings, tls),
        later=later,
        filter_timeout=settings.filter_timeout,
        other_hosts=other_hosts(tls),
    )


def head_limits(settings: nouns.HTTPListener) -> HeadLimits:
    """How much a request may be, but its body."""
    return HeadLimits(
        line=settings.max_line,
        head=settings.max_head,
        fields=settings.max_fields,
        trailers=settings.max_trailers,
    )


def _access(parts: Parts, settings: nouns.HTTPListener, tls: nouns.TLS | None) -> Access | None:
    """Where requests are told, if anywhere."""
    if settings.access_log is None:
        return None
    return access(parts, settings.access_log, tls=tls is not None)


def other_hosts(tls: nouns.TLS | None) -> OtherHosts:
    """Which hosts requests may be for beside the one that their TLS was made for."""
    names = () if tls is None else tls.other_hosts
    return None if "any" in names else frozenset(map(str.lower, names))


def forwarding(settings: nouns.HTTPListener, random: Random) -> Forwarding:
    """What backends are told of the listener's clients."""
    place = settings.place if settings.endpoint != "" else ""
    return Forwarding(
        port=0 if isinstance(place, str) else place[1],
        trusted=Trusted(settings.trusted_proxies) if settings.trusted_proxies else None,
        via=settings.via,
        forwarded=settings.forwarded,
        # Names, not secrets: a generator of our own costs no system call for each.
        request_ids=Random(random.getrandbits(128)) if settings.request_id else None,
    )


def destination(parts: Parts, listener: nouns.HTTPListener, route: nouns.Route) -> Destination:
    """Where a route leads, and how patiently; its pool must have been made."""
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
