"""A health check of one's own: say something, expect an answer.

Run it with `twist balancer --config examples/own_check.py`, then `nc 127.0.0.1 8081`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer import Config, Health, Pool, TCPListener
from balancer.demo import DemoBackends
from balancer.interfaces import CheckFailed, ICheckTarget, IHealthCheck, Kind
from balancer.plugins.algorithms import LeastConnections


@implementer(IHealthCheck)
@attrs.frozen
class SayCheck:
    """Healthy when the backend answers `say` with `expect`, such as a Redis that answers PING with +PONG."""

    say: bytes
    expect: bytes
    protocols: ClassVar[Collection[Kind]] = (Kind.TCP,)

    async def check(self, target: ICheckTarget) -> None:
        """The pool ends it after the time-out and closes the connection."""
        conversation = Conversation(self.say, len(self.expect))
        await target.connect(Factory.forProtocol(lambda: conversation))
        answer = await conversation.answer
        if answer != self.expect:
            raise CheckFailed(f"answered {answer!r}, expected {self.expect!r}")


class Conversation(Protocol):
    """Says one thing; `answer` fires with the first bytes that come back, `enough` of them or fewer."""

    transport: ITransport

    def __init__(self, say: bytes, enough: int) -> None:
        self.answer: Deferred[bytes] = Deferred()
        self._say, self._enough, self._received = say, enough, b""

    def connectionMade(self) -> None:
        self.transport.write(self._say)

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        if len(self._received) >= self._enough:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.answer.callback(self._received[: self._enough])


echo = Pool(
    "echo",
    backends=["127.0.0.1:9101", "127.0.0.1:9102", "127.0.0.1:9103"],
    algorithm=LeastConnections(),
    health=Health(SayCheck(b"PING\r\n", expect=b"PING\r\n"), every=1, timeout=0.5),
)

config = Config(
    TCPListener("tcp:8081:interface=127.0.0.1", pool=echo),
    companions=[DemoBackends()],
)
