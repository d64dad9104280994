"""HTTP/1.1 at the edge of a listener: one protocol for each client, which keeps the connection or closes it well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.core.backend import Backend
from balancer.core.conversation import Conversation
from balancer.core.deadlines import Deadline
from balancer.core.proxy_protocol import NOTHING_TOLD
from balancer.core.silence import Watch
from balancer.core.site import Site
from balancer.errors import BalancerError, DownstreamGone, DownstreamTimeout
from balancer.net.answers import Answers
from balancer.net.peers import Peer
from balancer.net.sessions import Sessions, Sight

GRACE: Final = 1.0
"""Seconds that a client which has closed its sending side has left to see its answer begin, unless told otherwise.
Whether it still listens cannot be told: a browser that gave up looks the same as a script that said all it had to say.
"""

LINGER: Final = 2.0
"""Seconds of reading and dropping what a client still sends, so that our last answer is not lost to a reset (RFC 9112
9.6)."""


@attrs.define(eq=False)
class Listening:
    """What the connections of one HTTP listener share. Times are in seconds.

    `request_timeout` bounds a request head from its first byte to its last, `idle` the wait for the next request and
    for a client that does not read; for `half_closed` see `GRACE`. A connection that is `max_lifetime` old ends with
    the exchange under way, and one that has carried `max_requests` with the last of these. With `reasons` answers that
    tell of a failure name it in a field, too.
    """

    site: Site
    request_timeout: float
    idle: float
    least: float
    sessions: Sessions = attrs.Factory(Sessions)
    half_closed: float = GRACE
    max_lifetime: float | None = None
    max_requests: int = 10_000
    reasons: bool = False


class _Closing(Peer):
    """The manners of closing a client's connection: after what was written, in good time, and once."""

    _conversation: Conversation

    def __init__(self, listening: Listening) -> None:
        self._listening = listening

    def end(self, error: BalancerError) -> None:
        """End now: with an answer that says why, if one is waited for; else, or when ended once more, with a RST."""
        closing = self._conversation.over
        self._conversation.fail(error)
        if closing or not self._conversation.over:
            self.abort()

    def leave(self, backend: Backend, error: BalancerError) -> None:
        """Have the exchange under way, if it is on that backend, tried on another, answered with an error, or cut."""
        exchange = self._conversation.exchange
        if exchange is None:
            return
        if exchange.pending is not None:
            exchange.pending.leave(backend, error)
        elif exchange.lease is not None and exchange.lease.backend is backend:
            exchange.upstream_failed(error)

    def close(self) -> None:
        """Close after what was written; a client that takes nothing of it for `idle` seconds is cut off."""
        self._conversation.over = True
        self.close_within(self._listening.site.deadlines, self._listening.idle)

    def abort(self) -> None:
        """Close at once: RST."""
        self._conversation.over = True
        super().abort()

    def linger(self) -> None:
        """Close after what was written, in spite of what the client still sends; see `LINGER`."""
        self._conversation.over = True
        self.bound(self._listening.site.deadlines, LINGER)
        self.finish()
        Peer.resume(self)


class _Waiting(_Closing):
    """How long a client's connection waits for what."""

    _watch: Watch
    _since: float
    _next_waits = False

    def _look_at_time(self) -> float | None:
        """How many seconds are left of what is waited for; when there are none, that is the end of it."""
        talk = self._conversation
        if talk.over:
            return None
        since, limit, late = self._wait(talk)
        left = self._watch.left(since, limit)
        if not left:
            late()
            left = self._listening.least
        return None if talk.over else left

    def _wait(self, talk: Conversation) -> tuple[float, float, Callable[[], object]]:
        """Since when something is waited for, for how many seconds at most, and what is done then."""
        listening, exchange = self._listening, talk.exchange
        if self._next_waits:
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


