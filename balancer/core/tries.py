"""The tries of one request: what the next one needs, when it comes, and what the request owes when it is over.

Made for requests whose route asks for retries, and for others as soon as one of theirs fails. Knows no connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from balancer.core.backend import Backend
from balancer.core.deadlines import Later, Timer
from balancer.core.messages import Message, RequestHead, ResponseHead
from balancer.core.pool import Lease
from balancer.core.replay import replay_of
from balancer.core.retries import Again, Retries, TryEnded
from balancer.core.session import Session
from balancer.errors import BalancerError, Overtaken


class Delay:
    """The time before a retry: `core.exchange_ports.Pending`, on its way to no backend yet."""

    lease: Lease | None = None

    def __init__(self, later: Later, seconds: float, over: Callable[[], None]) -> None:
        self._over = over
        self._timer: Timer | None = later(seconds, self._end)

    def cancel(self) -> None:
        """The retry is no longer wanted."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """It has none to leave."""

    def _end(self) -> None:
        self._timer = None
        self._over()


class Second(Protocol):
    """A try beside the first."""

    def end(self, error: BalancerError) -> None:
        """It is over, for that reason."""


class Tries:
    """All tries of one request; `end` is to be called once.

    `cause` is what made the latest retry necessary, `second` the try that is made beside the first, if there is one,
    and `settled` says that there will be no other: something of an answer has gone to the client.
    """

    __slots__ = ("_head", "_paid", "_retries", "_session", "_store", "_waits", "cause", "second", "settled")

    def __init__(self, retries: Retries, head: RequestHead, session: Session) -> None:
        self.cause: BalancerError | None = None
        self._retries, self._head, self._session = retries, head, session
        self._store = replay_of(head, retries.policy.body) if retries.policy.keeps(head) else None
        self._paid = self.settled = False
        self.second: Second | None = None
        self._waits: list[Delay] = []

    def unwanted(self, answer: ResponseHead) -> bool:
        """Whether an answer has a status that is to be tried again."""
        return answer.status in self._retries.policy.statuses

    @property
    def head(self) -> RequestHead:
        """What the next try begins with."""
        name = self._retries.policy.header
        return self._head if name is None else self._head.with_field(name, str(self._session.attempt))

    def keep(self, messages: Sequence[Message]) -> None:
        """What came behind the head of the request, and may be needed once more."""
        if self._store is not None:
            self._store.keep(messages)

    @property
    def keeps(self) -> bool:
        """Whether every byte of the request's body has to be seen, for it may be needed once more."""
        return self._store is not None and self._store.whole

    def kept(self, *, end: Sequence[Message]) -> Sequence[Message]:
        """All that came behind the head, after `again` has said that there is another try; `end` if nothing is kept."""
        return end if self._store is None else self._store.messages()

    def again(self, error: BalancerError, *, reused: bool = False, begun: bool = False) -> Again | None:
        """Whether, when and where there is another try after one that ended so; see `core.retries.TryEnded`."""
        whole = self._head.length == 0 if self._store is None else self._store.whole
        attempt = self._session.attempt
        begun = begun or self.settled
        end = TryEnded(self._head, error, attempt, reused=reused, begun=begun, whole=whole, paid=self._paid)
        again = self._retries.after(end)
        if again is not None:
            self._rest()
            self._paid, self.cause = again.paid, error
        return again

    def pause(self, seconds: float, over: Callable[[], None]) -> Delay:
        """Wait for the next try."""
        return Delay(self._retries.later, seconds, over)

    def beside(self) -> bool:
        """Whether another try may be made now beside the one that is under way."""
        granted = self._retries.beside(self._session.attempt, paid=self._paid)
        self._paid = self._paid or (granted and self._retries.policy.share is not None)
        return granted

    def sent(self, late: Callable[[], None], hedge: Callable[[], None]) -> None:
        """A try has begun: unless it is answered, `hedge` is called when another may help it, and `late` in the end."""
        policy = self._retries.policy
        if policy.per_try is not None:
            self._waits.append(self.pause(policy.per_try, late))
        if policy.hedge is not None and policy.hedges(self._head):
            self._waits.append(self.pause(policy.hedge, hedge))

    def answered(self) -> None:
        """Something of the answer that counts goes to the client: nothing is needed once more."""
        self.settled = True
        self._rest()
        self._store = None

    def end(self) -> None:
        """The request is over."""
        self.answered()
        if self._paid:
            self._paid = False
            self._retries.budget.give_back()

    def _rest(self) -> None:
        """No try is late any more, and none is made beside another."""
        for wait in self._waits:
            wait.cancel()
        self._waits.clear()
        second, self.second = self.second, None
        if second is not None:
            second.end(Overtaken("another try of the request came first"))
