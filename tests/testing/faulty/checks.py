"""Faulty health checks: they do not end, leave something behind, or call well what is not."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from balancer.errors import CheckFailed
from balancer.interfaces import Kind, Report
from tests.testing.faulty.listing import Faulty

STREAMS = frozenset({Kind.TCP, Kind.HTTP})


class FirstLine(Protocol):
    """Asks, and waits for a line of at most 512 bytes, or the end."""

    transport: Any
    most = 512

    def __init__(self) -> None:
        self.line: Deferred[bytes] = Deferred()
        self.data = b""

    def connectionMade(self) -> None:
        """Ask."""
        self.transport.write(b"PING\r\n")

    def dataReceived(self, data: bytes) -> None:
        """Take what has come."""
        self.data += data
        if self.line.called:
            return
        if b"\n" in self.data:
            self.line.callback(self.data.partition(b"\n")[0].strip())
        elif len(self.data) > self.most:
            self.line.errback(CheckFailed("the line has no end"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take note of the end."""
        self.give_up()

    def give_up(self) -> None:
        """No line will come."""
        if not self.line.called:
            self.line.errback(CheckFailed("there was no line"))


async def first_line(target: Any, protocol: FirstLine) -> bytes:
    """What the backend answers."""
    await target.connect(Factory.forProtocol(lambda: protocol))
    try:
        return await protocol.line
    finally:
        protocol.transport.loseConnection()


class GoesOnWhenCancelled:
    """Takes its cancellation for one more failure, and tries again for ever."""

    protocols = STREAMS

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        while True:
            with suppress(CheckFailed, CancelledError):
                await first_line(target, FirstLine())
                return
            pause: Deferred[None] = Deferred()
            target.clock.callLater(1, pause.callback, None)
            with suppress(CancelledError):
                await pause


class LeavesATimer:
    """Sets a time-out of its own, and does not take it back."""

    protocols = STREAMS

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        protocol = FirstLine()
        target.clock.callLater(30, protocol.give_up)
        await first_line(target, protocol)


class ReadsText:
    """Expects a number, and raises what no operator can read when something else comes."""

    protocols = STREAMS

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        line = await first_line(target, FirstLine())
        if int(line) > 100:
            raise CheckFailed(f"load is {line!r}")


class ContentWithAnything:
    """Takes everything for health, a refused connection too."""

    protocols = STREAMS

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        with suppress(CheckFailed):
            await first_line(target, FirstLine())


class AnswersFalse:
    """Answers False for a backend that is not well, where it should raise."""

    protocols = STREAMS

    async def check(self, target: Any) -> bool:
        """See `IHealthCheck`."""
        try:
            return await first_line(target, FirstLine()) == b"PONG"
        except CheckFailed:
            return False


class RemembersSuccess:
    """Calls well for ever what was well once."""

    protocols = STREAMS

    def __init__(self) -> None:
        self.well = set[str]()

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        if target.backend.name not in self.well:
            await first_line(target, FirstLine())
            self.well.add(target.backend.name)


class _Gathering(FirstLine):
    most = 1 << 40


class ReadsWithoutEnd:
    """Gathers all that comes while it waits for the end of a line."""

    protocols = STREAMS

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        await first_line(target, _Gathering())


class AnswersAtOnce:
    """Is no coroutine: it answers before it can know."""

    protocols = STREAMS

    def check(self, target: Any) -> None:
        """See `IHealthCheck`."""


class OneForAll:
    """Keeps the connection on the check itself, which examines many backends at the same time."""

    protocols = STREAMS

    def __init__(self) -> None:
        self.protocol = FirstLine()

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        self.protocol = FirstLine()
        await target.connect(Factory.forProtocol(lambda: self.protocol))
        await self.protocol.line


class WaitsForItself:
    """Waits for something that never comes, and cannot be cancelled."""

    protocols = STREAMS

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        with suppress(CancelledError):
            await first_line(target, FirstLine())
        with suppress(CancelledError):
            await Deferred[None]()
        await Deferred[None]()


class _FirstPiece(FirstLine):
    def dataReceived(self, data: bytes) -> None:
        """Take the first piece for all there is."""
        if not self.line.called:
            self.line.callback(data)


class TakesAPieceForAll:
    """Looks at the first piece that comes, as if it could not be cut."""

    protocols = STREAMS

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        if await first_line(target, _FirstPiece()) != b"PONG\r\n":
            raise CheckFailed("expected PONG")


class ShowsControls:
    """Shows the line as it came, with what makes a terminal do as a backend wants."""

    protocols = STREAMS

    async def check(self, target: Any) -> Report:
        """See `IHealthCheck`."""
        return Report(detail=(await first_line(target, FirstLine()))[:80].decode(errors="replace"))


class ShowsAll:
    """Gives all that it has read for evidence."""

    protocols = STREAMS

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        protocol = FirstLine()
        if await first_line(target, protocol) != b"PONG":
            raise CheckFailed(f"expected PONG, got {protocol.data.decode(errors='replace')}")


class SleepsFirst:
    """Gives the backend a moment, in which nobody else is served."""

    protocols = STREAMS

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        time.sleep(0.001)  # noqa: TID251, ASYNC251  this is the fault
        await first_line(target, FirstLine())


class LooksTheNameUp:
    """Asks for the address of the backend itself, and has everybody wait for the answer."""

    protocols = STREAMS

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        socket.getaddrinfo("127.0.0.1", 80)
        await first_line(target, FirstLine())


CHECKS = [
    Faulty(GoesOnWhenCancelled, "cancelled"),
    Faulty(LeavesATimer, "cancelled"),
    Faulty(WaitsForItself, "cancelled"),
    Faulty(ReadsText, "garbage"),
    Faulty(ReadsWithoutEnd, "garbage"),
    Faulty(ContentWithAnything, "refused"),
    Faulty(AnswersFalse, "refused"),
    Faulty(RemembersSuccess, "flapping"),
    Faulty(OneForAll, "side_by_side"),
    Faulty(AnswersAtOnce, "shape"),
    Faulty(TakesAPieceForAll, "splits"),
    Faulty(ShowsAll, "evidence"),
    Faulty(ShowsControls, "evidence"),
    Faulty(SleepsFirst, "blocking"),
    Faulty(LooksTheNameUp, "blocking"),
]
