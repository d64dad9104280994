"""Runs health checks: when, how long at most, and what a result changes; refuses to know what a check says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from inspect import isawaitable
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IDelayedCall, IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.core.backend import Backend
from balancer.core.health import Thresholds
from balancer.core.pool import Pool
from balancer.errors import CheckFailed
from balancer.interfaces import ICheckTarget, Report
from balancer.net.dialing import connect_error

Changed = Callable[[Backend, str], None]
"""Is told of a backend that went up or down, and of the evidence."""


@attrs.frozen
class Schedule:
    """When a check runs and when its word counts. `every` and `timeout` in seconds, `jitter` a share of `every`."""

    every: float
    timeout: float
    jitter: float
    rise: int
    fall: int


@implementer(ICheckTarget)
class Target:
    """One backend under examination; knows every connection the check made, so that none outlives it."""

    def __init__(self, reactor: Any, backend: Backend, timeout: float) -> None:
        self.clock, self.backend, self.address = reactor, backend, backend.address
        self._timeout = timeout
        self._opened: list[Any] = []

    def connect(self, factory: Any) -> Deferred[IProtocol]:
        """See `ICheckTarget.connect`."""
        with suppress(AttributeError):
            factory.noisy = False  # two log lines for each check would bury the rest
        place = self.backend.place
        endpoint: Any
        if isinstance(place, str):
            endpoint = UNIXClientEndpoint(self.clock, place, self._timeout)
        else:
            endpoint = TCP4ClientEndpoint(self.clock, place[0], place[1], self._timeout)
        connecting: Deferred[IProtocol] = endpoint.connect(factory)
        return connecting.addCallbacks(self._made, self._failed)

    def close(self) -> None:
        """The check is over: nothing it opened stays open."""
        for protocol in self._opened:
            if protocol.transport is not None:
                protocol.transport.abortConnection()

    def _made(self, protocol: IProtocol) -> IProtocol:
        self._opened.append(protocol)
        return protocol

    def _failed(self, failure: Failure) -> Failure:
        if failure.check(ConnectingCancelledError) is not None:
            return Failure(CancelledError())
        return Failure(CheckFailed(str(connect_error(self.backend, failure.value or Exception()))))


class Probe:
    """The checks of one backend, one after another, for as long as it runs."""

    def __init__(
        self, check: Any, schedule: Schedule, pool: Pool, backend: Backend, *, reactor: Any, changed: Changed
    ) -> None:
        self._reactor, self._check, self._schedule = reactor, check, schedule
        self._pool, self._backend, self._changed = pool, backend, changed
        self._thresholds = Thresholds(rise=schedule.rise, fall=schedule.fall, up=backend.up)
        self._call: IDelayedCall | None = None
        self._running: Deferred[Report | None] | None = None

    def start(self, delay: float) -> None:
        """Check for the first time after `delay` seconds."""
        self._call = self._reactor.callLater(delay, self._run)

    def stop(self) -> None:
        """Check no more; what runs is cancelled."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    def _run(self) -> None:
        target = Target(self._reactor, self._backend, self._schedule.timeout)
        self._running = running = maybeDeferred(self._ask, target)
        running.addTimeout(self._schedule.timeout, self._reactor)
        running.addCallback(self._read)
        running.addBoth(self._judge, target)

    def _ask(self, target: Target) -> Any:
        """Begin the check, which may be a function; a plain answer, which cannot have looked, is a fault."""
        answer = getattr(self._check, "check", self._check)(target)
        if not isawaitable(answer):
            raise TypeError(f"{self._check!r} answered {answer!r}, which cannot be awaited")
        return answer

    def _read(self, result: Any) -> Report | None:
        """A result is None or a report; whatever else a check may have meant, it is a fault."""
        if not isinstance(result, Report | None):
            raise TypeError(f"{self._check!r} answered {result!r}, which is neither None nor a Report")
        return result

    def _judge(self, result: Report | Failure | None, target: Target) -> None:
        target.close()
        if self._call is None:
            return
        self._running = None
        if isinstance(result, Failure):
            self._record(False, self._evidence(result))
        else:
            if result is not None and self._backend.apply(result):
                self._pool.refresh()
            self._record(True, "" if result is None else result.detail)
        self._call = self._reactor.callLater(self._pause(), self._run)

    def _evidence(self, failure: Failure) -> str:
        if failure.check(TimedOut, CancelledError) is not None:
            return f"no result within {self._schedule.timeout:g} s"
        if failure.check(CheckFailed) is not None:
            return failure.getErrorMessage()
        return f"the check itself failed: {failure.value!r}"

    def _record(self, healthy: bool, evidence: str) -> None:
        if self._thresholds.record(healthy):
            self._backend.up = healthy
            self._pool.refresh()
            self._changed(self._backend, evidence)

    def _pause(self) -> float:
        """Seconds to the next check, spread so that the checks of many balancers do not fall into step."""
        share = self._schedule.jitter * (2 * self._pool.ports.random.random() - 1)
        return self._schedule.every * (1 + share)


class Checks:
    """The probes of all backends of one pool."""

    def __init__(self, check: Any, schedule: Schedule, pool: Pool, *, reactor: Any, changed: Changed) -> None:
        self._every = schedule.every
        self._probes = [
            Probe(check, schedule, pool, backend, reactor=reactor, changed=changed) for backend in pool.backends
        ]

    def start(self) -> None:
        """Begin, with the first checks spread over one interval, the first of them at once."""
        for index, probe in enumerate(self._probes):
            probe.start(self._every * index / len(self._probes))

    def stop(self) -> None:
        """Check no more."""
        for probe in self._probes:
            probe.stop()
