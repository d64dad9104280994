"""The answer's half of an exchange: what a backend says, as the client may have it, and how it all ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from balancer.core.exchange_ports import Downstream, Pending, Upstream
from balancer.core.exchange_states import TRANSITIONS, Input, State
from balancer.core.filters import filter_response
from balancer.core.headers import for_downstream, trailers_for_downstream
from balancer.core.messages import End, Message, RequestHead, ResponseHead
from balancer.core.pool import Lease
from balancer.core.routes import Route
from balancer.core.session import Session
from balancer.core.site import Destination, Site
from balancer.errors import BalancerError, Side
from balancer.interfaces import Phase, Reply

NOBODY: Final = frozenset[Side]()


class Answering:
    """The part of an `Exchange` that speaks to the client."""

    route: Route[Destination] | None = None
    lease: Lease | None = None
    pending: Pending | None = None
    status = 0
    _upstream: Upstream | None = None
    _request_complete = False
    _slow = NOBODY

    def __init__(self, site: Site, session: Session, head: RequestHead, downstream: Downstream) -> None:
        self.site, self.session, self.head, self.state = site, session, head, State.PREPARING
        self.since = site.deadlines.now
        self._downstream = downstream

    def reply(self, reply: Reply) -> None:
        """Answer without a backend; nothing of an answer has gone out."""
        self._downstream.reply(reply)
        self.status = reply.status
        self._complete(whole=False)

    def _answer(self, messages: Sequence[Message]) -> None:
        """Pass a piece of the answer on. Raises what the filters, the policy and the port raise."""
        out: list[Message] = []
        for message in messages:
            if isinstance(message, bytes):
                out.append(message)
            elif isinstance(message, End):
                out.append(End(trailers_for_downstream(message.trailers)) if message.trailers else message)
            elif isinstance(message, ResponseHead):
                answer = self._head(message)
                if isinstance(answer, Reply):
                    self._send(out)
                    self.reply(answer)
                    return
                out.append(answer)
        if self.state is State.DONE:
            return
        self._send(out)
        if messages and isinstance(messages[-1], End):
            self._complete(whole=self.state is State.ANSWERING)

    def _send(self, out: list[Message]) -> None:
        """Down to the client, which from then on has a part of an answer if there was a final head."""
        if out:
            self._downstream.send(out)
            for message in out if not self.status else ():
                if isinstance(message, ResponseHead) and not message.interim:
                    self.status = message.status

    def _head(self, head: ResponseHead) -> ResponseHead | Reply:
        """A head as the client may see it, after all who have a say in it."""
        head = for_downstream(head)
        if head.interim:
            return head
        lease, route = self.lease, self.route
        assert lease is not None
        assert route is not None
        lease.answered()
        told = lease.responded(self.session, head)
        answer = filter_response(route.filters, told.copy(), self.session) if route.filters else told
        self._enter(Input.RESPONSE_HEAD)
        return answer

    def _complete(self, *, whole: bool) -> None:
        """The client has its answer. A connection on which request or answer is not whole serves no other exchange."""
        if not self._enter(Input.RESPONSE_END):
            return
        upstream = self._upstream
        if upstream is not None and whole:
            if Side.DOWNSTREAM in self._slow:
                upstream.resume()
            upstream.release()
        elif upstream is not None:
            upstream.abort()
        self._finish(Phase.DONE, None)

    def _finish(self, phase: Phase, error: BalancerError | None) -> None:
        self._upstream = self.pending = None
        if self.lease is not None:
            self.lease.end(phase, status=self.status or None, error=error)
        self.site.ended(self, error)
        self._downstream.exchange_done(request_complete=self._request_complete)

    def _enter(self, what: Input) -> bool:
        """Go where the table says; tell whether anything changed."""
        after = TRANSITIONS.get((self.state, what))
        if after is None:
            return False
        self.state = after
        return True
