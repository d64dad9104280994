"""One request's life: from its head to the end of its answer, in no particular version of HTTP.

The exchange has its request routed and filtered, forwards what the two ports bring it, decides when to try again, whom
to blame for silence and what the client is told, and gives its backend back exactly once. It stores nothing but what
came before a connection stood, which is bounded by one read, since the downstream port is paused from the start. Any
port may call back at once, in the middle of what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from balancer.core.exchange_answer import NOBODY
from balancer.core.exchange_hedging import Hedging
from balancer.core.exchange_ports import Downstream, Upstream
from balancer.core.exchange_states import AFTER_REQUEST, CONNECTING, DONE, PHASES, PREPARING, SENDING, Input
from balancer.core.headers import trailers_for_upstream
from balancer.core.messages import End, Message, RequestHead
from balancer.core.pool import Lease
from balancer.core.session import Session
from balancer.core.silence import awaited, too_long
from balancer.core.site import Site
from balancer.errors import BalancerError, ExchangeTimeout, NoBackend, Side
from balancer.interfaces import Phase, Reply

LEFT_OVER_TIME: Final = 10.0
"""Seconds in which what is left of a request must have come once its answer is out."""


class Exchange(Hedging):
    """One request and its answer.

    `start` it once the downstream port is ready. `site.ended` is told once, before the port hears of the end, with the
    error that ended the exchange or None. Any part may `fail` it at any time. `route` is known once it has one, `lease`
    is the latest pick with which a connection stood, `pending` the filter or the connection that it waits for. It
    `began` when it was made, and `since` is when whoever is awaited was last heard of.
    """

    def __init__(self, site: Site, session: Session, head: RequestHead, downstream: Downstream) -> None:
        # All of its members, those of its parts too: what only a class has CPython finds ten times slower, and objects
        # that come to have others once many of a kind are alive have a dictionary each.
        self.site, self.session, self.head, self.state = site, session, head, PREPARING
        self.began = self.since = site.deadlines.now
        self._downstream, self._slow, self._held = downstream, NOBODY, ()
        self.route = self.lease = self.pending = self._upstream = self._tries = self._left_over = None
        self.request_body = self.answer_body = self._allowance = None
        self.status = self._promised = 0
        self._request_complete = self._heard = self._held_back = False

    def start(self, messages: Sequence[Message] = (), answer: Reply | BalancerError | None = None) -> None:
        """Find out where it leads and ask for a connection, with what came behind the head; or answer at once.

        Until one stands, no more of the request is read.
        """
        self._held = messages
        self._request_complete = bool(messages) and type(messages[-1]) is End
        try:
            way = answer or self._prepare()
        except BalancerError as error:
            way = error
        if way is None:
            self._connect()
        elif isinstance(way, Reply):
            self.reply(way)
        elif isinstance(way, BalancerError):
            self.fail(way)
        else:
            self._wait(way)
        if not self._request_complete:
            self._hold_back()

    def request(self, messages: Sequence[Message]) -> None:
        """More of the request's body, or its end; at least one message."""
        self._request_complete = type(messages[-1]) is End
        if self._allowance is not None and not self._allows(self._allowance, messages):
            return
        if self.request_body is not None:
            messages = self._rewritten(self.request_body, messages)
            if not messages:
                return
        self._up(messages)
        if self._left_over is not None and self._request_complete:
            self._part(*self._left_over)

    def _up(self, messages: Sequence[Message]) -> None:
        """These are the backend's, now or as soon as there is one."""
        if self._tries is not None:
            self._tries.keep(messages)
        if self._upstream is not None:
            if self._left_over is None:
                self.since = self.site.deadlines.now
            self._forward(self._upstream, messages)
        elif self.state is not DONE:
            self._held = [*self._held, *messages]

    def request_sink(self, left: int) -> Any:
        """Where so many bytes, all that is left of the request's body, may go unseen; None when they may not."""
        looked_at = self._allowance is not None or self.request_body is not None
        kept = self._tries is not None and self._tries.keeps
        if self._upstream is None or looked_at or kept or self._left_over is not None:
            return None
        return self._upstream.sink(left)

    def request_passed(self, size: int) -> None:
        """So many bytes of the request's body did, or some of them were taken."""
        self.since = self.site.deadlines.now
        if size and self._upstream is not None:
            self._upstream.skip(size)

    def connected(self, upstream: Upstream, lease: Lease) -> None:
        """A connection stands: send the request as far as it is known, and read on."""
        self.state = SENDING
        self.pending, self._upstream, self.lease = None, upstream, lease
        self.since = self.site.deadlines.now
        if self._slow and Side.DOWNSTREAM in self._slow:
            upstream.pause()
        head = self.head
        if self._tries is not None:
            head = self._tries.head
            self._tries.sent(self._try_late, self._hedge)
        try:
            if lease.has_say:
                head = lease.requested(head)
        except BalancerError as error:
            self.fail(error)
            return
        messages, self._held = (head, *self._held), ()
        self._forward(upstream, messages)
        if self._held_back and self._upstream is upstream and Side.UPSTREAM not in self._slow:
            self._held_back = False
            self._downstream.resume()

    def pressure(self, side: Side, *, high: bool) -> None:
        """That side does not read fast enough, so nothing more is read from the other; or it has caught up."""
        if self.state is DONE and self._left_over is None:
            return
        self._slow = self._slow | {side} if high else self._slow - {side}
        self.since = self.site.deadlines.now
        source = self._downstream if side is Side.UPSTREAM else self._upstream
        if source is not None:
            (source.pause if high else source.resume)()

    def waits(self) -> tuple[float, float, Callable[[], None]] | None:
        """Since when something is waited for, for how many seconds at most, and what is done then.

        None while that is bounded by others, as the ways to a backend are.
        """
        left_over = self._left_over
        if left_over is not None:
            return self.since, LEFT_OVER_TIME, lambda: self._part(*left_over)
        if self.route is None:
            return None
        patience, slow = self.route.target.patience, self._slow_ones()
        if slow and self._took_some(slow):
            self.since = self.site.deadlines.now
        wait = awaited(slow, complete=self._request_complete, begun=bool(self.status))
        limit = None if self._upstream is None else patience.limit(wait)
        total = patience.total
        if total is not None and (limit is None or self.began + total < self.since + limit):
            return self.began, total, lambda: self.fail(ExchangeTimeout(f"the exchange took longer than {total:g} s"))
        return None if limit is None else (self.since, limit, lambda: self.fail(too_long(wait, limit)))

    def _slow_ones(self) -> frozenset[Side]:
        """Those that do not read, of what waits here or on its way past."""
        slow = self._slow
        if self._upstream is not None and self._upstream.congested:
            slow |= {Side.DOWNSTREAM}
        if self._downstream.congested:
            slow |= {Side.UPSTREAM}
        return slow

    def _took_some(self, slow: Collection[Side]) -> bool:
        """Whether whoever is waited for reads after all, though not as fast as there is something to read."""
        awaited_one = self._downstream if Side.DOWNSTREAM in slow else self._upstream
        return awaited_one is not None and awaited_one.took_some()

    def fail(self, error: BalancerError) -> None:
        """End the exchange: the client is told if nothing of an answer has gone out, else cut off.

        When a retry finds nobody left to ask, what made it necessary says more than that.
        """
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.abort()  # no more of the request goes up, also when its answer is out already
        if self._left_over is not None:
            self._part(*self._left_over)
        phase = PHASES.get(self.state, Phase.DONE)
        if not self._enter(Input.FAILURE):
            return
        if isinstance(error, NoBackend) and self._tries is not None and self._tries.cause is not None:
            error = self._tries.cause
            self.session.not_again()
        if self.pending is not None:
            self.pending.cancel()
        if self.status:
            self._downstream.abort(error)
        else:
            self._downstream.refuse(error)
        self._finish(phase, error)

    def _acquire(self, *, fresh: bool) -> None:
        assert self.route is not None
        self.pending = None
        pending = self.route.target.upstreams.acquire(self, fresh=fresh)
        if self.state is CONNECTING and self.pending is None:
            self.pending = pending

    def _forward(self, upstream: Upstream, messages: Sequence[Message]) -> None:
        """Send, as long as it is that connection which carries this: it may fail while it is spoken to."""
        last = messages[-1]
        if type(last) is End:
            self.state = AFTER_REQUEST.get(self.state, self.state)
            if last.trailers:
                messages = [*messages[:-1], End(trailers_for_upstream(last.trailers))]
        try:
            upstream.send(messages)
        except BalancerError as error:
            self.fail(error)
