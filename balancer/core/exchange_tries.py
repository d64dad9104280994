"""The tries of an exchange: what becomes of one that failed, was late, or brought an answer that nobody wants.

Refuses to know when and how often that may be done; see `core.retries`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Final

from balancer.core.backend import Backend
from balancer.core.exchange_filters import Filtered
from balancer.core.exchange_ports import Upstream
from balancer.core.exchange_states import CONNECTING, PHASES, Input, State
from balancer.core.messages import END, End, Message, ResponseHead
from balancer.core.pool import Lease
from balancer.core.retries import unwanted
from balancer.core.tries import Tries
from balancer.errors import BalancerError, Side, StatusUnwanted, TryTimeout
from balancer.interfaces import Phase

_UNCONNECTED: Final = frozenset({State.PREPARING, State.CONNECTING})


class Trying(Filtered):
    """The part of an `Exchange` that gives a try up for another."""

    _held_back: bool
    """Whether the request is not read on until a connection stands."""

    @property
    def attempts(self) -> int:
        """How often it is tried at most, connects that fail included."""
        return 0 if self.route is None else self.route.target.retries.policy.attempts

    def upstream_failed(self, error: BalancerError) -> None:
        """The connection to the backend ended, brought nonsense or is given up, before the answer was complete."""
        upstream = self._upstream
        if upstream is not None and self._left_over is not None:
            self._upstream = None
            upstream.abort()
        elif upstream is not None and not self._try_again(error, begun=self._heard):
            self.fail(error)

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """Have it, if it is on that backend, tried on another, answered with an error, or cut."""
        if self.pending is not None:
            self.pending.leave(backend, error)
        elif self.lease is not None and self.lease.backend is backend:
            self.upstream_failed(error)

    @abstractmethod
    def _acquire(self, *, fresh: bool) -> None:
        """Ask for a connection, to send the request on."""

    def _connect(self) -> None:
        """See `Filtered`. Where a route asks for retries, what is known of the request may be needed once more."""
        assert self.route is not None
        if self.route.target.retries.asked:
            self._tries = Tries(self.route.target.retries, self.head, self.session)
            self._tries.keep(self._held)
        self.state = CONNECTING
        self._acquire(fresh=False)

    def _try_late(self) -> None:
        """A try has no answer in its time, which is the end of it if there is another backend to ask."""
        if self._spare():
            self._try_again(TryTimeout("a try had no answer in its time"), begun=self._heard)

    def _unwanted(self, messages: Sequence[Message]) -> bool:
        """Whether they bring an answer that is thrown away for another try; if not, it is one that counts.

        Interim answers that are here with it go the same way; one that has gone to the client rules out another try.
        """
        assert self._tries is not None
        heads = [message for message in messages if isinstance(message, ResponseHead)]
        if not heads:
            return False
        head = heads[-1]
        if self._tries.unwanted(head) and self._spare():
            error = unwanted(head)
            whole = isinstance(messages[-1], End)
            if error is not None and self._try_again(error, begun=False, whole=whole):
                return True
        self._tries.answered()
        return False

    def _spare(self) -> bool:
        """Whether there is another backend for another try."""
        assert self.route is not None
        assert self.lease is not None
        return self.route.target.upstreams.spare(self.session, self.lease.backend)

    def _try_again(self, error: BalancerError, *, begun: bool, whole: bool = False) -> bool:
        """Give up the try under way, which ended so, and begin another; False if there may be none."""
        upstream, lease, route = self._upstream, self.lease, self.route
        assert upstream is not None
        assert lease is not None
        assert route is not None
        tries = self._tries or Tries(route.target.retries, self.head, self.session)
        again = tries.again(error, reused=upstream.reused, begun=begun)
        if again is None:
            return False
        self._tries = tries
        self._end_try(lease, error, elsewhere=again.elsewhere)
        self._enter(Input.RETRY)
        self._leave(upstream, whole=whole)
        self._held = tries.kept(end=(END,) if self._request_complete else ())
        self.session.again(error.reason)
        if again.pause:
            self.pending = tries.pause(again.pause, partial(self._acquire, fresh=True))
        else:
            self._acquire(fresh=True)
        self._hold_back()
        return True

    def _hold_back(self) -> None:
        """Read no more of the request until a connection stands, so that what is stored is bounded."""
        if not self._request_complete and self.state in _UNCONNECTED:
            self._held_back = True
            self._downstream.pause()

    def _end_try(self, lease: Lease, error: BalancerError, *, elsewhere: bool) -> None:
        """Give the backend back; it is blamed, and not asked again, unless the next try may go there as well."""
        phase = PHASES.get(self.state, Phase.DONE)
        if elsewhere:
            self.session.tried_on(lease.backend)
        end_lease(lease, phase, error if elsewhere else None)

    def _leave(self, upstream: Upstream, *, whole: bool) -> None:
        """Part with a connection, which is kept if request and answer are whole."""
        self._upstream, self._heard = None, False
        if whole and self._request_complete:
            self._release(upstream)
        else:
            upstream.abort()
        if Side.UPSTREAM in self._slow:
            self._slow = self._slow - {Side.UPSTREAM}
            self._downstream.resume()


def end_lease(lease: Lease, phase: Phase, error: BalancerError | None) -> None:
    """Give a backend back after a try. One whose answer was unwanted has answered."""
    if isinstance(error, StatusUnwanted):
        lease.answered()
        lease.end(phase, status=error.status)
    else:
        lease.end(phase, error=error)
