"""A health check under way against a backend in memory, for the tests of all the checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget, Kind
from balancer.plugins.health import HTTPCheck

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nready"


@implementer(ICheckTarget)
@attrs.define(eq=False)
class FakeTarget:
    """A backend in memory: connects at once unless told to refuse or to hang.

    Of datagrams and programs `asked` are those that a check sent and ran, each with the Deferred of its answer.
    """

    address: str = "192.0.2.9:80"
    answer: Deferred[Any] | None = None
    kinds: Collection[Kind] = (Kind.TCP,)
    private: bool = False
    backend: Any = None
    clock: Any = attrs.Factory(Clock)
    wall: Callable[[], float] = attrs.Factory(lambda: lambda: 0.0)
    protocol: Any = None
    transport: StringTransport = attrs.Factory(StringTransport)
    asked: list[tuple[Any, Deferred[Any]]] = attrs.Factory(list)

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        if self.answer is not None:
            return self.answer
        self.protocol = factory.buildProtocol(None)  # type: ignore[arg-type]  # nowhere has no address
        self.protocol.makeConnection(self.transport)
        return succeed(self.protocol)

    def datagram(self, data: bytes) -> Deferred[bytes]:
        return self._ask(data)

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> Deferred[tuple[int, bytes]]:
        return self._ask((command, environment))

    def _ask(self, what: Any) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        self.asked.append((what, answer))
        return answer


class Examination:
    """One check under way; `outcome` is empty until it has ended."""

    def __init__(self, check: Any, target: FakeTarget | None = None) -> None:
        self.target = target or FakeTarget()
        self.outcome: list[Any] = []
        self.running: Deferred[Any] = Deferred.fromCoroutine(check.check(self.target))
        self.running.addBoth(self.outcome.append)

    @property
    def evidence(self) -> str:
        """What the check says against the backend."""
        (failure,) = self.outcome
        assert failure.check(CheckFailed), failure
        return str(failure.value)

    def says(self, *pieces: bytes) -> Examination:
        """The backend sends these."""
        for piece in pieces:
            self.target.protocol.dataReceived(piece)
        return self

    def ends(self, reason: Exception | None = None) -> Examination:
        """The connection is over."""
        self.target.protocol.connectionLost(Failure(reason or ConnectionDone()))
        return self


def answering(*pieces: bytes, **settings: Any) -> Examination:
    """A check with these settings whose backend has sent these pieces."""
    return Examination(HTTPCheck(**settings)).says(*pieces)


def status(code: int) -> bytes:
    """An answer with that status and nothing else."""
    return b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % code


def in_pieces(examined: Examination, said: bytes, cuts: list[int]) -> Examination:
    """The backend says that, cut at these places; nothing is decided before the last piece."""
    for start, stop in pairwise([0, *sorted(cut for cut in cuts if cut < len(said)), len(said)]):
        assert examined.outcome == []
        examined.says(said[start:stop])
    return examined
