"""The TCP relay at the edge: two Twisted protocols that feed one `core.relay.Relay` and obey it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.core.arrival import arrival
from balancer.core.backend import Backend
from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.faults import Tally
from balancer.core.pool import Lease
from balancer.core.proxy_greeting import Introduction
from balancer.core.relay import Half, Relay
from balancer.core.session import Session
from balancer.errors import BalancerError, LifetimeExceeded
from balancer.interfaces import Kind, Phase
from balancer.net.dialing import Dialed, Dialer, Dialing
from balancer.net.peers import Peer, held
from balancer.net.sessions import Sessions, Sight
from balancer.net.splice import Pipes, Shortcut, shortcut
from balancer.net.transports import Stream

BULKY: Final = 1 << 16
"""Bytes that transports read at most at once: behind so many there are more."""

LINGER = 10.0
"""Seconds in which a peer has to take something of what was sent before a close."""


@implementer(IHalfCloseableProtocol)
class End(Dialed):
    """One of the two connections: `core.relay.Stream` on a Twisted transport, and what speaks to its half."""

    half: Half | None = None
    lease: Lease | None = None
    """The pick that the first byte from here is the answer to."""
    other: End | None = None
    pipes: Pipes | None = None
    shortcut: Shortcut | None = None
    """The kernel's way for what this peer sends, while that is much."""
    answers = True
    """Whether the peer may have more to say when it is told that there is no more to hear."""
    early = b""
    """What came before there was anybody to relay it to: with a PROXY header, or to be routed by."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines

    def connectionMade(self) -> None:
        """The socket is connected. A relay writes once a turn, so there is nothing to wait for."""
        plain = isinstance(self.transport, Stream)  # and nothing around it, such as TLS, that a write must not pass by
        self.write = self.transport.write_at_once if plain else self.transport.write  # type: ignore[method-assign]  # short
        super().connectionMade()

    def join(self, half: Half, other: End, pipes: Pipes) -> None:
        """From now on this is one end of a relay."""
        self.half, self.other, self.pipes = half, other, pipes

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the peer; when they fill a whole read there are more, which the kernel may move by itself."""
        half = self.half
        if half is None:
            self.early += data
            if len(self.early) >= BULKY:
                self.pause()
            return
        if self.lease is not None:
            self.lease.answered()
            self.lease = None
        half.data(data)
        if len(data) >= BULKY:
            self._take_shortcut(half)

    def _take_shortcut(self, half: Half) -> None:
        if self.other is not None and self.pipes is not None and (self.shortcut is None or not self.shortcut.active):
            self.shortcut = shortcut(self.transport, self.other.transport, self.pipes, half.moved)

    def finish(self) -> None:
        """See `Peer.finish`. Where one direction cannot end before the other, its end waits for that of both.

        A backend told of it would drop the answer that it has yet to give (RFC 5246 7.2.1).
        """
        if not self.answers or getattr(self.transport, "half_closes", True):
            super().finish()

    def pressure(self, *, high: bool) -> None:
        """The peer does not read fast enough, or does again."""
        if self.half is not None:
            self.half.pressure(high=high)

    def readConnectionLost(self) -> None:
        """FIN from the peer."""
        super().readConnectionLost()
        if self.half is not None:
            self.half.finished()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed. The two ends of a relay know each other no longer than they live."""
        super().connectionLost(reason)
        for end in (self, self.other):
            if end is not None and end.shortcut is not None:
                end.shortcut.stop()
        if self.half is not None:
            self.half.lost()
        self.half = self.other = self.shortcut = None

    @property
    def held(self) -> int:
        """The same, with what is in the pipe of a shortcut that ends here."""
        way = None if self.other is None else self.other.shortcut
        written = held(self.transport)
        return written if way is None else written + way.held

    def close(self) -> None:
        """Close after what was written, or was on its way here through the kernel."""
        self.close_within(self._deadlines, LINGER)


class DownstreamEnd(End):
    """A client's connection; lives through connecting to a backend and the relay that follows."""

    answers = False  # most clients wait for the end of what they hear, and then have no more to say
    _lifetime: Deadline | None = None
    _moved = (0, 0)

    def __init__(self, listening: Listening, dialer: Dialer[End], session: Session | None = None) -> None:
        super().__init__(listening.deadlines)
        self.listening, self._dialer, self._session = listening, dialer, session
        self._relay: Relay | None = None
        self._dialing: Dialing[End] | None = None
        self._lease: Lease | None = None

    def connectionMade(self) -> None:
        """A client: read nothing until a backend stands behind it, or has to be waited for."""
        super().connectionMade()
        self.pause()
        self.listening.sessions.add(self)
        if self.listening.max_lifetime is not None:
            self._lifetime = self._deadlines.after(self.listening.max_lifetime, self._too_old)
        self._session = self._session or session_of(self, self._dialer.reactor.seconds())
        self._began = self._session.now
        send_proxy = self.listening.send_proxy
        greeting = b"" if send_proxy is None else send_proxy.of(self._session, self.called)
        dialing = self._dialer.dial(self._session, self, greeting=greeting)
        if self._lease is None:
            self._dialing = dialing

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed."""
        super().connectionLost(reason)
        if self._lifetime is not None:
            self._lifetime.cancel()
            self._lifetime = None  # which leads back here
        if self._dialing is not None:
            self._dialing.cancel()
        self._dialing = None
        self._count()
        self.listening.sessions.discard(self)

    def drain(self) -> None:
        """A relay cannot tell where its peers could stop: it goes on until they do."""

    def end(self, error: BalancerError) -> None:
        """End now."""
        if self._relay is not None:
            self._relay.fail(error)
        if self._dialing is not None:
            self._dialing.cancel(error)
        self.abort()

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """End the relay if it is with that backend; if that is only being connected to, go on to another."""
        if self._dialing is not None:
            self._dialing.leave(backend, error)
        elif self._relay is not None and self._lease is not None and self._lease.backend is backend:
            self._relay.fail(error)

    def _too_old(self) -> None:
        self.end(LifetimeExceeded(f"the connection is {self.listening.max_lifetime:g} s old"))

    def dialed(self, protocol: End, lease: Lease) -> None:
        """A backend stands behind it: relay."""
        self._session = None
        self._dialing, self._lease, protocol.lease = None, lease, lease
        self._relay = relay = Relay(
            self,
            protocol,
            deadlines=self.listening.deadlines,
            idle=self.listening.idle,
            linger=self.listening.linger,
            done=self._relayed,
        )
        self.join(relay.downstream, protocol, self.listening.pipes)
        protocol.join(relay.upstream, self, self.listening.pipes)
        self.resume()  # comes first: what follows may call for a pause
        early, self.early = self.early, b""
        if early:
            relay.downstream.data(early)
        if self.half_closed:
            relay.downstream.finished()

    def waits(self) -> None:
        """In the queue for a backend: read on, though not much, to hear of it when the client leaves."""
        if len(self.early) < BULKY:
            self.resume()

    def readConnectionLost(self) -> None:
        """FIN: before a relay it may be a request's end, but not if nothing was asked; then the client has left."""
        super().readConnectionLost()
        if self._relay is None and not self.early:
            self.close()

    def not_dialed(self, error: BalancerError) -> None:
        """No backend is to be had."""
        self._dialing = None
        self.listening.refused(error)
        self.abort()

    def look(self) -> Sight:
        """How it is."""
        backend = None if self._lease is None else self._lease.backend
        return Sight(self.address, backend, self._began, *(self.moving or self._moved), secured=self.secured)

    @property
    def moving(self) -> tuple[int, int] | None:
        """Bytes that came so far from the client, and from the backend; None without a relay that is under way."""
        relay = self._relay
        return None if relay is None else (relay.downstream.size, relay.upstream.size)

    def _count(self) -> None:
        """Keep what the relay moved, once: as it ends, or with the connection if that is told first."""
        moved, self._relay = self.moving, None
        if moved is not None:
            self._moved = moved
            self.listening.count(*moved)

    def _relayed(self, error: BalancerError | None) -> None:
        """The relay is over: give the backend back."""
        self._count()
        assert self._lease is not None
        self._lease.end(Phase.DONE if error is None else Phase.DATA, error=error)


