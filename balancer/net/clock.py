"""The reactor as the core sees it: a clock to read and an alarm to set."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class ReactorAlarm:
    """Wakes `core.deadlines` up; one delayed call at most stands for all its deadlines."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._call: IDelayedCall | None = None

    def seconds(self) -> float:
        """The reactor's seconds."""
        return self._clock.seconds()

    def wake_after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call back once, that much later."""
        self._call = self._clock.callLater(seconds, call)

    def stop(self) -> None:
        """Wake nobody any more."""
        if self._call is not None and self._call.active():
            self._call.cancel()
