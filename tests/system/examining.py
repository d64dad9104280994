"""A health check run once against a real server; knows nothing of what it checks."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from balancer.core.backend import Backend
from balancer.errors import CheckFailed
from balancer.interfaces import Report
from balancer.net.check_target import Target
from tests.ports import HOST
from tests.system.programs import PATIENCE


async def found(reactor: Any, check: Any, port: int, **target: Any) -> Report | str:
    """What a check reports of the server at that port, or else its evidence against it."""
    address = f"{HOST}:{port}"
    backend = Backend("b", address, (HOST, port), seconds=reactor.seconds)
    examined = Target(reactor, backend, PATIENCE, **target)
    try:
        report: Report | None = await Deferred.fromCoroutine(check.check(examined))
        return report or Report()
    except CheckFailed as failed:
        return str(failed)
    finally:
        examined.close()
        await ended(reactor, examined)


async def ended(reactor: Any, examined: Target) -> None:
    """Let good-byes out, then leave nothing open."""
    waiting: Deferred[None] = Deferred()
    reactor.callLater(0.05, waiting.callback, None)
    await waiting
    examined.abort()
