"""Connections to the backends of one pool that carry HTTP: made, kept while idle, used again, closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.exchange import Exchange
from balancer.core.exchange_ports import Pending
from balancer.core.http1 import KnownAnswer, Limits, Memory, RequestEncoder, ResponseDecoder
from balancer.core.messages import End, Message, RequestHead
from balancer.core.pool import Lease, Pool, Wait
from balancer.errors import BalancerError, PoolFull, Side, UpstreamGone
from balancer.net.bulk import BULKY, Bulk
from balancer.net.dialing import Dialed, Dialer
from balancer.net.peers import write_pieces
from balancer.net.splice import Pipes


class HTTPUpstream(Dialed):
    """One connection to a backend: `core.exchange.Upstream` over HTTP/1.1, for one exchange after another."""

    backend: Backend | None = None
    reused = False
    kept_at = 0.0
    """Since when it has been idle, by `Deadlines.now`."""
    _exchange: Exchange | None = None
    _bulk: Bulk | None = None

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams
        self._encoder, self._decoder = RequestEncoder(), ResponseDecoder(upstreams.limits, upstreams.answers)

    def carry(self, exchange: Exchange, lease: Lease) -> None:
        """Serve this exchange next."""
        self._exchange, self.backend = exchange, lease.backend
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
        self.close_within(self._upstreams.deadlines, self._upstreams.keepalive_timeout)

    def release(self) -> None:
        """The exchange is over; wait for another, if the backend allows it."""
        self._exchange = None
        if self._decoder.reusable and self._upstreams.keep(self):
            self.reused = True
        else:
            self.close()

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
            exchange.response(messages)
            if len(data) >= BULKY:
                self._hurry()

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
            exchange.response(messages)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection has ended, which may be the end of an answer."""
        super().connectionLost(reason)
        if self._bulk is not None:
            self._bulk.close()
            self._bulk = None  # which leads back here
        self._upstreams.forget(self)
        if self._exchange is not None:
            self._end_of_answer(self._exchange, orderly=reason.check(ConnectionDone) is not None)

    def pressure(self, *, high: bool) -> None:
        """The backend does not read fast enough, or does again."""
        if self._exchange is not None:
            self._exchange.pressure(Side.UPSTREAM, high=high)

    def _end_of_answer(self, exchange: Exchange, *, orderly: bool) -> None:
        """A body that ends with the connection is complete only if the connection ended in order (RFC 9112 8)."""
        try:
            if not orderly:
                raise UpstreamGone("the backend's connection broke")
            exchange.response(self._decoder.finish())
        except BalancerError as error:
            exchange.upstream_failed(error)


