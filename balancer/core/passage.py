"""A request on its way through filters that take their time: bounded, and ended once; knows no Deferred."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadlines
from balancer.core.filters import Pause
from balancer.core.messages import RequestHead
from balancer.core.pool import Lease
from balancer.errors import BalancerError, FilterFailed, FilterTimeout
from balancer.interfaces import Reply

SeeThrough = Callable[[Awaitable[Any], Callable[[object, BaseException | None], None]], Callable[[], None]]
"""Sees an awaitable through: calls back with its result and None, or with what it raised, at once or later and once.

What it returns cancels the awaitable, and may be called at any time; what comes of it then counts for nothing.
"""


class Passage:
    """What is left of the way of one request: `core.exchange_ports.Pending`.

    `done` is called once, with how it ended, unless that is cancelled first. All filters have `limit` seconds together,
    and those behind one that is late and passed over have as many once more.
    """

    lease: Lease | None = None
    """There is no backend yet."""

    def __init__(
        self,
        pause: Pause,
        *,
        later: SeeThrough,
        deadlines: Deadlines,
        limit: float,
        done: Callable[[RequestHead | Reply | FilterFailed], None],
    ) -> None:
        self._pause: Pause | None = None
        self._first, self._later, self._limit, self._done = pause, later, limit, done
        self._cancel: Callable[[], None] = lambda: None
        self._deadline = deadlines.after(limit, self._late)

    def start(self) -> None:
        """Await the first filter that takes its time."""
        self._await(self._first)

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        self._pause = None
        self._deadline.cancel()
        self._cancel()

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """See `core.exchange_ports.Pending`: it is on its way to no backend yet."""

    def _await(self, pause: Pause) -> None:
        self._pause = pause
        cancel = self._later(pause.awaitable, lambda answer, error: self._answered(pause, answer, error))
        if self._pause is pause:
            self._cancel = cancel
        else:
            cancel()  # it was over, or cancelled, before it could be told how

    def _answered(self, pause: Pause, answer: object, error: BaseException | None) -> None:
        if self._pause is not pause:
            return
        self._go_on(_raised(pause, error) if error is not None else _attempted(lambda: pause.resume(answer)))

    def _late(self) -> None:
        pause = self._pause
        assert pause is not None  # or the deadline were cancelled
        self.cancel()
        late = FilterTimeout(f"took longer than {self._limit:g} s", named=pause.named)
        self._deadline.move(self._limit)
        self._go_on(_attempted(lambda: pause.failed(late)))

    def _go_on(self, result: RequestHead | Reply | FilterFailed | Pause) -> None:
        """To the next filter that takes its time, or to the end."""
        if isinstance(result, Pause):
            self._await(result)
            return
        self._pause = None
        self._deadline.cancel()
        self._done(result)


def _raised(pause: Pause, error: BaseException) -> RequestHead | Reply | FilterFailed | Pause:
    failed = FilterFailed(f"raised {type(error).__name__}", named=pause.named)
    failed.__cause__ = error
    return _attempted(lambda: pause.failed(failed))


def _attempted(
    step: Callable[[], RequestHead | Reply | Pause],
) -> RequestHead | Reply | FilterFailed | Pause:
    try:
        return step()
    except FilterFailed as failed:
        return failed
