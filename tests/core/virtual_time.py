"""Time that passes when a test says so, as the alarm of `core.deadlines`; knows nothing of deadlines."""

from __future__ import annotations

from collections.abc import Callable


class VirtualTime:
    """An alarm that rings on the dot; a call that takes long is one that adds to `time` itself.

    `calls` are the alarms set and not yet rung.
    """

    def __init__(self, start: float = 1000.0) -> None:
        self.time, self.calls, self.rung = start, list[Call](), 0

    def seconds(self) -> float:
        """The time now."""
        return self.time

    def wake_after(self, seconds: float, call: Callable[[], None]) -> None:
        """Ring that much later."""
        self.later(seconds, call)

    def later(self, seconds: float, call: Callable[[], None]) -> Call:
        """Ring that much later, unless it is cancelled: `core.deadlines.Later`."""
        self.calls.append(Call(self, self.time + seconds, call))
        return self.calls[-1]

    def advance(self, seconds: float) -> None:
        """Let time pass, and the alarms that come due in it ring at their time; what they raise comes through."""
        end = max(self.time, self.time + seconds)
        while due := [call for call in self.calls if call.due <= end]:
            first = min(due, key=lambda call: call.due)
            self.calls.remove(first)
            self.time, self.rung = max(self.time, first.due), self.rung + 1
            first.call()
        self.time = max(self.time, end)


class Call:
    """One of them; as strict as Twisted's: what has rung or was cancelled cannot be cancelled."""

    def __init__(self, time: VirtualTime, due: float, call: Callable[[], None]) -> None:
        self.due, self.call = due, call
        self._time = time

    def cancel(self) -> None:
        """Never ring."""
        self._time.calls.remove(self)
