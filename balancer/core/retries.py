"""What is safe to try again, how often and how soon; knows no connections, only what happened on one.

The proof cases, in this order: an end that proves nothing was done (a failure to connect) is `net.dialing`'s alone, for
any method. A kept connection that ended without a byte of an answer is replaced at once, free of attempts and budget. A
request that was sent goes out again only if its method allows that and all that was sent of it is still here. Once an
answer has begun nothing is tried again, save for an answer whose status the route has listed, none of which has gone to
the client.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

import attrs

from balancer.core.deadlines import Later
from balancer.core.messages import RequestHead, ResponseHead
from balancer.errors import BalancerError, Retryable, StatusUnwanted

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110 9.2.1)."""

IDEMPOTENT: Final = SAFE | {"PUT", "DELETE"}
"""Methods that mean the same done twice (RFC 9110 9.2.2)."""

LONGEST_RETRY_AFTER: Final = 1.0
"""Seconds for which a backend's `Retry-After` is waited; one that asks for more is not asked again."""

STALE: Final = "stale-connection"
"""The reason of a retry that a kept connection made necessary."""

HEDGE: Final = "hedge"
"""The reason of a try that is made beside another."""


def clears(error: BalancerError, *, reused: bool) -> bool:
    """Whether the failure says nothing about the backend, which may be asked again.

    So it is when a backend closes a kept connection just as the next request goes out on it.
    """
    return reused and error.retryable is Retryable.IF_REUSED


def backoff(number: int, share: float, random: Random) -> float:
    """Seconds before the retry of that number, 1 the first: full jitter, twice as much each time, 10 shares at most."""
    return random.random() * min(10 * share, ((1 << min(number, 4)) - 1) * share)


def retry_after(head: ResponseHead) -> float | None:
    """The seconds that an answer wants to be waited before the next request (RFC 9110 10.2.3), 0 if it says nothing.

    None says that no wait of ours will do: it is too long, a date, which is as far off as whole seconds at best, or
    nothing that can be read.
    """
    value = head.get("retry-after")
    if value is None:
        return 0.0
    seconds = float(value) if value.isascii() and value.isdigit() else LONGEST_RETRY_AFTER + 1
    return seconds if seconds <= LONGEST_RETRY_AFTER else None


def unwanted(head: ResponseHead) -> StatusUnwanted | None:
    """The error that an answer of a listed status amounts to; None if its backend forbids to try again soon."""
    pause = retry_after(head)
    return None if pause is None else StatusUnwanted(f"the backend answered {head.status}", head.status, pause)


@attrs.frozen
class RetryPolicy:
    """For what, how often and how soon the requests of a route are tried again.

    `attempts` counts the first try and failures to connect. `backoff` is the unit of `backoff()`, in seconds; `body`
    bounds the bytes kept of a request. Retries under way are at most `share` of the pool's active requests, or `floor`
    if that is more; a share of None leaves them unbounded. `per_try` and `hedge` are seconds without an answer, after
    which a try is given up for another, or another is made beside it. `header` tells the backend which try it is.
    """

    attempts: int
    statuses: frozenset[int] = frozenset()
    methods: frozenset[str] = IDEMPOTENT
    backoff: float = 0.0
    share: float | None = None
    floor: int = 0
    body: int = 0
    per_try: float | None = None
    hedge: float | None = None
    header: str | None = None

    def keeps(self, head: RequestHead) -> bool:
        """Whether a request may be one whose body is worth keeping."""
        return self.body > 0 and head.method in self.methods

    def hedges(self, head: RequestHead) -> bool:
        """Whether a request may be made twice at a time."""
        return self.hedge is not None and head.length == 0 and head.method in self.methods & SAFE


class Budget:
    """The retries of one pool: those `under_way`, of requests that a policy bounds, and all so far, by reason."""

    __slots__ = ("_active", "reasons", "refused", "under_way")

    def __init__(self, active: Callable[[], int]) -> None:
        self.under_way = self.refused = 0
        self.reasons: Counter[str] = Counter()
        self._active = active

    def take(self, share: float, floor: int) -> bool:
        """Let one more request be on its retry, to be given back once; False when there are as many as may be."""
        if self.under_way >= max(floor, share * self._active()):
            self.refused += 1
            return False
        self.under_way += 1
        return True

    def give_back(self) -> None:
        """The request is over."""
        self.under_way -= 1


@attrs.frozen
class TryEnded:
    """How one try of a request ended.

    `attempt` is its number, 1 the first, and `reused` whether its connection had carried another request before.
    `begun`: something of an answer has come, or, of one whose status is unwanted, has gone to the client. `whole`: all
    that was sent of the request can be sent again. `paid`: the request has its part of the budget already.
    """

    head: RequestHead
    error: BalancerError
    attempt: int
    reused: bool = False
    begun: bool = False
    whole: bool = True
    paid: bool = False


@attrs.frozen
class Again:
    """Another try, in `pause` seconds.

    `elsewhere`: not on the backend of the last. `paid`: the request has a part of the budget, to be given back.
    """

    pause: float
    elsewhere: bool
    paid: bool


@attrs.frozen(eq=False)
class Retries:
    """Decides on the retries of one route to one pool. `asked` says that its user wants more than what always holds."""

    policy: RetryPolicy
    budget: Budget
    random: Random
    later: Later
    asked: bool = False

    def after(self, end: TryEnded) -> Again | None:
        """Whether, when and where to try again; what it takes of the budget is the caller's to give back."""
        policy, error = self.policy, end.error
        if error.retryable is Retryable.NO or end.begun or not end.whole or end.head.method not in policy.methods:
            return None
        if clears(error, reused=end.reused):
            self.budget.reasons[STALE] += 1
            return Again(0.0, elsewhere=False, paid=end.paid)
        if end.attempt >= policy.attempts or not self._affords(paid=end.paid):
            return None
        self.budget.reasons[error.reason] += 1
        pause = backoff(end.attempt, policy.backoff, self.random) if policy.backoff else 0.0
        if isinstance(error, StatusUnwanted):
            pause = max(pause, error.pause)
        return Again(pause, elsewhere=True, paid=policy.share is not None)

    def beside(self, attempt: int, *, paid: bool) -> bool:
        """Whether another try may be made beside the one of that number, at the same price."""
        if attempt >= self.policy.attempts or not self._affords(paid=paid):
            return False
        self.budget.reasons[HEDGE] += 1
        return True

    def _affords(self, *, paid: bool) -> bool:
        policy = self.policy
        return policy.share is None or paid or self.budget.take(policy.share, policy.floor)
