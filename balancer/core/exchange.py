"""One request's life: from its head to the end of its answer, in no particular version of HTTP.

The exchange forwards what the two ports bring it, decides when to try again, whom to blame for silence and what the
client is told, and gives its backend back exactly once. It stores nothing but what came before a connection stood,
which is bounded by one read, since the downstream port is paused from the start. Any port may call back at once, in the
middle of what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from balancer.core.backend import Backend
from balancer.core.exchange_states import PHASES, TRANSITIONS, Input, State
from balancer.core.filters import filter_response
from balancer.core.headers import for_downstream, trailers_for_downstream, trailers_for_upstream
from balancer.core.messages import END, End, Message, RequestHead, ResponseHead
from balancer.core.pool import Lease
from balancer.core.retries import clears, may_resend
from balancer.core.session import Session
from balancer.core.silence import Silence, awaited
from balancer.errors import BalancerError, NoBackend, Side
from balancer.interfaces import Phase, Reply


class Downstream(Protocol):
    """The client's side of one exchange."""

    def send(self, message: Message) -> None:
        """Send a response head, body bytes or the end; may be held until `flush`."""

    def flush(self) -> None:
        """Send what is held, in one piece."""

    def refuse(self, error: BalancerError) -> None:
        """Answer with the error's status; nothing of an answer has been sent."""

    def reply(self, reply: Reply) -> None:
        """Answer with a filter's own reply; nothing of an answer has been sent."""

    def abort(self, error: BalancerError) -> None:
        """End the answer that is under way so that it is not taken for a whole one, and the connection with it."""

    def pause(self) -> None:
        """Read no more of the request for now."""

    def resume(self) -> None:
        """Read on; may be said to one that reads."""

    def exchange_done(self, *, request_complete: bool) -> None:
        """The answer is complete, or was refused, replied or cut: this exchange will not be heard of again."""


class Upstream(Protocol):
    """The backend's side of one exchange."""

    reused: bool

    def send(self, message: Message) -> None:
        """Send a request head, body bytes or the end; may be held until `flush`."""

    def flush(self) -> None:
        """Send what is held, in one piece."""

    def abort(self) -> None:
        """Close the connection: what it would still bring belongs to nobody."""

    def release(self) -> None:
        """The exchange is over and complete: keep the connection for another, if it may be kept."""

    def pause(self) -> None:
        """Read no more of the answer for now."""

    def resume(self) -> None:
        """Read on."""


class Pending(Protocol):
    """A connection on its way."""

    def cancel(self) -> None:
        """It is no longer wanted: the exchange is not called again."""

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """If it is on its way to that backend, go on to another: that one is not to be used."""


class Upstreams(Protocol):
    """Where connections to the backends of the pool `name` come from. A request is sent at most `attempts` times."""

    attempts: int

    @property
    def name(self) -> str:
        """The pool's."""

    def acquire(self, exchange: Exchange, *, fresh: bool) -> Pending | None:
        """Call `exchange.connected` or `exchange.fail`, at once (what is returned then counts for nothing) or later.

        With `fresh`, only a connection that has carried nothing yet will do.
        """


