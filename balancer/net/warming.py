"""A connection to a backend that is made before anybody asks for it; knows no exchange and counts on no backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

from balancer.core.backend import Backend
from balancer.core.deadlines import Deadline
from balancer.net.dialing import AnyDialed, Dialer
from balancer.net.racing import Attempt


class Warming(Generic[AnyDialed]):
    """One on its way. `ended` is called once, with the connection, or with None if none could be made in time."""

    def __init__(
        self, dialer: Dialer[AnyDialed], backend: Backend, ended: Callable[[Warming[AnyDialed], AnyDialed | None], None]
    ) -> None:
        self.backend = backend
        self._dialer, self._ended = dialer, ended
        self._attempt: Attempt | None = None
        self._deadline: Deadline | None = None

    def begin(self) -> None:
        """Connect; `ended` may be called at once."""
        self._deadline = self._dialer.deadlines.after(self._dialer.connect_timeout, self.cancel)
        attempt = self._dialer.race(self.backend, self)
        if self._deadline is not None:
            self._attempt = attempt

    def stands(self, protocol: AnyDialed) -> None:
        """It is made."""
        self._end(protocol)

    def failed(self, reason: BaseException) -> None:
        """It could not be made, which whoever needs one will be told."""
        self._end(None)

    def cancel(self) -> None:
        """It took too long, or is no longer wanted."""
        if self._attempt is not None:
            self._attempt.cancel()
        self._end(None)

    def _end(self, protocol: AnyDialed | None) -> None:
        deadline, self._deadline, self._attempt = self._deadline, None, None
        if deadline is not None:
            deadline.cancel()
            self._ended(self, protocol)
