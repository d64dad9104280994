"""The client's side of an exchange over HTTP/1.1: encodes answers, ours too, and writes each batch in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from balancer.core.dates import Dates, undated
from balancer.core.error_pages import error_page, kind_for
from balancer.core.exchange_ports import Ended, Upstream
from balancer.core.http1 import ResponseEncoder
from balancer.core.messages import END, End, Message, RequestHead, ResponseHead, checked_field
from balancer.core.phrases import PHRASES
from balancer.errors import BalancerError, DownstreamGone, Side, TLSToPlainPort
from balancer.interfaces import Reply
from balancer.net.peers import write_pieces

REASON: Final = "x-balancer-reason"
"""The field that says why a request failed, where a listener is to say so."""

UNANSWERED: Final = (DownstreamGone, TLSToPlainPort)
"""Failures of clients that would not hear, or not understand, an answer."""


class Connection(Protocol):
    """The connection that answers go out on."""

    @property
    def last(self) -> bool:
        """Whether it must close after the answer under way."""

    @property
    def congested(self) -> bool:
        """Whether bytes of a request wait, unseen, for the backend to take them."""

    @property
    def transport(self) -> Any:
        """Where to write."""

    def took_some(self) -> bool:
        """See `net.peers.Peer`."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read on."""

    def abort(self) -> None:
        """Close at once."""

    def change(self, upstream: Upstream, ended: Ended) -> None:
        """See `core.exchange_ports.Downstream`."""

    def answered(self, *, keep: bool) -> None:
        """The answer is out: go on to the next request if `keep`, else close."""


class _Reading:
    """What is the connection's own business."""

    _connection: Connection

    def pause(self) -> None:
        """Read no more of the request for now."""
        self._connection.pause()

    def resume(self) -> None:
        """Read on."""
        self._connection.resume()

    @property
    def congested(self) -> bool:
        """See `core.exchange_ports.Downstream`."""
        return self._connection.congested

    def took_some(self) -> bool:
        """See `core.exchange_ports.Downstream`."""
        return self._connection.took_some()

    def change(self, upstream: Upstream, ended: Ended) -> None:
        """See `core.exchange_ports.Downstream`."""
        self._connection.change(upstream, ended)


class Answers(_Reading):
    """All the answers of one connection: `core.conversation.Line`.

    With `reasons`, answers that tell of a failure say which it is in a field as well. `request` is what the client
    asked, as it came, if that could be read; `sent` counts bytes.
    """

    def __init__(self, connection: Connection, dates: Dates | None = None, *, reasons: bool = False) -> None:
        self._connection, self._dates, self._reasons = connection, dates, reasons
        self.request: RequestHead | None = None
        self.sent = 0
        self._encoder = ResponseEncoder(None)
        self._fatal = False

    @property
    def stays(self) -> bool:
        """Whether the client was told so."""
        return self._encoder.persistent

    def begin(self, request: RequestHead | None) -> None:
        """The next answer is to this request, or to one that could not be read."""
        self.request = request
        self._encoder.begin(request)
        self._fatal = False

    def send(self, messages: Sequence[Message]) -> None:
        """Encode and write; see `core.http1.ResponseEncoder` for what it raises."""
        encoder = self._encoder
        close = False
        if type(messages[0]) is ResponseHead:
            close = self._fatal or self._connection.last
            whole = encoder.whole(messages, close=close)
            if whole is not None:
                self._connection.transport.write(whole)
                self.sent += len(whole)
                return
        out = []
        for message in messages:
            if type(message) is bytes:
                out.append(encoder.data(message))
            elif type(message) is ResponseHead:
                out.append(self._head(message, close=close))
            elif type(message) is End:
                out.append(encoder.end(message))
        self.sent += write_pieces(self._connection.transport, out)

    def sink(self, left: int) -> Any:
        """See `core.exchange_ports.Downstream`."""
        return self._connection.transport if self._encoder.passes(left) else None

    def skip(self, size: int) -> None:
        """See `core.exchange_ports.Downstream`."""
        self._encoder.skip(size)
        self.sent += size

    def _head(self, head: ResponseHead, *, close: bool) -> bytes:
        """The bytes of a head, dated if there is a clock (RFC 9110 6.6.1)."""
        data = self._encoder.head(head, close=close)
        if self._dates is None or not undated(head):
            return data
        return data[:-2] + self._dates.now() + b"\r\n"

    def refuse(self, error: BalancerError) -> None:
        """Tell the client the status and the reason, and nothing that is ours to know; see `UNANSWERED`."""
        if isinstance(error, UNANSWERED):
            self._encoder.break_off()
            self._connection.abort()
            return
        self._fatal = error.closes
        kind = kind_for(() if self.request is None else self.request.get_all("accept"))
        body, fields = error_page(kind, error.status, error.reason)
        self._say(error.status, body, (*fields, (REASON, error.reason)) if self._reasons else fields)

    def reply(self, reply: Reply) -> None:
        """Send a filter's own answer."""
        self._say(reply.status, reply.body, tuple(checked_field(*field) for field in reply.fields))

    def abort(self, error: BalancerError) -> None:
        """End a broken answer. What came of it from a backend that failed still goes out, and then the close.

        Unless that would look like a whole answer, or nobody is to be waited for since the failure is the client's or
        ours: then it is a cut.
        """
        if not (self._encoder.break_off() and error.side is Side.UPSTREAM):
            self._connection.abort()

    def exchange_done(self, *, request_complete: bool) -> None:
        """Nothing more is to be said about this request."""
        self._connection.answered(keep=self._encoder.persistent and request_complete)

    def _say(self, status: int, body: bytes, fields: tuple[tuple[str, str], ...]) -> None:
        """An answer of our own."""
        self.send([ResponseHead(status, PHRASES.get(status, ""), fields=fields, length=len(body)), body, END])
