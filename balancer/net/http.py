"""HTTP/1.1 at the edge of a listener: one protocol for each client, which keeps the connection or closes it well."""

from __future__ import annotations

from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.core.conversation import Conversation
from balancer.core.exchange_ports import Ended, Upstream
from balancer.core.proxy_protocol import NOTHING_TOLD
from balancer.core.silence import Watch
from balancer.errors import DownstreamGone
from balancer.net.answers import Answers
from balancer.net.bulk import BULKY
from balancer.net.http_manners import HTTPListening, Hurrying
from balancer.net.sessions import Sight
from balancer.net.upgrades import Upgraded
from balancer.net.upstreams import HTTPUpstream


@implementer(IHalfCloseableProtocol)
class HTTPConnection(Hurrying):
    """One client's connection: feeds its conversation, bounds its waits, and closes when it has to.

    While the client does not read its answers it is not read from, and its next request, if here already, waits.
    """

    def connectionMade(self) -> None:
        """A client has connected."""
        super().connectionMade()
        listening = self._listening
        site, deadlines = listening.site, listening.site.deadlines
        answers = Answers(self, site.dates, reasons=listening.reasons)
        self._conversation = Conversation(
            site, answers, self.address, header=self.header, secured=self.secured, port=self._port()
        )
        self._watch = Watch(deadlines, listening.least, self._look_at_time)
        if listening.max_lifetime is not None:
            self._lifetime = deadlines.after(listening.max_lifetime, self.drain)
        listening.sessions.add(self)
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
        return Sight(self.address, None if lease is None else lease.backend, self._began, secured=self.secured)

    @property
    def last(self) -> bool:
        """Whether the connection must close after the answer under way (RFC 9112 9.6)."""
        talk = self._conversation
        if self._requests >= self._listening.max_requests:
            return True
        return not talk.persistent or self._draining or (self.half_closed and not talk.waiting)

    def resume(self) -> None:
        """Read on, unless the next request is already here and waits for its turn."""
        if self._bulk is not None:
            self._bulk.check()
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
            if len(data) >= BULKY:
                self._hurry(talk)

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
        self._stand_aside()
        self._listening.sessions.discard(self)
        self._conversation.lost()

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
        if self._bulk is not None:
            self._bulk.check()
        if talk.over:
            return
        if keep:
            self._in_head = False
            self._requests += 1
            self._since = self._watch.deadlines.now
            if self._full:
                self._next_waits = True
                self.pause()
            else:
                self._go_on()
            return
        talk.exchange = None
        if talk.unread:
            self.linger()
        else:
            self.close()

    def change(self, upstream: Upstream, ended: Ended) -> None:
        """See `core.exchange_ports.Downstream`."""
        assert isinstance(upstream, HTTPUpstream)
        assert upstream.backend is not None
        self._stand_aside()
        listening = self._listening
        successor = Upgraded(listening.upgrades, self, backend=upstream.backend, began=self._began, ended=ended)
        listening.sessions.withdraw(self)
        successor.begin(upstream, self._conversation.rest())

    def drain(self) -> None:
        """Close between requests, at once if that is now."""
        self._draining = True
        if self._conversation.idle:
            self.close()

    def _go_on(self) -> None:
        """To the next request, or those of them that are answered at once; what the last was held for is over."""
        self._next_waits = False
        if self._paused:
            super().resume()
        if self._feeding:
            self._conversation.next()
            return
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
    asks_nobody = True
    """Whether it makes a protocol for anybody: no port needs to tell it the address."""

    def __init__(self, listening: HTTPListening) -> None:
        self.listening = listening

    def buildProtocol(self, _address: IAddress | None) -> HTTPConnection | None:
        """A client has connected; without room for it, it is closed at once."""
        return None if self.listening.sessions.room.full() else HTTPConnection(self.listening)
