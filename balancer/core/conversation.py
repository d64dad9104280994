"""One client's requests, one exchange after another: reads them in turn, routes each, and lets none overtake.

What follows a request waits, unread, until its answer is out. Refuses to know how the connection is kept or closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import attrs

from balancer.core.deadlines import Deadlines
from balancer.core.exchange import Downstream, Exchange, Upstreams
from balancer.core.faults import Faults, Tally
from balancer.core.filters import FilterFailed, filter_request
from balancer.core.headers import for_upstream, may_travel
from balancer.core.http1 import Limits, RequestDecoder
from balancer.core.messages import End, Message, RequestHead
from balancer.core.proxy_protocol import NOTHING_TOLD, ProxyHeader
from balancer.core.routes import Routes
from balancer.core.session import Session
from balancer.core.silence import Patience, Silence
from balancer.errors import BalancerError, ConnectFailed, DownstreamGone, RequestRefused, Side
from balancer.interfaces import Kind, Reply

AT_THE_LAST_HOP: Final = {"OPTIONS": Reply(200), "TRACE": Reply(501)}
"""What is answered here when it `may_travel` no further. No trace is given: it would echo secrets."""


class Line(Downstream, Protocol):
    """The client's side of all the exchanges of one connection."""

    def begin(self, request: RequestHead | None) -> None:
        """The next answer is to this request, or to one that could not be read."""


@attrs.frozen(eq=False)
class Destination:
    """Where a route leads: connections to the backends of its pool, and how long silence is borne."""

    upstreams: Upstreams
    patience: Patience


@attrs.frozen(eq=False)
class Site:
    """What the conversations of one listener share; `seconds` tells the time.

    `faults` counts those of filters, and `refusals` every request without a whole answer, by kind; `told` hears of
    these the 1st, 2nd, 4th, 8th time and so on: what was answered, why, and to whom, and never what a field held.
    """

    routes: Routes[Destination]
    deadlines: Deadlines
    seconds: Callable[[], float]
    limits: Limits = attrs.Factory(Limits)
    scheme: str = "http"
    told: Callable[[str], object] = lambda _line: None
    faults: Faults = attrs.field(
        init=False, default=attrs.Factory(lambda site: Faults(site.routes.report), takes_self=True)
    )
    refusals: Tally = attrs.field(init=False, default=attrs.Factory(lambda site: Tally(site.told), takes_self=True))

    def ended(self, exchange: Exchange, error: BalancerError | None) -> None:
        """An exchange is over."""
        if error is not None:
            self.failed(error, exchange.session.client[0], exchange)

    def failed(self, error: BalancerError, client: str, exchange: Exchange | None = None) -> None:
        """A request of that client was refused, or its exchange failed. One whose client left is no news."""
        if isinstance(error, FilterFailed):
            self.faults.note(error.named, error.__cause__ or error)
        if not isinstance(error, DownstreamGone):
            kind = f"{error.status} {error.reason}: {_place(error, exchange)}"
            self.refusals.note(kind, f"{kind}{error}, client {client or 'of a unix socket'}")


def _place(error: BalancerError, exchange: Exchange | None) -> str:
    """The pool and the backend that an error is about, as far as its own message does not name them."""
    if exchange is None or error.side is not Side.UPSTREAM:
        return ""
    pool = f"pool {exchange.upstreams.name!r}: "
    if exchange.lease is None or isinstance(error, ConnectFailed):
        return pool
    return f"{pool}backend {exchange.lease.backend.name!r}: "


