"""Faulty health checks whose fault shows only with a backend that is well, with a hostile one, or after many checks."""

from __future__ import annotations

import json
import os
import time
from importlib import import_module
from typing import Any

from twisted.internet.defer import DeferredLock

from balancer.errors import CheckFailed
from balancer.interfaces import Kind
from tests.testing.faulty.checks import FirstLine, first_line
from tests.testing.faulty.listing import Faulty

GREETING = b"\x01\x02\x03 ready"
"""What no one would guess."""


class RemembersGreeting:
    """Asks until a backend has said once, in a protocol of its own, that it is well."""

    protocols = frozenset({Kind.TCP})

    def __init__(self) -> None:
        self.well = False

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        try:
            if await first_line(target, FirstLine()) != GREETING:
                raise CheckFailed("it is not ready")
            self.well = True
        except CheckFailed:
            if not self.well:
                raise


class OneAtATime:
    """Looks at one backend after the other: while the first is silent, nobody knows of the second."""

    protocols = frozenset({Kind.TCP})

    def __init__(self) -> None:
        self.lock = DeferredLock()

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        await self.lock.acquire()
        try:
            if await first_line(target, FirstLine()) != b"PONG":
                raise CheckFailed("expected PONG")
        finally:
            self.lock.release()


class Digits:
    """Makes a number of what are digits, and of more than 4300 Python makes none."""

    protocols = frozenset({Kind.TCP})

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        line = await first_line(target, FirstLine())
        if not line.isdigit() or int(line) > 100:
            raise CheckFailed("expected a number up to 100")


class Nested:
    """Reads JSON and minds what is none, but not what is too deep."""

    protocols = frozenset({Kind.TCP})

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        line = await first_line(target, FirstLine())
        try:
            json.loads(line)
        except ValueError as error:
            raise CheckFailed("expected JSON") from error


class SleepsBetween:
    """Waits before it tries again, and all others with it."""

    protocols = frozenset({Kind.TCP})

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        try:
            await first_line(target, FirstLine())
        except CheckFailed:
            time.sleep(0.001)  # noqa: TID251, ASYNC251  this is the fault
            await first_line(target, FirstLine())


class OpensALog:
    """Opens a file for each check, and closes none."""

    protocols = frozenset({Kind.TCP})

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        os.open(os.devnull, os.O_RDONLY)
        await first_line(target, FirstLine())


class OtherClock:
    """Sets its time-out on the reactor of the process, whatever clock it is given."""

    protocols = frozenset({Kind.TCP})

    async def check(self, target: Any) -> None:
        """See `IHealthCheck`."""
        reactor: Any = import_module("twisted.internet.reactor")
        protocol = FirstLine()
        reactor.callLater(30, protocol.give_up)
        await first_line(target, protocol)


WELL = [
    Faulty(RemembersGreeting, "flapping", {"healthy": GREETING + b"\n"}),
    Faulty(OneAtATime, "side_by_side"),
    Faulty(SleepsBetween, "blocking"),
    Faulty(OpensALog, "cancelled"),
]