def session_of(client: Peer, now: float) -> Session:
    """The session of a client that has connected."""
    session, arrived = Session(Kind.TCP, client.address, now), arrival(client.header, client.secured)
    if arrived is not None:
        arrived.tell(session)
    return session


@attrs.define
class Listening:
    """What the connections of one TCP listener share. Times are in seconds.

    With `send_proxy` the backend is told of the client by a PROXY header. A connection that is `max_lifetime` old, from
    when its route is known, is cut.
    `refusals` counts the clients that were turned away, by reason; `report` hears of the 1st, 2nd, 4th, 8th and so on.
    `received` and `sent` are the bytes that clients and backends sent on relays that have ended.
    """

    deadlines: Deadlines
    idle: float
    linger: float
    report: Callable[[str], object]
    send_proxy: Introduction | None = None
    max_lifetime: float | None = None
    sessions: Sessions = attrs.Factory(Sessions)
    pipes: Pipes = attrs.Factory(Pipes)
    received: int = attrs.field(init=False, default=0)
    sent: int = attrs.field(init=False, default=0)
    refusals: Tally = attrs.field(init=False, default=attrs.Factory(lambda self: Tally(self.report), takes_self=True))

    def count(self, received: int, sent: int) -> None:
        """A relay has ended on which so many bytes came from the client, and from the backend."""
        self.received += received
        self.sent += sent

    def traffic(self) -> tuple[int, int]:
        """Bytes that came from clients, and from backends, so far; the sessions may be another's too."""
        relays = (one.moving for one in self.sessions if isinstance(one, DownstreamEnd) and one.listening is self)
        moving = [sizes for sizes in relays if sizes is not None]
        return self.received + sum(size for size, _ in moving), self.sent + sum(size for _, size in moving)

    def refused(self, error: BalancerError) -> None:
        """A client was turned away."""
        self.refusals.note(error.reason, f"client turned away: {error}")


class RelayFactory(Factory):
    """Makes the protocols of one TCP listener whose connections all go to one pool."""

    noisy = False
    asks_nobody = True  # see `net.http.HTTPFactory`

    def __init__(self, listening: Listening, dialer: Dialer[End]) -> None:
        self.listening, self._dialer = listening, dialer

    def buildProtocol(self, _address: IAddress | None) -> DownstreamEnd | None:
        """A client has connected; without room for it, it is closed at once."""
        return None if self.listening.sessions.room.full() else self.relay()

    def relay(self, session: Session | None = None) -> DownstreamEnd:
        """The protocol of one of them, of which so much is known."""
        return DownstreamEnd(self.listening, self._dialer, session)
