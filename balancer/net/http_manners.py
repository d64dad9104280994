"""The manners of a client's HTTP connection: how it closes, waits, hurries and makes way; reads no message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from balancer.core.backend import Backend
from balancer.core.conversation import Conversation
from balancer.core.deadlines import Deadline
from balancer.core.silence import Watch
from balancer.core.site import Site
from balancer.errors import BalancerError, DownstreamGone, DownstreamTimeout
from balancer.net.bulk import Bulk
from balancer.net.peers import Peer
from balancer.net.sessions import Sessions
from balancer.net.splice import Pipes
from balancer.net.upgrades import Upgrades

GRACE: Final = 1.0
"""Seconds that a client which has closed its sending side has left to see its answer begin, unless told otherwise.
Whether it still listens cannot be told: a browser that gave up looks the same as a script that said all it had to say.
"""

LINGER: Final = 2.0
"""Seconds of reading and dropping what a client still sends, so that our last answer is not lost to a reset (RFC 9112
9.6)."""


@attrs.define(eq=False)
class HTTPListening:
    """What the connections of one HTTP listener share. Times are in seconds.

    `request_timeout` bounds a request head from its first byte to its last, `idle` the wait for the next request and
    for a client that does not read; for `half_closed` see `GRACE`. A connection that is `max_lifetime` old ends with
    the exchange under way, and one that has carried `max_requests` with the last of these. With `reasons` answers that
    tell of a failure name it in a field, too.
    """

    site: Site
    upgrades: Upgrades
    request_timeout: float
    idle: float
    least: float
    sessions: Sessions = attrs.Factory(Sessions)
    pipes: Pipes = attrs.Factory(Pipes)
    half_closed: float = GRACE
    max_lifetime: float | None = None
    max_requests: int = 10_000
    reasons: bool = False


class Closing(Peer):
    """The manners of closing a client's connection: after what was written, in good time, and once."""

    _conversation: Conversation
    _watch: Watch

    def __init__(self, listening: HTTPListening) -> None:
        # What every request touches is its own, the parts' below too, and not its class's: see `Exchange.__init__`.
        self._listening = listening
        self.half_closed = self._paused = self._full = self._draining = self._feeding = False
        self._in_head = self._next_waits = False
        self._bulk: Bulk | None = None
        self._requests = 1  # so many it has carried, that of the answer under way or awaited included
        self._began = self._since = 0.0

    def end(self, error: BalancerError) -> None:
        """End now: with an answer that says why, if one is waited for; else, or when ended once more, with a RST."""
        closing = self._conversation.over
        self._conversation.fail(error)
        if closing or not self._conversation.over:
            self.abort()

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """Have the exchange under way, if it is on that backend, tried on another, answered with an error, or cut."""
        if self._conversation.exchange is not None:
            self._conversation.exchange.leave(backend, error)

    def close(self) -> None:
        """Close after what was written; a client that takes nothing of it for `idle` seconds is cut off."""
        self._close_from_now()
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def abort(self) -> None:
        """Close at once: RST."""
        self._conversation.over = True
        super().abort()

    def linger(self) -> None:
        """Close after what was written, in spite of what the client still sends; see `LINGER`.

        A client that takes nothing of the answer has as long for that as any other.
        """
        self._close_from_now()
        self.bound(self._listening.site.deadlines, self._listening.idle if self.held else LINGER)
        self.finish()
        Peer.resume(self)

    def writeConnectionLost(self) -> None:
        """The answer is out, behind which we linger."""
        if self._bound is not None:
            self._bound.within(LINGER)

    def _close_from_now(self) -> None:
        if not self._conversation.over:
            self._conversation.over = True
            self._since = self._watch.deadlines.now


class Timed(Closing):
    """How long a client's connection waits for what."""

    def _look_at_time(self) -> float | None:
        """How many seconds are left of what is waited for; when there are none, that is the end of it."""
        talk = self._conversation
        if talk.over:
            return self._look_at_rest()
        since, limit, late = self._wait(talk)
        left = self._watch.left(since, limit)
        if not left:
            late()
            left = self._listening.least
        return left

    def _look_at_rest(self) -> float | None:
        """While the connection closes: how long it may take before the client has taken some more; else it is cut."""
        if self.took_some():
            self._since = self._watch.deadlines.now
        left = self._watch.left(self._since, self._listening.idle)
        if left:
            return left
        self.abort()
        return None

    def _wait(self, talk: Conversation) -> tuple[float, float, Callable[[], object]]:
        """Since when something is waited for, for how many seconds at most, and what is done then."""
        listening, exchange = self._listening, talk.exchange
        if self._next_waits:
            if self.took_some():
                self._since = self._watch.deadlines.now
            return self._since, listening.idle, self.abort
        if exchange is None and talk.idle:
            return self._since, listening.idle, self.close
        if exchange is None:
            return self._since, listening.request_timeout, self._refuse_head
        waits = exchange.waits() or (self._watch.deadlines.now, listening.least, self._give_up)
        if self.half_closed and not exchange.status:
            return min(waits, (self._since, listening.half_closed, self._give_up), key=lambda one: one[0] + one[1])
        return waits

    def _refuse_head(self) -> None:
        self._conversation.refuse(DownstreamTimeout("the request head took too long"))

    def _give_up(self) -> None:
        self._conversation.fail(DownstreamGone("the client closed its side and its time for an answer is up"))


class Hurrying(Timed):
    """How the rest of a long request takes the kernel's way, and all of it ends."""

    _lifetime: Deadline | None = None

    @property
    def congested(self) -> bool:
        """Whether bytes of a request wait, unseen, for the backend to take them."""
        return self._bulk is not None and self._bulk.congested

    def _hurry(self, talk: Conversation) -> None:
        if self._bulk is None:
            self._bulk = Bulk(
                self.transport, self._listening.pipes, left=lambda: talk.left, sink=talk.sink, passed=self._passed
            )
        self._bulk.hurry()

    def _passed(self, size: int) -> None:
        """So many bytes of the request's body went past us."""
        self._feeding = True
        self._conversation.passed(size)
        self._feeding = False
        self._look_around()

    def _look_around(self) -> None:
        """See `HTTPConnection`."""

    def _stand_aside(self) -> None:
        """It has nothing more to do, since the socket is closed or for another protocol."""
        self._conversation.over = True
        self._watch.stop()
        del self._watch  # which leads back here
        if self._lifetime is not None:
            self._lifetime.cancel()
        if self._bulk is not None:
            self._bulk.close()
        self._lifetime = self._bulk = None  # which lead back here
