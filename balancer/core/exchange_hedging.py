"""A second try of a request beside the first: whose answer begins first is the client's, and the other try is cut.

Only for requests that change nothing and have no body. Refuses to know when that is worth its price; see
`core.retries`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import Any, Protocol

from balancer.core.backend import Backend
from balancer.core.exchange_ports import Pending, Upstream, Upstreams
from balancer.core.exchange_tries import Trying, end_lease
from balancer.core.messages import END, Message, RequestHead, ResponseHead
from balancer.core.pool import Lease
from balancer.core.retries import HEDGE
from balancer.core.session import Session
from balancer.errors import BalancerError, Overtaken, Side, StatusUnwanted
from balancer.interfaces import Phase


class Contest(Protocol):
    """The exchange that two tries are made for."""

    @property
    def attempts(self) -> int:
        """See `Carried`."""

    def overtaken(self, rival: Rival, answer: ResponseHead) -> bool:
        """The second is the first to have an answer; whether it stands in from now on."""

    def rival_failed(self, rival: Rival) -> None:
        """There will be no answer of the second."""

    def response(self, messages: Sequence[Message]) -> None:
        """See `Carried`."""

    def answer_sink(self, left: int) -> Any:
        """See `Carried`."""

    def answer_passed(self, size: int) -> None:
        """See `Carried`."""

    def upstream_failed(self, error: BalancerError) -> None:
        """See `Carried`."""

    def pressure(self, side: Side, *, high: bool) -> None:
        """See `Carried`."""


class Rival:
    """The second try, `core.tries.Second`: to its connection what an exchange is (`Carried`).

    What it hears is for itself alone until it stands in for the first. From then on it passes everything on.
    """

    upstream: Upstream | None = None
    lease: Lease | None = None
    _pending: Pending | None = None
    _over = _ahead = False

    def __init__(self, exchange: Contest, head: RequestHead, session: Session, backend: Backend) -> None:
        """It is tried on another than that backend; `session` is that of the exchange."""
        self.head, self.session, self.attempts = head, copy(session), exchange.attempts
        self.session.tried_on(backend)
        self._exchange = exchange

    def start(self, upstreams: Upstreams) -> None:
        """Ask for a connection."""
        pending = upstreams.acquire(self, fresh=False)
        if self.upstream is None and not self._over:
            self._pending = pending

    def connected(self, upstream: Upstream, lease: Lease) -> None:
        """See `Carried`."""
        self._pending, self.upstream, self.lease = None, upstream, lease
        try:
            head = lease.requested(self.head) if lease.has_say else self.head
        except BalancerError as error:
            self.upstream_failed(error)
        else:
            upstream.send([head, END])

    def response(self, messages: Sequence[Message]) -> None:
        """See `Carried`. What comes before its answer, interim ones, is for nobody."""
        if self._ahead:
            self._exchange.response(messages)
            return
        for message in messages:
            if isinstance(message, ResponseHead) and not message.interim:
                self._answered(message, messages)
                return

    def _answered(self, head: ResponseHead, messages: Sequence[Message]) -> None:
        if self._exchange.overtaken(self, head):
            self._exchange.response(messages)
        else:
            self.upstream_failed(StatusUnwanted(f"the backend answered {head.status}", head.status))

    def answer_sink(self, left: int) -> Any:
        """See `Carried`."""
        return self._exchange.answer_sink(left) if self._ahead else None

    def answer_passed(self, size: int) -> None:
        """See `Carried`; none does before this one is ahead."""
        self._exchange.answer_passed(size)

    def upstream_failed(self, error: BalancerError) -> None:
        """See `Carried`."""
        if self._ahead:
            self._exchange.upstream_failed(error)
        else:
            self.end(error)
            self._exchange.rival_failed(self)

    def fail(self, error: BalancerError) -> None:
        """See `Carried`: it has found no backend."""
        self._over = True
        self._exchange.rival_failed(self)

    def pressure(self, side: Side, *, high: bool) -> None:
        """See `Carried`. While it is the second, all that it has to say is said."""
        if self._ahead:
            self._exchange.pressure(side, high=high)

    def stand_in(self) -> tuple[Upstream, Lease] | None:
        """It is the first from now on, if it is connected; else it is not wanted any more."""
        if self.upstream is None or self.lease is None:
            self.end(Overtaken("it had no connection yet"))
            return None
        self._ahead = True
        return self.upstream, self.lease

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """If it is on that backend, or on its way there, it has failed."""
        if self._pending is not None:
            self._pending.leave(backend, error)
        elif self.lease is not None and self.lease.backend is backend:
            self.upstream_failed(error)

    def end(self, error: BalancerError) -> None:
        """It is over, for that reason, and nothing of it is left."""
        self._over = True
        if self._pending is not None:
            self._pending.cancel()
        if self.upstream is not None:
            self.upstream.abort()
        if self.lease is not None:
            end_lease(self.lease, Phase.RESPONSE, error)


class Hedging(Trying):
    """The part of an `Exchange` that has two tries at a time."""

    def overtaken(self, rival: Rival, answer: ResponseHead) -> bool:
        """The second try was answered first, so the first is cut; unless that is an answer that nobody wants."""
        assert self._tries is not None
        error = Overtaken("another try of the request was answered first")
        return not self._tries.unwanted(answer) and self._promote(rival, error, whole=False)

    def rival_failed(self, rival: Rival) -> None:
        """There will be no answer of the second try, so it is up to the first."""
        assert self._tries is not None
        self._tries.second = None
        if rival.lease is not None:
            self.session.tried_on(rival.lease.backend)

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """See `Trying`; so it is with the second try."""
        if self._tries is not None and isinstance(self._tries.second, Rival):
            self._tries.second.leave(backend, error)
        super().leave(backend, error)

    @abstractmethod
    def pressure(self, side: Side, *, high: bool) -> None:
        """See `Exchange`."""

    def _hedge(self) -> None:
        """The first try takes its time: make another beside it, if that can be had."""
        tries, lease, route = self._tries, self.lease, self.route
        assert tries is not None
        assert lease is not None
        assert route is not None
        if self._spare() and tries.beside():
            self.session.again(HEDGE)
            rival = Rival(self, tries.head, self.session, lease.backend)
            tries.second = rival
            rival.start(route.target.upstreams)

    def _try_again(self, error: BalancerError, *, begun: bool, whole: bool = False) -> bool:
        """See `Trying`. A second try that is connected is the other one that may be had."""
        rival = None if self._tries is None else self._tries.second
        if isinstance(rival, Rival) and self._promote(rival, error, whole=whole):
            return True
        return super()._try_again(error, begun=begun, whole=whole)

    def _promote(self, rival: Rival, error: BalancerError, *, whole: bool) -> bool:
        """Have the second try stand in for the first, which ended so; False if it is not as far as that."""
        assert self._tries is not None
        self._tries.second = None
        first, lease, second = self._upstream, self.lease, rival.stand_in()
        assert first is not None
        assert lease is not None
        if second is None:
            return False
        self._end_try(lease, error, elsewhere=True)
        self._leave(first, whole=whole)
        self._upstream, self.lease = second
        self.since = self.site.deadlines.now
        if self._slow:
            self._upstream.pause()
        return True