class Exchange:
    """One request and its answer.

    `start` it once the downstream port is ready. `done` is called once, before the port hears of the end, with the
    error that ended the exchange or None. Any part may `fail` it at any time. `lease` is the latest pick with which a
    connection stood, `pending` the connection that it waits for.
    """

    def __init__(
        self,
        session: Session,
        head: RequestHead,
        *,
        downstream: Downstream,
        upstreams: Upstreams,
        silence: Callable[[Callable[[BalancerError], None]], Silence],
        filters: Sequence[Any] = (),
        done: Callable[[Exchange, BalancerError | None], None] = lambda _exchange, _error: None,
    ) -> None:
        self.session, self.head, self.state, self.status = session, head, State.CONNECTING, 0
        self.upstreams, self._downstream = upstreams, downstream
        self._upstream: Upstream | None = None
        self.pending: Pending | None = None
        self.lease: Lease | None = None
        self._cause: BalancerError | None = None
        self._held: list[Message] = []
        self._request_complete = self._heard = False
        self._slow: frozenset[Side] = frozenset()
        self._silence = silence(self.fail)
        self._filters, self._done = filters, done

    def start(self, messages: Sequence[Message] = ()) -> None:
        """Ask for a connection, with what came behind the head. Until it stands, no more of the request is read."""
        if messages:
            self.request(messages)
        if not self._request_complete:
            self._downstream.pause()
        self._acquire(fresh=False)

    def request(self, messages: Sequence[Message]) -> None:
        """More of the request's body, or its end; at least one message."""
        self._request_complete = isinstance(messages[-1], End)
        if self.state is State.CONNECTING:
            self._held.extend(messages)
        elif self._upstream is not None:
            self._silence.moved()
            if self._request_complete:
                self._silence.expect(awaited(self._slow, complete=True))
            self._forward(self._upstream, messages)

    def connected(self, upstream: Upstream, lease: Lease) -> None:
        """A connection stands: send the request as far as it is known, and read on."""
        self._enter(Input.CONNECTED)
        self.pending, self._upstream, self.lease = None, upstream, lease
        self._silence.expect(awaited(self._slow, complete=self._request_complete))
        if Side.DOWNSTREAM in self._slow:
            upstream.pause()
        messages, self._held = [self.head, *self._held], []
        self._forward(upstream, messages)
        if self._upstream is upstream and self.head.length != 0 and Side.UPSTREAM not in self._slow:
            self._downstream.resume()

    def response(self, messages: Sequence[Message]) -> None:
        """The backend sent heads, body bytes or the end of the answer, or bytes that are no message yet."""
        self._heard = True
        self._silence.moved()
        try:
            for message in messages:
                if self.state is not State.DONE:
                    self._answer(message)
        except BalancerError as error:
            self.fail(error)
        if self.state is not State.DONE:
            self._downstream.flush()

    def upstream_failed(self, error: BalancerError) -> None:
        """The connection to the backend ended, brought nonsense or is given up, before the answer was complete."""
        upstream, lease = self._upstream, self.lease
        if upstream is None or lease is None:
            return
        phase = PHASES.get(self.state, Phase.DONE)
        again = not self._heard and self.session.attempt < self.upstreams.attempts and may_resend(self.head, error)
        if not again or not self._enter(Input.RETRY):
            self.fail(error)
            return
        self._silence.stop()
        self._cause = error
        if clears(error, reused=upstream.reused):
            lease.end(phase)
        else:
            lease.end(phase, error=error)
            self.session.tried.append(lease.backend)
        self._upstream = None
        upstream.abort()
        self._held = [END] if self._request_complete else []
        if Side.UPSTREAM in self._slow:
            self.pressure(Side.UPSTREAM, high=False)
        self.session.attempt += 1
        self._acquire(fresh=True)

    def pressure(self, side: Side, *, high: bool) -> None:
        """That side does not read fast enough, so nothing more is read from the other; or it has caught up."""
        if self.state is State.DONE:
            return
        self._slow = self._slow | {side} if high else self._slow - {side}
        if self.state is not State.CONNECTING:
            self._silence.expect(awaited(self._slow, complete=self._request_complete))
        source = self._downstream if side is Side.UPSTREAM else self._upstream
        if source is not None:
            (source.pause if high else source.resume)()

    def fail(self, error: BalancerError) -> None:
        """End the exchange: the client is told if nothing of an answer has gone out, else cut off.

        When a retry finds nobody left to ask, what made it necessary says more than that.
        """
        phase = PHASES.get(self.state, Phase.DONE)
        if not self._enter(Input.FAILURE):
            return
        if isinstance(error, NoBackend):
            error = self._cause or error
        if self.pending is not None:
            self.pending.cancel()
        if self._upstream is not None:
            self._upstream.abort()
        if self.status:
            self._downstream.abort(error)
        else:
            self._downstream.refuse(error)
        self._finish(phase, error)

    def _acquire(self, *, fresh: bool) -> None:
        pending = self.upstreams.acquire(self, fresh=fresh)
        if self.state is State.CONNECTING and self.pending is None:
            self.pending = pending

    def _enter(self, what: Input) -> bool:
        """Go where the table says; tell whether anything changed."""
        after = TRANSITIONS.get((self.state, what))
        if after is not None:
            self.state = after
        return after is not None

    def _forward(self, upstream: Upstream, messages: Sequence[Message]) -> None:
        """Send as long as it is that connection which carries this: it may fail while it is spoken to."""
        try:
            for message in messages:
                if self._upstream is not upstream:
                    return
                if isinstance(message, End):
                    self._enter(Input.REQUEST_END)
                    upstream.send(End(trailers_for_upstream(message.trailers)))
                else:
                    upstream.send(message)
        except BalancerError as error:
            self.fail(error)
        if self._upstream is upstream:
            upstream.flush()

    def _answer(self, message: Message) -> None:
        """Pass one message of the answer on. Raises what the filters, the policy and the port raise."""
        if isinstance(message, End):
            self._downstream.send(End(trailers_for_downstream(message.trailers)))
            self._complete(whole=self.state is State.ANSWERING)
        elif not isinstance(message, ResponseHead):
            self._downstream.send(message)
        elif message.interim:
            self._downstream.send(for_downstream(message))
        else:
            self._final_head(for_downstream(message))

    def _final_head(self, head: ResponseHead) -> None:
        assert self.lease is not None
        self.lease.answered()
        answer = filter_response(self._filters, self.lease.responded(self.session, head), self.session)
        self._enter(Input.RESPONSE_HEAD)
        if isinstance(answer, ResponseHead):
            self._downstream.send(answer)
            self.status = answer.status
        else:
            self._downstream.reply(answer)
            self.status = answer.status
            self._complete(whole=False)

    def _complete(self, *, whole: bool) -> None:
        """The client has its answer. A connection on which request or answer is not whole serves no other exchange."""
        if not self._enter(Input.RESPONSE_END):
            return
        assert self._upstream is not None
        if whole:
            if Side.DOWNSTREAM in self._slow:
                self._upstream.resume()
            self._upstream.release()
        else:
            self._upstream.abort()
        self._downstream.flush()
        self._finish(Phase.DONE, None)

    def _finish(self, phase: Phase, error: BalancerError | None) -> None:
        self._silence.stop()
        self._upstream = self.pending = None
        if self.lease is not None:
            self.lease.end(phase, status=self.status or None, error=error)
        self._done(self, error)
        self._downstream.exchange_done(request_complete=self._request_complete)
