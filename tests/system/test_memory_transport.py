"""The transports in memory against Twisted's own on loopback: the same calls tell the protocols the same."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.testing import Paired

Script = list[tuple[str, str, *tuple[Any, ...]]]
"""Calls in order: (which end, which method, with what)."""

TURNS = 20
"""Turns of a reactor in which loopback surely carries what was sent."""

BULK = b"x" * 100_000

SCRIPTS: dict[str, Script] = {
    "talk": [("client", "write", b"a"), ("server", "writeSequence", [b"b", b"c"])],
    "close": [("client", "write", b"bye"), ("client", "loseConnection"), ("client", "write", b"late")],
    "close by the server": [("server", "write", b"bye"), ("server", "loseConnection")],
    "close twice": [("client", "loseConnection"), ("client", "loseConnection")],
    "half-close": [("client", "write", b"q"), ("client", "loseWriteConnection"), ("client", "write", b"late")],
    "half-close, answer": [
        ("client", "loseWriteConnection"),
        ("server", "write", b"answer"),
        ("server", "loseConnection"),
        ("client", "loseConnection"),
    ],
    "half-close after all": [
        ("client", "write", b"a"),
        ("client", "loseWriteConnection"),
        ("server", "write", b"b"),
        ("client", "loseConnection"),
        ("server", "loseConnection"),
    ],
    "half-close, then read on": [("client", "loseWriteConnection"), ("server", "resumeProducing")],
    "abort": [("client", "write", b"a"), ("client", "abortConnection"), ("client", "abortConnection")],
    "abort after a half-close": [("client", "loseWriteConnection"), ("client", "abortConnection")],
    "abort unseen": [("server", "pauseProducing"), ("client", "abortConnection")],
    "abort seen late": [
        ("server", "pauseProducing"),
        ("client", "abortConnection"),
        ("server", "resumeProducing"),
    ],
    "writing to the closed": [
        ("client", "loseConnection"),
        ("server", "write", b"anyone there?"),
        ("server", "write", b"no?"),
    ],
    "paused and resumed": [
        ("server", "pauseProducing"),
        ("client", "write", b"a"),
        ("client", "loseConnection"),
        ("server", "resumeProducing"),
    ],
    "calls on the closed": [
        ("client", "abortConnection"),
        ("client", "pauseProducing"),
        ("client", "resumeProducing"),
        ("client", "write", b"a"),
        ("client", "produce", True),
        ("client", "unregisterProducer"),
        ("client", "stopProducing"),
        ("server", "abortConnection"),
    ],
    "a producer": [("client", "produce", True), ("client", "write", BULK), ("client", "unregisterProducer")],
    "a producer that pulls": [("client", "produce", False), ("client", "write", b"a")],
    "close under a producer": [("client", "produce", True), ("client", "write", BULK), ("client", "loseConnection")],
    "half-close under a producer": [("client", "produce", True), ("client", "loseWriteConnection")],
    "abort under a producer": [("client", "produce", True), ("client", "abortConnection")],
}


@implementer(IPushProducer)
class Talker(Protocol):
    """Notes everything it is told, as a protocol and as a producer."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.heard = b""

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.told.append(type(reason.value).__name__)

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")

    def do(self, method: str, *arguments: Any) -> None:
        """Call the transport."""
        transport: Any = self.transport
        if method == "produce":
            transport.registerProducer(self, *arguments)
        else:
            getattr(transport, method)(*arguments)


@implementer(IHalfCloseableProtocol)
class HalfCloseableTalker(Talker):
    """Is told of each direction apart."""

    def readConnectionLost(self) -> None:
        self.told.append("read lost")

    def writeConnectionLost(self) -> None:
        self.told.append("write lost")


def in_memory(kind: type[Talker], script: Script) -> list[tuple[list[str], bytes]]:
    """Play the script on a connection in memory."""
    ends = {"client": kind(), "server": kind()}
    pair = Paired(ends["client"], ends["server"])
    for end, method, *arguments in script:
        ends[end].do(method, *arguments)
        pair.pump()
    return [(one.told, one.heard) for one in ends.values()]


async def on_loopback(reactor: Any, kind: type[Talker], script: Script) -> list[tuple[list[str], bytes]]:
    """Play the script on a real connection."""
    ends = {"client": kind(), "server": kind()}
    factory = Factory.forProtocol(lambda: ends["server"])
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port), ends["client"])
    await turns(reactor)
    try:
        for end, method, *arguments in script:
            ends[end].do(method, *arguments)
            await turns(reactor)
        return [(list(one.told), one.heard) for one in ends.values()]
    finally:
        for one in ends.values():
            one.do("abortConnection")
        await port.stopListening()


async def turns(reactor: Any) -> None:
    """Let the reactor run for a while."""
    for _ in range(TURNS):
        turned: Deferred[None] = Deferred()
        reactor.callLater(0, turned.callback, None)
        await turned


@pytest.mark.parametrize("kind", [Talker, HalfCloseableTalker])
@pytest.mark.parametrize("name", SCRIPTS)
async def test_memory_is_faithful(reactor: Any, name: str, kind: type[Talker]) -> None:
    """On the same calls, protocols in memory are told the same, in the same order, as on real sockets."""
    assert in_memory(kind, SCRIPTS[name]) == await on_loopback(reactor, kind, SCRIPTS[name])


async def test_half_closing_a_closed_end(reactor: Any) -> None:
    """A half-close of what is closed already raises, in memory as on a real socket."""
    script: Script = [("client", "abortConnection"), ("client", "loseWriteConnection")]
    with pytest.raises(ValueError, match="descriptor"):
        in_memory(Talker, script)
    with pytest.raises(ValueError, match="descriptor"):
        await on_loopback(reactor, Talker, script)