class Conversation:
    """The requests of one connection.

    `exchange` is the one under way, `request_complete` tells whether all of its request has been read, and `over`, set
    from outside, that no further one may begin. `header` is the PROXY header that opened the connection.
    """

    def __init__(self, site: Site, line: Line, client: tuple[str, int], *, header: ProxyHeader = NOTHING_TOLD) -> None:
        self.over = False
        self._header, self._server_name, self._alpn = header, header.server_name, header.alpn
        self._site, self._line, self._client = site, line, client
        self._decoder = RequestDecoder(site.limits)
        self.exchange: Exchange | None = None
        self.request_complete = False
        self._advancing = self._again = self._slow = False

    @property
    def persistent(self) -> bool:
        """Whether, by what the client sent, another request may follow this answer (RFC 9112 9.3)."""
        return self.request_complete and self._decoder.persistent

    @property
    def waiting(self) -> int:
        """Bytes of the next request that wait for their turn, or of a head that is not complete."""
        return self._decoder.buffered if self.request_complete or self.exchange is None else 0

    @property
    def unread(self) -> bool:
        """Whether the client has sent, or owes us, more of a request than was read."""
        return bool(self._decoder.buffered) or not (self.request_complete or self._decoder.idle)

    @property
    def idle(self) -> bool:
        """Whether this is between requests and nothing of the next has come."""
        return self.exchange is None and self._decoder.idle

    def receive(self, data: bytes) -> None:
        """Bytes from the client."""
        self._advance(self._decoded(lambda: self._decoder.receive(data)))

    def next(self) -> None:
        """The answer, ours or a backend's, is out, and the client takes more: only now begin what is already here."""
        self.exchange = None
        if self._advancing:
            self._again = True
        else:
            self._advance(self._decoded(self._decoder.next))

    def fail(self, error: BalancerError) -> None:
        """End the exchange under way, if any."""
        if self.exchange is not None:
            self.exchange.fail(error)

    def _advance(self, messages: list[Message]) -> None:
        """Take request after request as long as `next` is called at once; a loop, so that no client can nest it."""
        self._advancing = True
        try:
            while messages and not self.over:
                self._again = False
                self._take(messages)
                messages = self._decoded(self._decoder.next) if self._again and not self.over else []
        finally:
            self._advancing = False

    def _take(self, messages: list[Message]) -> None:
        self.request_complete = isinstance(messages[-1], End)
        if isinstance(messages[0], RequestHead):
            self._begin(messages[0], messages[1:])
        elif self.exchange is not None:
            self.exchange.request(messages)

    def _decoded(self, step: Callable[[], list[Message]]) -> list[Message]:
        try:
            return step()
        except RequestRefused as error:
            self.request_complete = False
            if self.exchange is not None:
                self.exchange.fail(error)
            else:
                self.refuse(error)
            return []

    def _begin(self, head: RequestHead, rest: list[Message]) -> None:
        self._line.begin(head)
        if not may_travel(head):
            self._settle(AT_THE_LAST_HOP[head.method])
            return
        outgoing = for_upstream(head, client=self._client[0], scheme=self._site.scheme)
        session = Session(
            Kind.HTTP,
            self._client,
            self._site.seconds(),
            request=outgoing,
            server_name=self._server_name,
            alpn=self._alpn,
            proxy=self._header,
        )
        try:
            route = self._site.routes.choose(session)
            answer = filter_request(route.filters, outgoing, session)
        except BalancerError as error:
            self._settle(error)
            return
        if isinstance(answer, Reply):
            self._settle(answer)
            return
        session.request = answer
        self.exchange = Exchange(
            session,
            answer,
            downstream=self._line,
            upstreams=route.target.upstreams,
            silence=lambda fail: Silence(self._site.deadlines, route.target.patience, fail),
            filters=route.filters,
            done=self._site.ended,
        )
        if self._slow:
            self.exchange.pressure(Side.DOWNSTREAM, high=True)
        self.exchange.start(rest)

    def _settle(self, answer: Reply | BalancerError) -> None:
        """An answer without an exchange."""
        if isinstance(answer, Reply):
            self._line.reply(answer)
        else:
            self._site.failed(answer, self._client[0])
            self._line.refuse(answer)
        self._line.exchange_done(request_complete=self.request_complete)

    def refuse(self, error: BalancerError) -> None:
        """Answer, in place of a request that never became whole."""
        self._line.begin(None)
        self._settle(error)

    def pressure(self, *, high: bool) -> None:
        """The client does not read fast enough, or does again: said once, it holds for the exchanges that follow."""
        self._slow = high
        if self.exchange is not None:
            self.exchange.pressure(Side.DOWNSTREAM, high=high)