@implementer(IHalfCloseableProtocol)
class HTTPConnection(_Waiting):
    """One client's connection: feeds its conversation, bounds its waits, and closes when it has to.

    While the client does not read its answers it is not read from, and its next request, if here already, waits.
    """

    _draining = _in_head = _feeding = _full = False
    _lifetime: Deadline | None = None
    _requests = 1
    """How many it has carried, that of the answer under way or awaited included."""

    def connectionMade(self) -> None:
        """A client has connected."""
        super().connectionMade()
        deadlines = self._listening.site.deadlines
        site = self._listening.site
        answers = Answers(self, site.dates, reasons=self._listening.reasons)
        self._conversation = Conversation(site, answers, self.address, header=self.header, port=self._port())
        self._watch = Watch(deadlines, self._listening.least, self._look_at_time)
        if self._listening.max_lifetime is not None:
            self._lifetime = deadlines.after(self._listening.max_lifetime, self.drain)
        self._listening.sessions.add(self)
        self._began = self._since = deadlines.now  # fresh, since a deadline was just armed

    def _port(self) -> int:
        """Where the client connected to, if it is not the port that the listener has; else, and if unknown, 0."""
        if self.header is NOTHING_TOLD and self._listening.site.forwarding.port:
            return 0
        called = self.called
        return 0 if called is None else called[1]

    def look(self) -> Sight:
        """How it is; the backend is that of the exchange under way."""
        exchange = self._conversation.exchange
        lease = None if exchange is None or exchange.pending is not None else exchange.lease
        return Sight(self.address, None if lease is None else lease.backend, self._began)

    @property
    def last(self) -> bool:
        """Whether the connection must close after the answer under way (RFC 9112 9.6)."""
        talk = self._conversation
        if self._requests >= self._listening.max_requests:
            return True
        return not talk.persistent or self._draining or (self.half_closed and not talk.waiting)

    def resume(self) -> None:
        """Read on, unless the next request is already here and waits for its turn."""
        if self._conversation.exchange is None or not self._conversation.waiting:
            super().resume()

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client; while the connection closes they are dropped."""
        talk = self._conversation
        if talk.over:
            return
        self._feeding = True
        talk.receive(data)
        self._feeding = False
        if talk.exchange is None or self._paused or talk.waiting or talk.over:
            self._look_around()
        else:
            self._in_head = False

    def readConnectionLost(self) -> None:
        """The client sends no more: the end if it owes us something, else see `GRACE`."""
        self.half_closed = True
        talk = self._conversation
        if talk.over or talk.exchange is None:
            self.close()
        elif not talk.request_complete:
            talk.fail(DownstreamGone("the client left in the middle of its request"))
        else:
            self._since = self._watch.deadlines.now
            self._watch.hurry(min(self._listening.half_closed, self._listening.least))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed."""
        super().connectionLost(reason)
        self._conversation.over = True
        self._watch.stop()
        if self._lifetime is not None:
            self._lifetime.cancel()
            self._lifetime = None  # which leads back here
        self._listening.sessions.discard(self)
        self._conversation.fail(DownstreamGone("the client left before it had its answer"))

    def pressure(self, *, high: bool) -> None:
        """The client does not read fast enough, or does again."""
        self._full = high
        self._conversation.pressure(high=high)
        if self._next_waits and not high:
            self._go_on()
        else:
            self._look_around()

    def answered(self, *, keep: bool) -> None:
        """The answer is out, or cannot be had: go on to the next request, or close."""
        talk = self._conversation
        if talk.over:
            return
        if keep:
            self._in_head = False
            self._requests += 1
            self._since = self._watch.deadlines.now
            if self._full:
                self._next_waits = True
                self.pause()
            elif self._feeding:
                talk.next()
            else:
                self._go_on()
        elif talk.unread:
            self.linger()
        else:
            self.close()

    def drain(self) -> None:
        """Close between requests, at once if that is now."""
        self._draining = True
        if self._conversation.idle:
            self.close()

    def _go_on(self) -> None:
        """To the next request, or those of them that are answered at once."""
        self._next_waits = False
        self._feeding = True
        busy = self._conversation.next()
        self._feeding = False
        if busy or self._paused or self._full or self.half_closed or self._draining:
            self._look_around()

    def _look_around(self) -> None:
        """Bytes came or an answer went: read on or hold, and start the clock of a head that has begun."""
        talk = self._conversation
        if talk.over or self._next_waits:
            return
        if talk.exchange is not None:
            self._in_head = False
            if talk.waiting:
                self.pause()
            elif self._paused and talk.request_complete:
                self.resume()  # or nobody would see the client leave
        elif self.half_closed or (self._draining and talk.idle):
            self.close()
        elif self._full or self._paused or not talk.idle:
            self._await_next(talk)

    def _await_next(self, talk: Conversation) -> None:
        """Between two requests."""
        if self._full:
            self.pause()
            return
        if self._paused:
            self.resume()
        if not self._in_head and not talk.idle:
            self._in_head = True
            self._since = self._watch.deadlines.now


class HTTPFactory(Factory):
    """Makes the protocols of one HTTP listener."""

    noisy = False

    def __init__(self, listening: Listening) -> None:
        self.listening = listening

    def buildProtocol(self, _address: IAddress | None) -> HTTPConnection | None:
        """A client has connected; without room for it, it is closed at once."""
        return None if self.listening.sessions.room.full() else HTTPConnection(self.listening)
