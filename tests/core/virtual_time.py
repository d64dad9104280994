"""Time that passes when a test says so, as the alarm of `core.deadlines`; knows nothing of deadlines."""

from __future__ import annotations

from collections.abc import Callable


class VirtualTime:
    """An alarm that rings on the dot; a call that takes long is one that adds to `time` itself.

    `calls` are the alarms set and not yet rung.
    """

    def __init__(self, start: float = 1000.0) -> None:
        self.time, self.calls, self.rung = start, list[tuple[float, Callable[[], None]]](), 0

    def seconds(self) -> float:
        """The time now."""
        return self.time

    def wake_after(self, seconds: float, call: Callable[[], None]) -> None:
        """Ring that much later."""
        self.calls.append((self.time + seconds, call))

    def advance(self, seconds: float) -> None:
        """Let time pass, and the alarms that come due in it ring at their time; what they raise comes through."""
        end = max(self.time, self.time + seconds)
        while self.calls and self.calls[0][0] <= end:
            due, call = self.calls.pop(0)
            self.time, self.rung = max(self.time, due), self.rung + 1
            call()
        self.time = max(self.time, end)
