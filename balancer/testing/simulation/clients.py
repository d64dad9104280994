"""Those who ask a simulated balancer: each for one thing, over a connection of its own, and until that has ended.

What they are told is noted; what becomes of what they asked is up to the balancer's own parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from balancer.core.backend import Backend
from balancer.core.exchange import Exchange
from balancer.core.exchange_ports import Ended, Upstream
from balancer.core.messages import END, Message, ResponseHead
from balancer.core.pool import Lease
from balancer.core.silence import Watch
from balancer.core.site import Site
from balancer.errors import BalancerError, IdleTimeout, UpstreamGone
from balancer.interfaces import Phase, Reply
from balancer.net.dialing import Dialer
from balancer.testing.simulation.network import Asking, Line
from balancer.testing.simulation.origins import BAD, GOOD, Job

Over = Callable[["Client", str], object]
"""Is told that a client has what it came for, or of why it does not have it."""


class Client(Protocol):
    """Whoever asks."""

    began: float
    session: Asking
    cookies: Sequence[str]
    """What it was told to send from now on."""

    def start(self) -> None:
        """Ask."""

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """Go elsewhere, if it is on that backend."""


class Visitor:
    """Sends one HTTP request: `core.exchange_ports.Downstream`.

    Nothing that is waited for for fewer than `least` seconds is too late.
    """

    stays = congested = False
    cookies: Sequence[str] = ()

    def __init__(self, site: Site, session: Asking, over: Over, *, least: float) -> None:
        self.began, self.session, self._over, self._least = session.now, session, over, least
        self._why, self._gone = "", False
        assert session.request is not None
        self._exchange = Exchange(site, session, session.request, self)
        self._watch = Watch(site.deadlines, least, self._look)

    def start(self) -> None:
        """See `Client`."""
        self._exchange.start((END,))

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """See `Client`."""
        self._exchange.leave(backend, error)

    def send(self, messages: Sequence[Message]) -> None:
        """The answer, which is the whole of it."""
        head = messages[0]
        if type(head) is ResponseHead and head.fields:
            self.cookies = [cookie.partition(";")[0] for cookie in head.get_all("set-cookie")]

    def refuse(self, error: BalancerError) -> None:
        """An answer of the balancer's own."""
        self._why = error.reason

    def abort(self, error: BalancerError) -> None:
        """The answer breaks off."""
        self._why = error.reason

    def exchange_done(self, *, request_complete: bool) -> None:
        """That was all."""
        self._gone = True
        self._watch.stop()
        status = self._exchange.status
        self._over(self, self._why or (f"status {status}" if status >= BAD else ""))

    def sink(self, left: int) -> None:
        """Nothing goes past."""

    def skip(self, size: int) -> None:
        """See `sink`."""

    def took_some(self) -> bool:
        """See `sink`."""
        return False

    def reply(self, reply: Reply) -> None:
        """There are no filters."""

    def pause(self) -> None:
        """The request is whole."""

    def resume(self) -> None:
        """See `pause`."""

    def change(self, upstream: Upstream, ended: Ended) -> None:
        """No protocol changes."""

    def _look(self) -> float | None:
        """What the balancer's own connections to clients do about what an exchange waits for."""
        waits = self._exchange.waits()
        if waits is not None:
            since, limit, late = waits
            left = self._watch.left(since, limit)
            if left:
                return left
            late()
        return None if self._gone else self._least


class Caller:
    """Has one TCP connection relayed: `net.dialing.Caller`; cut off after `idle` seconds without a word."""

    cookies: Sequence[str] = ()

    def __init__(self, dialer: Dialer[Line], session: Asking, over: Over, *, idle: float) -> None:
        self.began, self.session, self._over, self._dialer, self._idle = session.now, session, over, dialer, idle
        self._dialing: Any = None
        self._line: Line | None = None
        self._lease: Lease | None = None

    def start(self) -> None:
        """See `Client`."""
        dialing = self._dialer.dial(self.session, self)
        if self._lease is None:
            self._dialing = dialing

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """See `Client`."""
        if self._lease is not None and self._lease.backend is backend:
            self._end(error)
        elif self._dialing is not None:
            self._dialing.leave(backend, error)

    def dialed(self, protocol: Line, lease: Lease) -> None:
        """The connection stands: let the backend work."""
        self._dialing, self._line, self._lease = None, protocol, lease
        self._job = Job(self.session.work, self._answered)
        protocol.lost = lambda: self._end(UpstreamGone("the backend's connection broke"))
        self._silence = self._dialer.deadlines.after(self._idle, self._late)
        assert protocol.origin is not None
        protocol.origin.ask(self._job)

    def waits(self) -> None:
        """It is patient."""

    def not_dialed(self, error: BalancerError) -> None:
        """There is nobody to talk to."""
        self._over(self, error.reason)

    def _answered(self, status: int) -> None:
        assert self._lease is not None
        if status == GOOD:
            self._lease.answered()
            self._end(None)
        else:
            self._end(UpstreamGone("the backend closed at once"))

    def _late(self) -> None:
        self._end(IdleTimeout(f"neither side said anything for {self._idle:g} s"))

    def _end(self, error: BalancerError | None) -> None:
        assert self._lease is not None
        assert self._line is not None
        self._job.cancel()
        self._silence.cancel()
        self._line.abort()
        lease, self._lease = self._lease, None
        lease.end(Phase.DONE if error is None else Phase.DATA, error=error)
        self._over(self, "" if error is None else error.reason)
