"""One HTTP request over a connection of its own, and its answer within bounds; refuses to judge it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from balancer.core.http1 import RequestEncoder, ResponseDecoder
from balancer.core.messages import END, End, Message, RequestHead, ResponseHead
from balancer.errors import BalancerError, CheckFailed


class Asking(Protocol):
    """Sends one request; fires `answer` with the status and as many bytes of the body as are wanted, if there are."""

    transport: ITransport

    def __init__(self, request: RequestHead, *, wanted: int, body: bytes = b"") -> None:
        self.answer: Deferred[tuple[int, bytes]] = Deferred()
        self._request, self._wanted, self._content = request, wanted, body
        self._decoder = ResponseDecoder()
        self._status, self._body, self._ended = 0, bytearray(), False

    def connectionMade(self) -> None:
        self._decoder.expect(self._request.method)
        self.transport.write(_written(self._request, self._content))

    def dataReceived(self, data: bytes) -> None:
        self._take(lambda: self._decoder.receive(data))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if reason.check(ConnectionDone):
            self._take(self._decoder.finish)
        elif not self.answer.called:
            self.answer.errback(CheckFailed(f"connection lost: {reason.getErrorMessage()}"))

    def _take(self, read: Callable[[], list[Message]]) -> None:
        if self.answer.called:
            return
        try:
            for message in read():
                self._note(message)
        except BalancerError as error:
            self.answer.errback(CheckFailed(f"no answer to be had: {error}"))
            return
        if self._ended or (self._status and len(self._body) >= self._wanted):
            self.answer.callback((self._status, bytes(self._body[: self._wanted])))

    def _note(self, message: Message) -> None:
        if isinstance(message, ResponseHead) and not message.interim:
            self._status = message.status
        elif isinstance(message, bytes):
            self._body += message
        elif isinstance(message, End):
            self._ended = True


def _written(request: RequestHead, body: bytes) -> bytes:
    """The whole of a request. The encoder speaks 1.1; what has no chunks is 1.0 as soon as its first line says so."""
    encoder = RequestEncoder()
    head = encoder.head(request)
    if request.version == "1.0":
        head = head.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
    return head + (encoder.data(body) if body else b"") + encoder.end(END)
