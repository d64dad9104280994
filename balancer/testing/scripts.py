"""What a backend says that is well: something at once, an answer to each question, or as a protocol has it.

Refuses to know who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol, connectionDone

Script = Callable[[], IProtocol]
"""Makes the backend's side of a connection."""


class Saying(Protocol):
    """Says one thing at once, and then one of the others whenever it hears something, as long as there are any."""

    transport: Any

    def __init__(self, at_once: bytes, answers: Sequence[bytes]) -> None:
        self._at_once, self._answers = at_once, iter(answers)

    def connectionMade(self) -> None:
        """Greet."""
        self.transport.write(self._at_once)

    def dataReceived(self, data: bytes) -> None:
        """Answer."""
        self.transport.write(next(self._answers, b""))


def script_of(healthy: Any) -> Script:
    """`healthy` as in `conformance`: bytes, a list of them, or what makes a protocol already."""
    if isinstance(healthy, bytes):
        return partial(Saying, healthy, ())
    if callable(healthy):
        made: Script = healthy
        return made
    return partial(Saying, b"", tuple(healthy))


class _Noting:
    """A transport that notes what is written."""

    disconnecting = False

    def __init__(self) -> None:
        self.said: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Note it."""
        self.said.append(data)

    def loseConnection(self) -> None:
        """There is none."""


def answer_of(script: Script, question: bytes) -> bytes:
    """What is answered where there is no connection: to a datagram, or by a program, which is asked nothing."""
    protocol, transport = script(), _Noting()
    protocol.makeConnection(transport)  # type: ignore[arg-type]  # as far as it is used
    if question:
        protocol.dataReceived(question)
    protocol.connectionLost(connectionDone)
    return b"".join(transport.said)
