"""Connections to the backends of one pool that carry HTTP: made, kept while idle, used again, closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.exchange_ports import Carried, Pending
from balancer.core.http1 import KnownAnswer, Limits, RequestEncoder, ResponseDecoder
from balancer.core.http1_memory import Memory
from balancer.core.kept import Identity, Kept
from balancer.core.messages import End, Message, RequestHead
from balancer.core.pool import Lease, Pool
from balancer.core.retries import IDEMPOTENT, Budget
from balancer.core.session import Session
from balancer.errors import BalancerError, PoolFull, Side, UpstreamGone
from balancer.net.acquiring import Waiting, Wanting
from balancer.net.bulk import BULKY, Bulk
from balancer.net.dialing import Dialed, Dialer
from balancer.net.peers import write_pieces
from balancer.net.quiet import quiet
from balancer.net.splice import Pipes
from balancer.net.tls.alerts import Alerted
from balancer.net.warming import Warming


class Lasting(Dialed):
    """Our end of a connection that is used more than once, as `core.kept` wants to know it."""

    backend: Backend | None = None
    identity: Identity
    reused = False
    uses = 0
    born = kept_at = 0.0

    def belong(self, backend: Backend, now: float) -> None:
        """It was made to this backend, and serves no other."""
        self.backend, self.identity, self.born = backend, Identity(self.place, backend.source, self.secure), now


class Passing(Lasting):
    """How long bodies, to this backend and from it, go past us."""

    _exchange: Carried | None
    _bulk: Bulk | None
    _pressed: bool

    def __init__(self, upstreams: Upstreams) -> None:
        # What every exchange touches is its own, and not its class's: see `Exchange.__init__`.
        self.backend = self.secure = self._exchange = self._bulk = None
        self.reused, self.uses, self.born, self.kept_at, self._pressed = False, 0, 0.0, 0.0, False
        self._upstreams = upstreams
        self._encoder, self._decoder = RequestEncoder(), ResponseDecoder(upstreams.limits, upstreams.answers)

    def sink(self, left: int) -> Any:
        """See `core.exchange_ports.Upstream`."""
        return self.transport if self._encoder.passes(left) else None

    @property
    def congested(self) -> bool:
        """See `core.exchange_ports.Upstream`."""
        return self._bulk is not None and self._bulk.congested

    def skip(self, size: int) -> None:
        """See `core.exchange_ports.Upstream`."""
        self._encoder.skip(size)

    def _look_behind(self, messages: Sequence[Message]) -> None:
        """What was not read may have something behind the end of the answer; it belongs to nobody."""
        if messages and type(messages[-1]) is End and not quiet(self.transport):
            self._decoder.reusable = False

    def _hurry(self) -> None:
        if self._bulk is None:
            self._bulk = Bulk(
                self.transport,
                self._upstreams.pipes,
                left=lambda: self._decoder.left,
                sink=lambda: None if self._exchange is None else self._exchange.answer_sink(self._decoder.left),
                passed=self._passed,
            )
        self._bulk.hurry()

    def _passed(self, size: int) -> None:
        """So many bytes of the answer's body went past us."""
        exchange = self._exchange
        if exchange is None:
            return
        exchange.answer_passed(size)
        messages = self._decoder.skip(size) if size else ()
        if messages:
            self._look_behind(messages)
            exchange.response(messages)


