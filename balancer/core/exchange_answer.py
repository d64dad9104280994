"""The answer's half of an exchange: what a backend says, as the client may have it, and how it all ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

from balancer.core.exchange_ports import Downstream, Pending, Upstream
from balancer.core.exchange_states import AFTER_HEAD, DONE, TRANSITIONS, Input, State
from balancer.core.headers import for_downstream, trailers_for_downstream
from balancer.core.messages import End, Message, RequestHead, ResponseHead
from balancer.core.pool import Lease
from balancer.core.routes import Route
from balancer.core.session import Session
from balancer.core.site import Destination, Site
from balancer.core.transforms import Transforms
from balancer.core.tries import Tries
from balancer.errors import BalancerError, Side
from balancer.interfaces import Phase, Reply

NOBODY: Final = frozenset[Side]()
_ENDED: Final = Phase.DONE  # see `core.exchange_states.DONE`


class Parting(ABC):
    """The part of an `Exchange` that lets everybody go, each in turn."""

    site: Site
    session: Session
    head: RequestHead
    state: State
    route: Route[Destination] | None
    lease: Lease | None
    pending: Pending | None
    status: int
    began: float
    since: float
    _downstream: Downstream
    _upstream: Upstream | None
    _left_over: tuple[Phase, BalancerError | None] | None
    """How it ended, while the rest of the request is awaited."""
    _tries: Tries | None
    _request_complete: bool
    _slow: frozenset[Side]

    @abstractmethod
    def fail(self, error: BalancerError) -> None:
        """End the exchange."""

    def _complete(self, *, whole: bool) -> None:
        """The client has its answer, which is the backend's, and `whole`, or another's.

        A connection on which it is not whole serves no other exchange; nor does one on which the request is not, unless
        the little that is left of it still comes.
        """
        if self.state is DONE:
            return
        self.state = DONE
        if whole and self._request_complete:  # as nearly all end
            self._part(_ENDED, None)
            return
        upstream = self._upstream
        if upstream is not None and not whole:
            self._upstream = None
            upstream.abort()
        self._finish(_ENDED, None)

    def _finish(self, phase: Phase, error: BalancerError | None) -> None:
        """The answer is out. What is left of the request is read, if that is why the connection can stay."""
        if self._request_complete or not self._downstream.stays:
            self._part(phase, error)
        else:
            self._left_over = phase, error
            if self._tries is not None:
                self._tries.answered()  # or a time-out of a try would ask for another
            self.since = self.site.deadlines.now
            self._downstream.resume()

    def _part(self, phase: Phase, error: BalancerError | None) -> None:
        """Everybody is let go."""
        upstream, self._upstream, self.pending, self._left_over = self._upstream, None, None, None
        if upstream is not None and self._request_complete:
            if self._slow:
                self._release(upstream)
            else:
                upstream.release()
        elif upstream is not None:
            upstream.abort()
        if self._tries is not None:
            self._tries.end()
        if self.lease is not None:
            self.lease.end(phase, status=self.status or None, error=error)
        self.site.ended(self, error)
        self._downstream.exchange_done(request_complete=self._request_complete)

    def _release(self, upstream: Upstream) -> None:
        """Leave a connection to others, as it came."""
        if self._slow and Side.DOWNSTREAM in self._slow:
            upstream.resume()
        upstream.release()

    def _enter(self, what: Input) -> bool:
        """Go where the table says; tell whether anything changed."""
        after = TRANSITIONS.get((self.state, what))
        if after is None:
            return False
        self.state = after
        return True


class Answering(Parting):
    """The part of an `Exchange` that speaks to the client.

    `answer_body` is what becomes of the body of the answer; without it, as usual, that passes as it is.
    """

    answer_body: Transforms | None
    _promised: int
    """The status of a final head, sent or about to be."""
    _heard: bool

    def reply(self, reply: Reply) -> None:
        """Answer without a backend; nothing of an answer has gone out."""
        self._downstream.reply(reply)
        self.status = reply.status
        self._complete(whole=False)

    def response(self, messages: Sequence[Message]) -> None:
        """The backend sent heads, body bytes or the end of the answer, or bytes that are no message yet.

        Only messages are what was waited for: a head that comes byte by byte has the time of one that does not come.
        """
        self._heard = True
        if messages:
            self.since = self.site.deadlines.now
        try:
            whole = self._answer(messages)
        except BalancerError as error:
            self.fail(error)
        else:
            if whole:
                self._complete(whole=True)
            elif self.status == 101:
                self._change()

    @abstractmethod
    def _consent(self, received: ResponseHead, downward: ResponseHead) -> ResponseHead | Reply:
        """A 101 as the client is told, or what a filter has to say to it."""

    @abstractmethod
    def _change(self) -> None:
        """The client knows that the protocol changes."""

    @abstractmethod
    def _unwanted(self, messages: Sequence[Message]) -> bool:
        """Whether they bring an answer that is thrown away for another try."""

    def answer_sink(self, left: int) -> Any:
        """Where so many bytes, all that is left of the answer's body, may go unseen; None when they may not."""
        if self.answer_body is not None or self.state not in {State.ANSWERING, State.EARLY}:
            return None
        return self._downstream.sink(left)

    def answer_passed(self, size: int) -> None:
        """So many bytes of the answer's body did, or some of them were taken."""
        self.since = self.site.deadlines.now
        if size:
            self._downstream.skip(size)

    def _answer(self, messages: Sequence[Message]) -> bool:
        """Pass a piece of the answer on; tell whether it is the last. Raises what filters, policy and port raise."""
        if self.state is DONE or not messages:
            return False
        if self._tries is not None and self._unwanted(messages):
            return False
        out: list[Message] = []
        for message in messages:
            if type(message) is ResponseHead:
                answer = self._head(message)
                if isinstance(answer, Reply):
                    return self._replied(out, answer)
                out.append(answer)
            elif type(message) is End and message.trailers:
                out.append(End(trailers_for_downstream(message.trailers)))
            else:
                out.append(message)
        if self.answer_body is not None:
            self._send_rewritten(self.answer_body, out)
        else:
            self._downstream.send(out)
            self.status = self._promised
        return type(messages[-1]) is End

    def _send_rewritten(self, body: Transforms, messages: Sequence[Message]) -> None:
        """Pass on what becomes of these, which may be nothing yet."""
        out = body.all_passed(messages)
        if out:
            self._downstream.send(out)
            self.status = self._promised

    def _replied(self, before: list[Message], reply: Reply) -> bool:
        """A filter has answered; what of the backend's is final goes nowhere."""
        if before:
            self._downstream.send(before)
        self.reply(reply)
        return False

    def _head(self, head: ResponseHead) -> ResponseHead | Reply:
        """A head as the client may see it, or what a filter answers instead."""
        downward = head.downward or for_downstream(head)
        if downward.status >= 200:
            return self._final(downward)
        return downward if downward.interim else self._consent(head, downward)

    def _final(self, head: ResponseHead) -> ResponseHead | Reply:
        """The answer's head, after all who have a say in it."""
        lease, route = self.lease, self.route
        assert lease is not None
        assert route is not None
        lease.answered()
        if lease.has_say:
            head = lease.responded(head)
        answer: ResponseHead | Reply = head
        if route.filters is not None:
            answer, self.answer_body = route.filters.answer(head, self.session)
        self.state, self._promised = AFTER_HEAD[self.state], answer.status
        return answer
