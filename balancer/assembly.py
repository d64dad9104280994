"""From the nouns of a config to the parts that run: pools, checks, connections to backends, listeners.

Makes and wires; binds nothing and starts nothing. What a config left open, such as the algorithm, is decided here.
"""

from __future__ import annotations

from random import Random
from traceback import format_exception_only
from typing import Any, Final

import attrs
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure

from balancer import config as nouns
from balancer.config.endpoints import Endpoint
from balancer.core.backend import Backend, Place
from balancer.core.conversation import Destination, Site
from balancer.core.datagrams import Bounds
from balancer.core.deadlines import Deadlines
from balancer.core.faults import Tally, named
from balancer.core.http1 import Limits
from balancer.core.pickers import Ports
from balancer.core.pool import Pool
from balancer.core.proxy_greeting import own_greeting
from balancer.core.routes import Route, Routes
from balancer.core.silence import Patience
from balancer.core.sources import Sources
from balancer.errors import StartError
from balancer.net.checks import Checks, Schedule
from balancer.net.clock import ReactorAlarm
from balancer.net.datagrams import DatagramListener
from balancer.net.dialing import Dialer
from balancer.net.gates import Gate, GateFactory
from balancer.net.http import HTTPFactory
from balancer.net.http import Listening as HTTPListening
from balancer.net.listeners import FlowListener, Listener, StreamListener
from balancer.net.resolving import resolve
from balancer.net.sessions import Room, Sessions, sessions_possible
from balancer.net.splice import Pipes
from balancer.net.streams import End, Listening, RelayFactory
from balancer.net.upstreams import Upstreams
from balancer.plugins.algorithms import RoundRobin

log = Logger("balancer")

BACKLOG = 1024
"""Connections that the system may hold for us to accept; it cuts this to its own limit (net.core.somaxconn)."""

PLAINLY: Final = {
    "Cannot acquire lock": "Address already in use",
    "No such file or directory": "the folder does not exist",
}
"""What Twisted and the system say of an endpoint, where that says little."""

REMEDIES: Final = {
    "denied": "ports below 1024 and some paths need a privilege; choose another or run with it",
    "in use": "stop what has it, or choose another",
    "folder does not exist": "make it, or choose another",
}
"""What to do, by words of what happened."""


class FaultLog:
    """Tells the log of every fault of a stranger's code; `first` is the first one, in a line."""

    first = ""

    def __call__(self, what: str, error: BaseException) -> None:
        """A part of it failed."""
        self.first = self.first or in_a_line(error)
        log.failure("{what}", Failure(error), what=what)


PIPES = 16
"""Pipes for bulk: so few that their descriptors fit into those reserved. Other directions go through Python."""


def default_algorithm() -> RoundRobin:
    """What a pool without an algorithm uses."""
    return RoundRobin()


