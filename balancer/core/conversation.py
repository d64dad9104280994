"""One client's requests, one exchange after another: reads them in turn, routes each, and lets none overtake.

What follows a request waits, unread, until its answer is out. Refuses to know how the connection is kept or closed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from balancer.core.arrival import arrival
from balancer.core.exchange import Exchange
from balancer.core.exchange_ports import Downstream
from balancer.core.headers import may_travel
from balancer.core.http1 import RequestDecoder
from balancer.core.journal import Journal
from balancer.core.messages import End, Message, RequestHead
from balancer.core.proxy_protocol import NOTHING_TOLD, ProxyHeader
from balancer.core.secured import Secured
from balancer.core.session import Session
from balancer.core.site import Site
from balancer.errors import BalancerError, DownstreamGone, RequestRefused, Side
from balancer.interfaces import Kind, Reply

LEFT_OVER: Final = 1 << 18
"""Bytes of a request's body that are read, and passed on or dropped, once its answer is out: a connection is kept."""

_HTTP: Final = Kind.HTTP  # looked up once, since Python does that in Python

AT_THE_LAST_HOP: Final = {"OPTIONS": Reply(200), "TRACE": Reply(501)}
"""What is answered here when it `may_travel` no further. No trace is given: it would echo secrets."""


class Line(Downstream, Protocol):
    """The client's side of all the exchanges of one connection. `sent` counts the bytes so far."""

    request: RequestHead | None
    sent: int

    def begin(self, request: RequestHead | None) -> None:
        """The next answer is to this request, or to one that could not be read."""


class _Standing:
    """How the requests of one connection stand, as far as they have been read."""

    exchange: Exchange | None
    request_complete: bool
    over: bool
    _decoder: RequestDecoder

    @property
    def persistent(self) -> bool:
        """Whether, by what the client sent, another request may follow this answer (RFC 9112 9.3).

        What is left of this one may be little, and is then read; but a client that waits for a 100 may never send it.
        """
        if not self._decoder.persistent or self.request_complete:
            return self._decoder.persistent
        waits = self.exchange is None or self.exchange.head.expects_continue
        return not waits and self._decoder.ends_within(LEFT_OVER)

    @property
    def waiting(self) -> bool:
        """Whether some of the next request is here and waits for its turn."""
        return self.request_complete and bool(self._decoder.kept)

    @property
    def unread(self) -> bool:
        """Whether the client has sent, or owes us, more of a request than was read."""
        return bool(self._decoder.buffered) or not (self.request_complete or self._decoder.idle)

    @property
    def idle(self) -> bool:
        """Whether this is between requests and nothing of the next has come."""
        return self.exchange is None and self._decoder.idle

    @property
    def left(self) -> int:
        """Bytes of the body of the request under way that are still to come; 0 where that is not known."""
        return self._decoder.left


