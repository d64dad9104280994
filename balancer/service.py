"""A config brought to life and to its end: started as a whole or not at all, drained, stopped within a time.

Refuses to know the command line and signals: it is told what reactor, what chance, and whom to tell of a failed start.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure

from balancer import config as nouns
from balancer.assembly import Assembly, bind, changes, in_a_line, open_logs
from balancer.control import Control
from balancer.errors import Draining, StartError
from balancer.net.access_log import AccessLog
from balancer.net.listeners import Listener

log = Logger("balancer")

AFTERMATH = 1.0
"""Seconds that clients have to take the answer which ends their wait, and each companion to stop."""

FLUSH = 5.0
"""Seconds that the last lines of access logs have to be written."""


class Balancer(Service):
    """The running tree. `started` is called, or `start_failed` is told the one line that says why it is not.

    `wall` tells the seconds since 1970, for what operators read.

    A stop drains: nothing new is accepted, what is alive has `Config.drain` seconds, and `hurry` ends that wait.
    """

    name = "balancer"

    def __init__(
        self,
        config: nouns.Config,
        reactor: Any,
        *,
        random: Random,
        wall: Callable[[], float],
        start_failed: Callable[[str], object],
        started: Callable[[], object] = lambda: None,
    ) -> None:
        self._config, self._reactor = config, reactor
        self._started, self._start_failed = started, start_failed
        self._assembly = Assembly(reactor, random, wall)
        self._control: Control | None = None
        self._companions: list[Any] = []
        self._starting: Deferred[None] | None = None
        self._waiting: Deferred[Any] | None = None

    def startService(self) -> None:
        """Start, as soon as the reactor runs."""
        self.running = True
        self._reactor.callWhenRunning(self._begin)

    def stopService(self) -> Deferred[None]:
        """Drain and stop; fires when nothing is left, within `Config.drain` seconds and a little more."""
        self.running = False
        if self._starting is not None:
            self._starting.cancel()
        return Deferred.fromCoroutine(self._stop())

    def hurry(self) -> None:
        """End the wait for what is alive."""
        if self._waiting is not None:
            self._waiting.cancel()

    def reopen_logs(self) -> None:
        """Go on with the access logs that are now where the config says, since those so far were moved."""
        for one in self._assembly.logs.values():
            one.reopen()

    def reload_certificates(self) -> None:
        """Read all certificates, keys and what goes with them anew; what is alive keeps what it began with."""
        if not self._assembly.reloads:
            log.info("nothing to read anew: there are no certificates")
        for files in self._assembly.reloads.values():
            files.now()

    def _begin(self) -> None:
        if self.running:
            self._starting = Deferred.fromCoroutine(self._start())
            self._starting.addErrback(self._not_started)

    async def _start(self) -> None:
        for companion in self._config.companions:
            await self._start_companion(companion)
        await self._assembly.assemble(self._config)
        if self._config.control_path is not None:
            self._control = Control(self._assembly, self._config.control_path)
            self._control.open()
        open_logs(self._assembly.logs)
        for settings, listener in self._assembly.listeners:
            await bind(settings, listener)
        changes.started(self._assembly)
        self._assembly.start()
        self._starting = None
        for settings, _ in self._assembly.listeners:
            over = "" if getattr(settings, "tls", None) is None else ", over TLS"
            log.info("{kind} on {endpoint}{over}", kind=settings.kind.name, endpoint=settings.endpoint, over=over)
        self._started()

    async def _start_companion(self, companion: Any) -> None:
        try:
            if hasattr(companion, "with_reactor"):
                companion.with_reactor(self._reactor)
            self._companions.append(companion)
            await maybeDeferred(companion.startService)
        except CannotListenError as error:
            raise StartError(f"companion {companion!r}: {error}") from error
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            if isinstance(error, CancelledError) and not self.running:
                raise  # it is we who were told to stop
            log.failure("companion {companion!r} did not start", companion=companion)
            raise StartError(f"companion {companion!r} did not start: {in_a_line(error)}") from error

    def _not_started(self, failure: Failure) -> None:
        """Nothing stays bound; the operator gets one line, and a traceback only for what is a bug of ours."""
        self._starting = None
        if failure.check(CancelledError) is not None:
            return
        if failure.check(StartError) is None:
            log.failure("the balancer did not start", failure)
        self._start_failed(failure.getErrorMessage())

    async def _stop(self) -> None:
        listeners = [listener for _, listener in self._assembly.listeners]
        self._assembly.stop()
        drains = [listener.drain() for listener in listeners]
        if not await self._wait(drains, self._config.drain):
            log.info("sessions that are still alive are ended")
            await self._end(listeners, drains)
        await DeferredList([listener.close() for listener in listeners], consumeErrors=True)
        for companion in reversed(self._companions):
            if not await self._wait([_stop_companion(companion)], AFTERMATH):
                log.error("companion {companion!r} did not stop in time", companion=companion)
        if self._control is not None:
            self._control.close()
        await self._close_logs(list(self._assembly.logs.values()))
        self._assembly.close()

    async def _close_logs(self, logs: list[AccessLog]) -> None:
        if logs and not await self._wait([one.close() for one in logs], FLUSH):
            log.error("access logs could not be written to the end in time")

    async def _end(self, listeners: list[Listener], drains: list[Deferred[None]]) -> None:
        """End what is alive: first with an answer, where one is waited for, then what has not taken it."""
        for _ in range(2):
            for listener in listeners:
                listener.end_all(Draining("the balancer is stopping"))
            if await self._wait(drains, AFTERMATH):
                break

    async def _wait(self, ends: list[Deferred[None]], seconds: float) -> bool:
        """Until all have fired, or for so many seconds, or until told to hurry; tell whether all have."""
        self._waiting = DeferredList([_watched(end) for end in ends], consumeErrors=True)
        self._waiting.addTimeout(seconds, self._reactor)
        results = await self._waiting
        self._waiting = None
        return all(fired for fired, _ in results)


def _stop_companion(companion: Any) -> Deferred[None]:
    """Fires when it has stopped, or has failed to, which is logged."""
    stopped: Deferred[Any] = maybeDeferred(companion.stopService)
    return stopped.addErrback(
        lambda failure: log.failure("companion {companion!r} did not stop", failure, companion=companion)
    )


def _watched(drain: Deferred[None]) -> Deferred[None]:
    """Fires with another Deferred, which may be waited for again if this wait is given up."""
    watched = Deferred[None]()
    drain.addBoth(_pass_on, watched)
    return watched


def _pass_on(result: Any, watched: Deferred[None]) -> Any:
    if not watched.called:
        watched.callback(None)
    return result
