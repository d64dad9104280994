"""The way of one request, connection or datagram: listener by listener, route, filters, pool; puts it into no words."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import suppress
from typing import Final

import attrs

from balancer import config as nouns
from balancer.config import Routed
from balancer.core.arrival import arrival
from balancer.core.explaining import Choice, PoolExplained, explaining
from balancer.core.explaining_routes import RoutesExplained
from balancer.core.faults import named
from balancer.core.flow_keys import FlowKeys
from balancer.core.messages import RequestHead
from balancer.core.peeking import FirstBytes, PeekingRoutes
from balancer.core.proxy_protocol import NOTHING_TOLD
from balancer.core.routes import Route, Routes
from balancer.core.secured import Secured
from balancer.core.session import Session
from balancer.core.slices import finished
from balancer.errors import BalancerError, ConfigError, NoRoute, PoolFull, RouteRefused
from balancer.explain.ground import Ground
from balancer.explain.heads import Passage
from balancer.explain.listening import first_bytes, listener_for, port_of, wanting
from balancer.explain.question import Question
from balancer.interfaces import Kind, Reply

UNTRIED: Final = RoutesExplained((), None, {}, 0)
"""What is told of routes that nobody came to."""


@attrs.define
class Hop:
    """One listener on the way, that which is bound before those inside its routes, and how its routes were tried.

    `notes` say what else is to be known of it, a line each.
    """

    listener: str
    kind: Kind
    notes: tuple[str, ...] = ()
    routes: RoutesExplained = UNTRIED


@attrs.define(eq=False)
class Way:
    """What becomes of a question, as far as it comes.

    `came` and `goes` are the request as the client sends it and as the backend is sent it, `filters` those in between.
    It ends with a filter's `reply`, with the `error` that it is refused with, or with the choice of a `pool`, which may
    be nobody. `notes` say what could not be followed.
    """

    asked: Question
    hops: list[Hop] = attrs.field(factory=list)
    route: nouns.Route | None = None
    captures: Mapping[str, str] = attrs.field(factory=dict)
    came: RequestHead | None = None
    goes: RequestHead | None = None
    filters: tuple[str, ...] = ()
    notes: list[str] = attrs.field(factory=list)
    reply: Reply | None = None
    error: BalancerError | None = None
    pool: PoolExplained | None = None

    @property
    def backend(self) -> str | None:
        """Who is chosen, if anybody."""
        return None if self.pool is None else self.pool.choice.backend


def follow(ground: Ground, asked: Question) -> Way:
    """Where it leads. Raises `ConfigError` where no listener takes it, and for a server name that is none."""
    return finished(following(ground, asked))


def following(ground: Ground, asked: Question) -> Generator[None, None, Way]:
    """The same, in slices of work."""
    listener, note = listener_for(ground.listeners, asked)
    way = Way(asked)
    try:
        yield from _Follower(ground, way).at(listener, None, note)
    except ConfigError:
        raise
    except BalancerError as error:
        way.error = error
    return way


class _Follower:
    """Follows one question."""

    def __init__(self, ground: Ground, way: Way) -> None:
        self._ground, self._way, self._asked = ground, way, way.asked
        self._port = 0

    def at(self, listener: nouns.Listener, outer: nouns.TLS | None, note: str = "") -> Generator[None, None, None]:
        """Go on with that listener; one inside a route may be reached by way of `outer` TLS. Raises what refuses it."""
        tls = getattr(listener, "tls", None) or outer
        self._port = self._port or port_of(listener) or 0
        self._way.hops.append(
            Hop(str(listener), listener.kind, tuple(filter(None, (note, wanting(listener, self._asked)))))
        )
        if isinstance(listener, nouns.HTTPListener):
            yield from self._http(listener, tls)
        elif isinstance(listener, nouns.TCPListener):
            yield from self._tcp(listener, tls)
        else:
            assert isinstance(listener, nouns.UDPListener)
            yield from self._udp(listener)

    def _tcp(self, listener: nouns.TCPListener, tls: nouns.TLS | None) -> Generator[None, None, None]:
        session = self._session(Kind.TCP, tls)
        routes = PeekingRoutes(_routes(listener))
        seen = FirstBytes(routes, session)
        with suppress(NoRoute):
            seen.feed(first_bytes(self._asked, secured=tls is not None)) or seen.give_up()
        route = self._taken(routes, session)
        if route.refuse:
            raise RouteRefused("the route refuses connections")
        if route.serve is not None:
            yield from self.at(route.serve, tls)
        else:
            yield from self._pool(route, session)

    def _udp(self, listener: nouns.UDPListener) -> Generator[None, None, None]:
        """A datagram that says whose it is need not ask the routes."""
        session = self._session(Kind.UDP, None)
        session.become(peek=self._asked.peek)
        pools = [self._ground.pools[pool] for pool in listener.pools]
        home = None if listener.key is None else FlowKeys(listener.key, pools).home(session.peek)
        if home is None:
            yield from self._pool(self._taken(Routes(_routes(listener)), session), session)
            return
        pool, backend = home
        told = yield from explaining(pool, session)
        choice = Choice(backend.name, "decision", "what the datagram says of itself", (backend.name,))
        self._way.pool = attrs.evolve(told, choice=choice)

    def _http(self, listener: nouns.HTTPListener, tls: nouns.TLS | None) -> Generator[None, None, None]:
        way, passage = self._way, Passage(listener, tls, self._asked, self._port)
        arrived = arrival(NOTHING_TOLD, self._secured(tls))
        way.came, head, client = passage.arrive(arrived)
        session = Session(Kind.HTTP, client, self._now, head)
        if arrived is not None:
            arrived.tell(session)
        answer = passage.judge(way.came, head, arrived)
        if isinstance(answer, Reply):
            way.reply = answer
            return
        session.become(request=answer)
        route = self._taken(Routes(_routes(listener)), session)
        way.filters = tuple(map(named, route.filters))
        way.reply, head = passage.filtered(route, session, way.notes)
        if way.reply is None:
            way.goes = head
            yield from self._pool(route, session)

    def _taken(self, routes: Routes[nouns.Route], session: Session) -> nouns.Route:
        """The route that takes the session. Raises `NoRoute`."""
        self._way.hops[-1].routes = told = routes.explain(session)
        if told.taken is None:
            raise NoRoute("no route matches")
        self._way.route = route = list(routes)[told.taken - 1].target
        session.capture(told.captures)
        self._way.captures = session.captures
        return route

    def _pool(self, route: nouns.Route, session: Session) -> Generator[None, None, None]:
        if route.pool is None:
            raise NoRoute("no filter of the route has answered, and it has no pool")
        self._way.pool = told = yield from explaining(self._ground.pools[route.pool], session)
        self._way.goes = told.choice.request or self._way.goes
        if told.choice.reason == PoolFull.reason and session.kind is not Kind.UDP and route.pool.queue:
            self._way.notes.append(f"it waits for room first, for {route.pool.queue_timeout:g} s at most")

    def _session(self, kind: Kind, tls: nouns.TLS | None) -> Session:
        session = Session(kind, self._asked.client, self._now)
        arrived = arrival(NOTHING_TOLD, self._secured(tls))
        if arrived is not None:
            arrived.tell(session)
        return session

    def _secured(self, tls: nouns.TLS | None) -> Secured | None:
        """What a usual client agrees on, one without a certificate of its own."""
        return (
            None if tls is None else Secured("TLSv1.3", "TLS_AES_256_GCM_SHA384", self._asked.server_name, "http/1.1")
        )

    @property
    def _now(self) -> float:
        """The time by which the pools live."""
        return next((pool.ports.seconds() for pool in self._ground.pools.values()), 0.0)


def _routes(listener: Routed) -> list[Route[nouns.Route]]:
    """The routes of a listener, each of which leads to what a user wrote of it."""
    return [Route(one.matcher, one, name=one.name or "") for one in listener.routes]
