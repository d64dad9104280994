"""What a health check says over one connection and hears in answer, within bounds; refuses to know any protocol.

A coroutine reads on in the form that it wants next: so many bytes, a line, up to a pattern. What comes instead is told
in one line, also when the check's time is up.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget

MOST: Final = 65536
"""Bytes that a backend may say in one check."""

LINE: Final = 1024
"""The most bytes of one line."""

_SHOWN: Final = 120


@asynccontextmanager
async def dialogue(target: ICheckTarget, *, most: int = MOST) -> AsyncIterator[Dialogue]:
    """Connect to the backend; when all is said, or the check has failed, say good-bye and close."""
    talk = Dialogue(most)
    await target.connect(Factory.forProtocol(lambda: talk))
    try:
        yield talk
    finally:
        talk.leave()


class Dialogue(Protocol):
    """One connection. Each read raises `CheckFailed` with what came instead of `what` it waits for.

    `goodbye` is said before it is closed: a check sets it when its protocol has come so far.
    """

    transport: ITCPTransport

    def __init__(self, most: int) -> None:
        self.goodbye = b""
        self._left, self._heard = most, bytearray()
        self._over = ""
        self._more: Deferred[None] | None = None

    def say(self, data: bytes) -> None:
        """Send this."""
        self.transport.write(data)

    def leave(self) -> None:
        """Say good-bye, and close."""
        if self.goodbye and not self._over:
            self.say(self.goodbye)
        self.transport.loseConnection()

    async def exactly(self, count: int, what: str) -> bytes:
        """The next so many bytes."""
        return await self.take(lambda heard: count if len(heard) >= count else None, what)

    async def line(self, what: str, *, most: int = LINE) -> bytes:
        """The next line, without its end."""
        return (await self.until(re.compile(rb"\n"), what, within=most)).rstrip(b"\r\n")

    async def until(self, pattern: re.Pattern[bytes], what: str, *, within: int) -> bytes:
        """All up to the end of what matches a pattern, which must be among the next so many bytes."""

        def found(heard: bytearray) -> int | None:
            match = pattern.search(heard, 0, within)
            if match is None and len(heard) >= within:
                raise self._missing(what, f" within {within} bytes")
            return None if match is None else match.end()

        return await self.take(found, what)

    async def take(self, measure: Callable[[bytearray], int | None], what: str) -> bytes:
        """As many bytes as `measure` says, once it finds enough among those that have come."""
        count = measure(self._heard)
        while count is None:
            if self._over:
                raise self._missing(what, self._over)
            self._more = Deferred(lambda more: more.errback(self._missing(what, " so far")))
            try:
                await self._more
            finally:
                self._more = None
            count = measure(self._heard)
        taken = bytes(self._heard[:count])
        del self._heard[:count]
        return taken

    def dataReceived(self, data: bytes) -> None:
        """The backend says something; one that says too much is cut."""
        if self._over:
            return
        self._heard += data[: self._left]
        self._left -= len(data)
        if self._left < 0:
            self._over = ", then more than a check hears"
            self.transport.abortConnection()
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It has ended."""
        if not self._over:
            self._over = ", then the end" if reason.check(ConnectionDone) else f", then: {reason.getErrorMessage()}"
            self._wake()

    def _wake(self) -> None:
        if self._more is not None:
            self._more.callback(None)

    def _missing(self, what: str, where: str) -> CheckFailed:
        return CheckFailed(f"expected {what}, got {shown(self._heard)}{where}")


def shown(data: bytes | bytearray) -> str:
    """Bytes of a stranger's, for evidence: the first of them, as a text in quotes."""
    return (repr(bytes(data[:_SHOWN]))[1:] if data else "nothing") + ("..." if len(data) > _SHOWN else "")