class _Dialed:
    """Gives one exchange the connection to be had for it: `net.dialing.Caller`."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def dialed(self, protocol: HTTPUpstream, lease: Lease) -> None:
        """The connection stands."""
        protocol.carry(self._exchange, lease)

    def waits(self) -> None:
        """The client of an exchange is read anyway."""

    def not_dialed(self, error: BalancerError) -> None:
        """None is to be had."""
        self._exchange.fail(error)


class _Waiting:
    """One exchange that waits for a backend with room, and its way there: `core.pool.Seeker`."""

    def __init__(self, upstreams: Upstreams, exchange: Exchange, *, fresh: bool) -> None:
        self._upstreams, self._exchange, self._fresh = upstreams, exchange, fresh
        self._dialing: Pending | None = None
        self._wait: Wait | None = upstreams.pool.wait(exchange.session, self)

    @property
    def lease(self) -> Lease | None:
        """See `core.exchange.Pending`."""
        return None if self._dialing is None else self._dialing.lease

    def served(self, lease: Lease) -> None:
        """There is room."""
        self._wait = None
        self._dialing = self._upstreams.acquire(self._exchange, fresh=self._fresh, lease=lease)

    def not_served(self, error: BalancerError) -> None:
        """There was none."""
        self._exchange.fail(error)

    def cancel(self) -> None:
        """See `core.exchange.Pending`."""
        under_way = self._wait or self._dialing
        if under_way is not None:
            under_way.cancel()

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """See `core.exchange.Pending`."""
        if self._dialing is not None:
            self._dialing.leave(backend, error)


@attrs.define(eq=False)
class Upstreams:
    """All HTTP connections to the backends of one pool: `core.exchange.Upstreams`. Times are in seconds."""

    reactor: Any
    pool: Pool
    deadlines: Deadlines
    connect_timeout: float
    attempts: int
    keepalive: int
    keepalive_timeout: float
    limits: Limits = attrs.Factory(Limits)
    pipes: Pipes = attrs.Factory(Pipes)
    answers: Memory[KnownAnswer] = attrs.field(init=False, factory=Memory)
    _idle: dict[Backend, list[HTTPUpstream]] = attrs.field(init=False, factory=dict)
    _sweep: Deadline | None = attrs.field(init=False, default=None)
    _fresh: Dialer[HTTPUpstream] = attrs.field(init=False)
    _any: Dialer[HTTPUpstream] = attrs.field(init=False)
    draining: bool = attrs.field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._fresh = Dialer(
            self.reactor,
            self.pool,
            lambda: HTTPUpstream(self),
            self.deadlines,
            connect_timeout=self.connect_timeout,
            attempts=self.attempts,
        )
        self._any = attrs.evolve(self._fresh, kept=self._kept)

    @property
    def name(self) -> str:
        """The pool's."""
        return self.pool.name

    def acquire(self, exchange: Exchange, *, fresh: bool, lease: Lease | None = None) -> Pending | None:
        """Give the exchange a connection: the idle one used last if there is one, else a new one.

        It is to the backend leased, if there is a lease already, else to one that is picked now or has room later.
        """
        session = exchange.session
        if lease is None:
            session.now = self.reactor.seconds()
            try:
                lease = self.pool.pick(session)
            except PoolFull:
                return self._wait(exchange, fresh=fresh)
            except BalancerError as error:
                exchange.fail(error)
                return None
        idle = None if fresh else self._idle.get(lease.backend)
        if idle:
            idle.pop().carry(exchange, lease)
            return None
        return (self._fresh if fresh else self._any).dial(session, _Dialed(exchange), lease)

    def _wait(self, exchange: Exchange, *, fresh: bool) -> Pending | None:
        try:
            return _Waiting(self, exchange, fresh=fresh)
        except PoolFull as error:
            exchange.fail(error)
            return None

    def _kept(self, backend: Backend) -> HTTPUpstream | None:
        idle = self._idle.get(backend)
        return idle.pop() if idle else None

    def keep(self, upstream: HTTPUpstream) -> bool:
        """Take a connection that may be used again; False when it is one too many, or its backend must not be used."""
        backend = upstream.backend
        if backend is None or self.draining or not backend.usable or upstream.place not in backend.places:
            return False
        idle = self._idle.setdefault(backend, [])
        if len(idle) >= self.keepalive:
            return False
        idle.append(upstream)
        upstream.kept_at = self.deadlines.now
        if self._sweep is None or not self._sweep.armed:
            self._sweep = self.deadlines.after(self.keepalive_timeout, self._close_tired)
        return True

    def _close_tired(self) -> None:
        """Close those that were idle for long enough; come again when the next will have been."""
        limit, now = self.keepalive_timeout + self.deadlines.granule, self.deadlines.now
        for upstream in [one for idle in self._idle.values() for one in idle]:
            if upstream.kept_at + limit <= now:
                upstream.close()
        oldest = min((idle[0].kept_at for idle in self._idle.values() if idle), default=None)
        if oldest is not None and self._sweep is not None:
            self._sweep.move(max(0.0, oldest + limit - now))

    def forget(self, upstream: HTTPUpstream) -> None:
        """The connection is closed, or about to be: nobody shall be given it."""
        idle = self._idle.get(upstream.backend, []) if upstream.backend is not None else []
        if upstream in idle:
            idle.remove(upstream)

    def drop(self, backend: Backend) -> None:
        """Close the idle connections to a backend that went down or drains."""
        for upstream in self._idle.pop(backend, []):
            upstream.close()

    def moved(self, backend: Backend) -> None:
        """Close the idle connections to where a backend is no more."""
        for upstream in list(self._idle.get(backend, ())):
            if upstream.place not in backend.places:
                upstream.close()

    def close(self) -> None:
        """Close every idle connection and keep no other."""
        self.draining = True
        for backend in list(self._idle):
            self.drop(backend)
        if self._sweep is not None:
            self._sweep.cancel()