class Conversation(_Standing):
    """The requests of one connection.

    `exchange` is the one under way, `request_complete` tells whether all of its request has been read, and `over`, set
    from outside, that no further one may begin.
    """

    received: int
    """Bytes from the client so far."""
    _journal: Journal | None = None
    _make: Callable[[Site, Session, RequestHead, Downstream], Exchange] = Exchange

    def __init__(
        self,
        site: Site,
        line: Line,
        client: tuple[str, int],
        *,
        header: ProxyHeader = NOTHING_TOLD,
        secured: Secured | None = None,
        port: int = 0,
    ) -> None:
        """A PROXY `header` has opened the connection, and TLS `secured` it, if so.

        It came in at `port`, where this is known better than by the listener.
        """
        self._site, self._line, self._client = site, line, client
        self.exchange, self.received = None, 0  # here and not in the class, see `Exchange.__init__`
        self.request_complete = self.over = self._advancing = self._again = self._slow = False
        self._arrival = arrived = arrival(header, secured)
        self._forwarder = site.forwarding.for_client(client, port, "http" if arrived is None else arrived.scheme)
        self._decoder = RequestDecoder(site.limits, site.blocks)
        if site.access is not None:
            self._journal = Journal(site.access, line, lambda: self.received - self._decoder.buffered, secured)
            self._make = self._journal.exchange

    def receive(self, data: bytes) -> None:
        """Bytes from the client."""
        self.received += len(data)
        try:
            messages = self._decoder.receive(data)
        except RequestRefused as error:
            self._refused(error)
        else:
            if messages:
                self._advance(messages)
            elif self._journal is not None:
                self._head_begins(self._journal)

    def next(self) -> bool:
        """The answer, ours or a backend's, is out, and the client takes more: only now begin what is already here.

        Tells whether there is anything.
        """
        self.exchange = None
        decoder = self._decoder
        if self._advancing:
            self._again = True
        elif decoder.kept:
            self._advance(self._next())
        else:
            decoder.complete = False
            return False
        return True

    def sink(self) -> Any:
        """Where these may go unseen; None when they may not."""
        return None if self.exchange is None else self.exchange.request_sink(self._decoder.left)

    def passed(self, size: int) -> None:
        """So many of them did."""
        self.received += size
        if self.exchange is not None:
            self.exchange.request_passed(size)
        messages = self._decoder.skip(size) if size else ()
        if messages:
            self._advance(messages)

    def rest(self) -> bytes:
        """Give up what came behind the request: it is of another protocol."""
        kept, self._decoder.kept = self._decoder.kept, b""
        return kept

    def fail(self, error: BalancerError) -> None:
        """End the exchange under way, if any."""
        if self.exchange is not None:
            self.exchange.fail(error)

    def lost(self) -> None:
        """The connection is closed, which ends the exchange under way, if any. All that leads back here is let go."""
        self.over = True
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.fail(DownstreamGone("the client left before it had its answer"))
        del self._line
        if self._journal is not None:
            del self._journal, self._make

    def _advance(self, messages: Sequence[Message]) -> None:
        """Take request after request as long as `next` is called at once; a loop, so that no client can nest it."""
        self._advancing = True
        try:
            while messages and not self.over:
                self._again = False
                self.request_complete = type(messages[-1]) is End
                head = messages[0]
                if type(head) is RequestHead:
                    self._begin(head, messages[1:])
                elif self.exchange is not None:
                    self.exchange.request(messages)
                messages = self._next() if self._again and not self.over else ()
        finally:
            self._advancing = False

    def _next(self) -> Sequence[Message]:
        try:
            messages = self._decoder.next()
        except RequestRefused as error:
            self._refused(error)
            return ()
        if not messages and self._journal is not None:
            self._head_begins(self._journal)
        return messages

    def _refused(self, error: RequestRefused) -> None:
        self.request_complete = False
        if self.exchange is not None:
            self.exchange.fail(error)
        else:
            self.refuse(error)

    def _head_begins(self, journal: Journal) -> None:
        """There is no message in what came; the first bytes of a head may be."""
        if self.exchange is None and not self._decoder.idle:
            journal.begins(self._site.seconds())

    def _begin(self, head: RequestHead, rest: Sequence[Message]) -> None:
        site, line, arrived = self._site, self._line, self._arrival
        line.begin(head)
        answer: Reply | BalancerError | None = None
        if head.method in AT_THE_LAST_HOP and not may_travel(head):
            answer = AT_THE_LAST_HOP[head.method]
        head = self._forwarder.forward(head)
        session = Session(_HTTP, self._forwarder.client, site.seconds(), head)
        if arrived is not None:
            arrived.tell(session)
            answer = arrived.misdirected(head, site.other_hosts) or answer
        self.exchange = exchange = self._make(site, session, head, line)
        if self._slow:
            exchange.pressure(Side.DOWNSTREAM, high=True)
        exchange.start(rest, answer)

    def refuse(self, error: BalancerError) -> None:
        """Answer, in place of a request that never became whole."""
        self._line.begin(None)
        self._site.failed(error, self._client[0])
        self._line.refuse(error)
        if self._journal is not None:
            self._journal.refused(error, self._client, self._site.seconds(), received=self.received)
        self._line.exchange_done(request_complete=self.request_complete)

    def pressure(self, *, high: bool) -> None:
        """The client does not read fast enough, or does again: said once, it holds for the exchanges that follow."""
        self._slow = high
        if self.exchange is not None:
            self.exchange.pressure(Side.DOWNSTREAM, high=high)