class HTTPUpstream(Passing):
    """One connection to a backend: `core.exchange_ports.Upstream` over HTTP/1.1, for one exchange after another."""

    def carry(self, exchange: Carried, lease: Lease) -> None:
        """Serve this exchange next."""
        self._exchange = exchange
        if self.backend is None:
            self.belong(lease.backend, self._upstreams.deadlines.now)
        exchange.connected(self, lease)

    def send(self, messages: Sequence[Message]) -> None:
        """Encode and write; see `core.http1.RequestEncoder` for what it raises."""
        encoder, out = self._encoder, []
        head = messages[0]
        if type(head) is RequestHead and head.length == 0:
            self.transport.write(encoder.head(head))
            self._decoder.expect(head.method, upgrade=head.upgrade != ())
            return
        for message in messages:
            if type(message) is bytes:
                out.append(encoder.data(message))
            elif type(message) is RequestHead:
                out.append(encoder.head(message))
                self._decoder.expect(message.method)
            elif type(message) is End:
                out.append(encoder.end(message))
        write_pieces(self.transport, out)

    def abort(self) -> None:
        """Close at once; what comes later belongs to nobody."""
        self._exchange = None
        if self._bulk is not None:
            self._bulk.close()
        self._upstreams.forget(self)
        super().abort()

    def close(self) -> None:
        """Close after what was written, which the backend has as long to read as a connection may be idle."""
        self._upstreams.forget(self)
        self.close_within(self._upstreams.deadlines, self._upstreams.kept.idle)

    def release(self) -> None:
        """The exchange is over; wait for another, if the backend allows it, and has read of this one what it must."""
        self._exchange = None
        self.uses += 1
        if self._pressed or not self._decoder.reusable or self._strays() or not self._upstreams.keep(self):
            self.close()

    def _strays(self) -> bool:
        """Whether more has come than the answer; over TLS what is read ends with a record, and does not show it."""
        return self.secure is not None and not quiet(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the backend; those that nobody asked for end the connection."""
        exchange = self._exchange
        if exchange is None:
            self.abort()
            return
        try:
            messages = self._decoder.receive(data)
        except BalancerError as error:
            exchange.upstream_failed(error)
        else:
            if len(data) < BULKY:
                exchange.response(messages)
            else:
                self._look_behind(messages)
                exchange.response(messages)
                self._hurry()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection has ended, which may be the end of an answer."""
        super().connectionLost(reason)
        if self._bulk is not None:
            self._bulk.close()
            self._bulk = None  # which leads back here
        self._upstreams.forget(self)
        if self._exchange is not None:
            self._end_of_answer(self._exchange, reason.value)

    def pressure(self, *, high: bool) -> None:
        """The backend does not read fast enough, or does again."""
        self._pressed = high
        if self._exchange is not None:
            self._exchange.pressure(Side.UPSTREAM, high=high)

    def _end_of_answer(self, exchange: Carried, reason: BaseException | None) -> None:
        """A body that ends with the connection is complete only if the connection ended in order (RFC 9112 8)."""
        try:
            if isinstance(reason, Alerted):
                raise UpstreamGone(f"the backend ended TLS: {reason.words}")
            if not isinstance(reason, ConnectionDone):
                raise UpstreamGone("the backend's connection broke")
            exchange.response(self._decoder.finish())
        except BalancerError as error:
            exchange.upstream_failed(error)


@attrs.define(eq=False)
class Upstreams:
    """All HTTP connections to the backends of one pool: `core.exchange_ports.Upstreams`. Times are in seconds.

    `kept` are those that are idle, `warm` as many of them each backend gets to begin with, and `budget` counts what was
    sent more than once.
    """

    reactor: Any
    pool: Pool
    deadlines: Deadlines
    connect_timeout: float
    attempts: int
    kept: Kept[HTTPUpstream]
    warm: int = 0
    limits: Limits = attrs.Factory(Limits)
    pipes: Pipes = attrs.Factory(Pipes)
    budget: Budget = attrs.field(init=False)
    answers: Memory[KnownAnswer] = attrs.field(init=False, factory=Memory)
    build: Callable[[Upstreams], HTTPUpstream] = attrs.field(init=False, default=HTTPUpstream)
    """Makes our end of a new connection."""
    _sweep: Deadline | None = attrs.field(init=False, default=None)
    _sweeps: bool = attrs.field(init=False, default=False)
    """Whether that is armed; known here, since it is asked with every exchange."""
    _warming: list[Warming[HTTPUpstream]] = attrs.field(init=False, factory=list)
    _fresh: Dialer[HTTPUpstream] = attrs.field(init=False)
    _any: Dialer[HTTPUpstream] = attrs.field(init=False)
    _sure: Dialer[HTTPUpstream] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.budget = Budget(lambda: sum(backend.live for backend in self.pool.backends))
        self._fresh = Dialer(
            self.reactor,
            self.pool,
            lambda: self.build(self),
            self.deadlines,
            connect_timeout=self.connect_timeout,
            attempts=self.attempts,
        )
        self._any = attrs.evolve(self._fresh, kept=self.kept.take)
        self._sure = attrs.evolve(self._fresh, kept=self._take_quiet)

    @property
    def name(self) -> str:
        """The pool's."""
        return self.pool.name

    def acquire(self, exchange: Carried, *, fresh: bool, lease: Lease | None = None) -> Pending | None:
        """Give the exchange a connection: the idle one used last if there is one, else a new one.

        It is to the backend leased, if there is a lease already, else to one that is picked now or has room later.
        """
        session = exchange.session
        if lease is None:
            if session.attempt > 1:  # the first is picked for in the turn that the session is made in
                session.at(self.reactor.seconds())
            try:
                lease = self.pool.pick(session)
            except PoolFull:
                return self._wait(exchange, fresh=fresh)
            except BalancerError as error:
                exchange.fail(error)
                return None
        head = exchange.head
        dialer = self._any if head.length == 0 and head.method in IDEMPOTENT else self._sure
        if fresh:
            dialer = self._fresh
        if kept := dialer.kept and dialer.kept(lease.backend):
            kept.carry(exchange, lease)
            return None
        return dialer.dial(session, Wanting(exchange), lease, attempts=exchange.attempts)

    def spare(self, session: Session, backend: Backend) -> bool:
        """See `core.exchange_ports.Upstreams`."""
        others = (one for one in self.pool.backends if one is not backend and one not in session.tried)
        return any(one.usable and not one.full for one in others)

    def _wait(self, exchange: Carried, *, fresh: bool) -> Pending | None:
        try:
            return Waiting(self, exchange, fresh=fresh)
        except PoolFull as error:
            exchange.fail(error)
            return None

    def _take_quiet(self, backend: Backend) -> HTTPUpstream | None:
        """An idle connection that is known to be alive."""
        while (kept := self.kept.take(backend)) is not None:
            if quiet(kept.transport):
                return kept
            kept.abort()
        return None

    def keep(self, upstream: HTTPUpstream) -> bool:
        """Take a connection that may be used again; False when it is one too many, or its backend must not be used."""
        now = self.deadlines.now
        if upstream.backend is None or not self.kept.add(upstream.backend, upstream, now):
            return False
        upstream.reused = True
        if not self._sweeps:
            self._sweeps, self._sweep = True, self.deadlines.after(self.kept.idle, self._close_tired)
        return True

    def warm_up(self, backend: Backend) -> None:
        """Make the connections that a backend which came into use is to have, as far as it has none."""
        there = self.kept.count(backend) + sum(one.backend is backend for one in self._warming)
        for _ in range(self.warm - there):
            warming = Warming(self._fresh, backend, self._warmed)
            self._warming.append(warming)
            warming.begin()

    def _warmed(self, warming: Warming[HTTPUpstream], upstream: HTTPUpstream | None) -> None:
        self._warming.remove(warming)
        if upstream is not None:
            upstream.belong(warming.backend, self.deadlines.now)
            if not self.keep(upstream):
                upstream.close()

    def _close_tired(self) -> None:
        """Close those that were idle for long enough; come again when the next will have been."""
        now = self.deadlines.now - self.deadlines.granule
        for upstream in self.kept.tired(now):
            upstream.close()
        due = self.kept.next_tired()
        self._sweeps = due is not None
        if due is not None and self._sweep is not None:
            self._sweep.move(max(0.0, due - now))

    def forget(self, upstream: HTTPUpstream) -> None:
        """The connection is closed, or about to be: nobody shall be given it."""
        if upstream.backend is not None:
            self.kept.remove(upstream.backend, upstream)

    def drop(self, backend: Backend) -> None:
        """Close the idle connections to a backend that went down or drains."""
        for upstream in self.kept.drop(backend):
            upstream.close()

    def moved(self, backend: Backend) -> None:
        """Close the idle connections to where a backend is no more."""
        for upstream in self.kept.misplaced(backend):
            upstream.close()

    def close(self) -> None:
        """Close every idle connection and keep no other."""
        for upstream in self.kept.close():
            upstream.close()
        for warming in list(self._warming):
            warming.cancel()
        if self._sweep is not None:
            self._sweep.cancel()
