"""Faulty health checks whose fault shows only with a backend that is well, or that makes them wait."""

from __future__ import annotations

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


WELL = [
    Faulty(RemembersGreeting, "flapping", {"healthy": GREETING + b"\n"}),
    Faulty(OneAtATime, "side_by_side"),
]
