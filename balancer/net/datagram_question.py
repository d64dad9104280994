"""One datagram to a backend and the one that answers it; refuses to know what they say."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused

from balancer.core.backend import Backend
from balancer.net.datagram_socket import FlowSocket


def ask(reactor: Any, backend: Backend, data: bytes, *, port: int | None = None) -> Deferred[bytes]:
    """Fires with the first datagram that comes back from where this one went: the backend, or that `port` of it.

    Cancelled, it leaves nothing open. Fails with `ConnectionRefusedError` when nobody listens there. Raises `OSError`
    when it cannot be sent.
    """
    place = backend.place
    if not isinstance(place, tuple):
        raise OSError("its name is unknown" if place is None else "a unix socket takes no datagrams")
    question = _Question()
    socket = FlowSocket(reactor, question, (place[0], port or place[1]), backend.source)
    answered = question.answer.addBoth(_closed, socket)
    try:
        socket.send(data)
    except OSError:
        socket.close()
        raise
    return answered


def _closed(result: Any, socket: FlowSocket) -> Any:
    socket.close()
    return result


class _Question:
    """Who waits for the answer: `net.datagram_socket.Asking`."""

    def __init__(self) -> None:
        self.answer: Deferred[bytes] = Deferred()

    def replied(self, data: bytes) -> None:
        """A datagram from there."""
        self.answer.callback(data)

    def refused(self) -> None:
        """The system says that nobody is there."""
        self.answer.errback(Refused())