@attrs.define
class Assembly:
    """The parts of one balancer, by the nouns they come from."""

    reactor: Any
    random: Random
    alarm: ReactorAlarm = attrs.field(init=False)
    deadlines: Deadlines = attrs.field(init=False)
    room: Room = attrs.field(init=False, factory=lambda: Room(sessions_possible()))
    pipes: Pipes = attrs.field(init=False, factory=lambda: Pipes(PIPES))
    pools: dict[nouns.Pool, Pool] = attrs.field(init=False, factory=dict)
    checks: list[Checks] = attrs.field(init=False, factory=list)
    upstreams: dict[nouns.Pool, Upstreams] = attrs.field(init=False, factory=dict)
    listeners: list[tuple[nouns.Listener, Listener]] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.alarm = ReactorAlarm(self.reactor)
        self.deadlines = Deadlines(self.alarm)

    async def assemble(self, config: nouns.Config) -> None:
        """Make all parts. Raises `StartError` for an unknown host, and for an algorithm that fails."""
        for settings in config.pools:
            self.pools[settings] = await self._pool(settings)
            if settings.health is not None:
                version = config.send_proxy(settings)
                greeting = b"" if version is None else own_greeting(version)
                self.checks.append(self._checks(settings, settings.health, greeting))
        for listener in config.listeners:
            self.listeners.append((listener, self._listener(listener)))

    async def _pool(self, settings: nouns.Pool) -> Pool:
        faults = FaultLog()
        ports = Ports(self.random, self.reactor.seconds, lambda call: self.reactor.callLater(0, call), faults)
        algorithm: Any = settings.algorithm or default_algorithm()
        pool = Pool(
            settings.name,
            [await self._backend(settings, backend) for backend in settings.backends],
            algorithm,
            ports=ports,
            on_policy_error=settings.on_policy_error,
        )
        if faults.first:
            culprit = algorithm if pool.policy.faults.count else settings.on_policy_error
            name = named(getattr(culprit, "name", culprit))
            raise StartError(f"Pool {settings.name!r}: algorithm {name}: picker() failed: {faults.first}; correct it")
        return pool

    async def _backend(self, pool: nouns.Pool, settings: nouns.Backend) -> Backend:
        assumed_up = pool.health is None or pool.health.assume == "up"
        return Backend(
            settings.name,
            settings.address,
            await self._place(pool, settings),
            seconds=self.reactor.seconds,
            authority=str(Endpoint("", settings.place)),
            weight=settings.weight,
            tier=settings.tier,
            zone=settings.zone,
            tags=settings.tags,
            up=settings.start == "up" and assumed_up,
            latency_half_life=pool.latency_half_life,
        )

    async def _place(self, pool: nouns.Pool, settings: nouns.Backend) -> Place:
        """Where it is; a name that is unknown now is left to be looked up at each connect if it may start down."""
        try:
            return await resolve(self.reactor, settings.place)
        except LookupError as error:
            if settings.start == "down":
                return settings.place
            remedy = 'correct the name, or let it be unknown for now with start="down" and a health check'
            raise StartError(f"Pool {pool.name!r}: Backend {settings.name!r}: {error}; {remedy}") from error

    def _checks(self, settings: nouns.Pool, health: nouns.Health, greeting: bytes) -> Checks:
        return Checks(
            health.check,
            schedule(health, greeting),
            self.pools[settings],
            reactor=self.reactor,
            changed=lambda backend, evidence: self._changed(settings, backend, evidence),
        )

    def _changed(self, settings: nouns.Pool, backend: Backend, evidence: str) -> None:
        """A backend came into use or went out of it: say so, and use no connection to one that is out again."""
        log.info(
            "pool {pool!r}: backend {backend!r} is {state}{weight}{because}",
            pool=settings.name,
            backend=backend.name,
            state=backend.state,
            weight="" if backend.weight else ", with weight 0",
            because=f": {evidence}" if evidence else "",
        )
        if not backend.usable and settings in self.upstreams:
            self.upstreams[settings].drop(backend)

    def _listener(self, settings: nouns.Listener) -> Listener:
        if isinstance(settings, nouns.HTTPListener):
            return self._http(settings)
        if isinstance(settings, nouns.TCPListener):
            return self._tcp(settings)
        assert isinstance(settings, nouns.UDPListener)
        return self._udp(settings)

    def _tcp(self, settings: nouns.TCPListener) -> StreamListener:
        pool = settings.pool
        dialer = Dialer(
            self.reactor,
            self.pools[pool],
            lambda: End(self.deadlines),
            self.deadlines,
            connect_timeout=pool.connect_timeout,
            attempts=pool.attempts,
        )
        listening = Listening(
            dialer,
            self.deadlines,
            idle=settings.idle,
            linger=settings.linger,
            report=lambda line: log.error("{endpoint}: {line}", endpoint=settings.endpoint, line=line),
            send_proxy=settings.send_proxy,
            sessions=Sessions(self.room),
            pipes=self.pipes,
        )
        return self._stream(settings, RelayFactory(listening), listening.sessions)

    def _http(self, settings: nouns.HTTPListener) -> StreamListener:
        routes = [
            Route(route.matcher, self._destination(settings, route.pool), route.filters) for route in settings.routes
        ]
        site = Site(
            Routes(routes, FaultLog()),
            self.deadlines,
            self.reactor.seconds,
            Limits(head=settings.max_head, fields=settings.max_fields),
            told=lambda line: log.info("{listener}: {line}", listener=str(settings), line=line),
        )
        listening = HTTPListening(
            site,
            request_timeout=settings.request_timeout,
            idle=settings.idle,
            half_closed=settings.half_closed,
            sessions=Sessions(self.room),
        )
        return self._stream(settings, HTTPFactory(listening), listening.sessions)

    def _udp(self, settings: nouns.UDPListener) -> FlowListener:
        assert not isinstance(settings.place, str)
        interface, port = settings.place
        bounds = Bounds(
            idle=settings.idle,
            max_flows=min(settings.max_flows, self.room.limit),
            replies=settings.replies,
            requests=settings.requests,
            max_flows_per_source=settings.max_flows_per_source,
        )
        return FlowListener(
            lambda flow_ended: DatagramListener(
                self.reactor,
                interface=interface,
                port=port,
                pool=self.pools[settings.pool],
                bounds=bounds,
                deadlines=self.deadlines,
                ended=flow_ended,
            )
        )

    def _destination(self, listener: nouns.HTTPListener, pool: nouns.Pool) -> Destination:
        return Destination(self._upstreams(pool), Patience(downstream=listener.idle, upstream=pool.response_timeout))

    def _upstreams(self, settings: nouns.Pool) -> Upstreams:
        """The connections of one pool, shared by all the listeners that use it."""
        if settings not in self.upstreams:
            self.upstreams[settings] = Upstreams(
                self.reactor,
                self.pools[settings],
                self.deadlines,
                connect_timeout=settings.connect_timeout,
                attempts=settings.attempts,
                keepalive=settings.keepalive,
                keepalive_timeout=settings.keepalive_timeout,
            )
        return self.upstreams[settings]

    def _stream(
        self, settings: nouns.HTTPListener | nouns.TCPListener, factory: Any, sessions: Sessions
    ) -> StreamListener:
        endpoint = settings.endpoint
        if settings.bound.scheme in {"tcp", "tcp6", "unix"} and "backlog" not in settings.bound.options:
            endpoint += f":backlog={BACKLOG}"
        if settings.accept_proxy:
            factory = GateFactory(gate(settings, self.deadlines, sessions), factory)
        return StreamListener(self.reactor, endpoint, factory, sessions)


