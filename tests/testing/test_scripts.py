"""What backends say that are well: told to whoever connects, sends a datagram or runs a program."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol

from balancer.testing import MemoryTarget
from balancer.testing.scripts import answer_of, script_of


class Once(Protocol):
    """Says one thing and hangs up."""

    transport: Any

    def connectionMade(self) -> None:
        """Say it."""
        self.transport.write(b"bye")
        self.transport.loseConnection()


def test_answers_one_by_one() -> None:
    """Each question has the next answer, and none when there are no more."""
    target = MemoryTarget(script=script_of([b"one", b"two"]))
    heard = list[bytes]()

    class Asking(Protocol):
        transport: Any

        def dataReceived(self, data: bytes) -> None:
            heard.append(data)
            self.transport.write(b"?")

    class Factory:
        noisy = False

        def doStart(self) -> None: ...

        def doStop(self) -> None: ...

        def buildProtocol(self, addr: Any) -> Any:
            return Asking()

    target.connect(Factory())
    target.network.pump()
    target.say(b"zero")
    target.network.pump()
    assert heard == [b"zero", b"one", b"two"]


def test_without_a_connection() -> None:
    """What is said at once, and in answer to a question, is all there is."""
    assert answer_of(script_of(b"well"), b"?") == b"well"
    assert answer_of(script_of([b"one", b"two"]), b"?") == b"one"
    assert answer_of(script_of([b"one"]), b"") == b""
    assert answer_of(script_of(Once), b"") == b"bye"


def test_a_silent_backend_answers_when_it_is_reached() -> None:
    """A datagram to one that is silent waits, and one that is no longer waited for is left alone."""
    target = MemoryTarget(silent=True, script=script_of(b"well"))
    came = list[Any]()
    waiting: Deferred[Any] = target.datagram(b"?")
    given_up: Deferred[Any] = target.datagram(b"?")
    waiting.addCallback(came.append)
    given_up.addErrback(lambda _failure: None)
    given_up.cancel()
    assert came == []
    target.reach()
    assert came == [b"well"]