def gate(settings: nouns.HTTPListener | nouns.TCPListener, deadlines: Deadlines, sessions: Sessions) -> Gate:
    """Who must open a connection to that listener with a PROXY header."""
    return Gate(
        Sources(settings.accept_proxy),
        required=settings.proxy == "required",
        timeout=settings.proxy_timeout,
        deadlines=deadlines,
        sessions=sessions,
        refusals=Tally(lambda line: log.info("{listener}: {line}", listener=str(settings), line=line)),
    )


def schedule(health: nouns.Health, greeting: bytes) -> Schedule:
    """When the checks of a pool run and when their word counts."""
    return Schedule(
        every=health.every,
        timeout=health.timeout,
        jitter=health.jitter,
        rise=health.rise,
        fall=health.fall,
        greeting=greeting,
    )


async def bind(settings: nouns.Listener, listener: Listener) -> None:
    """Start a listener. Raises `StartError` with one line that says which, why and what to do."""
    try:
        await listener.start()
    except (CannotListenError, AttributeError, LookupError, OSError, OverflowError, TypeError, ValueError) as error:
        raise StartError(f"{settings}: cannot listen: {_why(settings, error)}") from error


def _why(settings: nouns.Listener, error: Exception) -> str:
    """What happened, and what to do."""
    if isinstance(error, OverflowError):
        return "a number in it is too large; correct the endpoint"
    if isinstance(error, LookupError) and settings.bound.scheme == "systemd":
        return "systemd has passed no such socket; start the balancer by a socket unit that has it, or bind tcp:"
    cause = error.socketError if isinstance(error, CannotListenError) else error
    said = getattr(cause, "strerror", None) or " ".join(str(cause).split())
    why = PLAINLY.get(said, said)
    remedies = [remedy for words, remedy in REMEDIES.items() if words in why.lower()]
    return f"{why}; {remedies[0] if remedies else 'correct the endpoint'}"


def in_a_line(error: BaseException) -> str:
    """What kind of error it is and what it says, on one line whatever that is."""
    return " ".join(" ".join(format_exception_only(error)).split())
