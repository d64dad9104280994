"""Coarse timers: O(1) to arm, to move and to cancel; told the time by an alarm, and knows no other clock.

Time-outs are armed for every connection and moved for every byte, and nearly all are cancelled. So a deadline waits in
the bucket of the granule in which it is due; moving it later only writes its new time, and the bucket that comes due
puts it where it now belongs. A deadline fires one to three granules after its time, and never before it while the
alarm is punctual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

UNARMED = -1


class Alarm(Protocol):
    """What wakes the deadlines up: the edge's clock."""

    def seconds(self) -> float:
        """Monotonic seconds."""

    def wake_after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call back once, that much later or a little more."""


class Timer(Protocol):
    """A call to come, on a timer of its own: for what is rare, or too short for a granule."""

    def cancel(self) -> None:
        """Never call."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls once, so many seconds later."""


class Deadline:
    """One timer; made by `Deadlines.after`, and may be armed again by `move` after it fired or was cancelled."""

    __slots__ = ("call", "due", "owner", "slot")

    def __init__(self, owner: Deadlines, call: Callable[[], None]) -> None:
        self.owner, self.call, self.due, self.slot = owner, call, 0.0, UNARMED

    @property
    def armed(self) -> bool:
        """Whether it is going to fire."""
        return self.slot != UNARMED

    def move(self, seconds: float) -> None:
        """Be due that many seconds from now instead."""
        self.owner.move(self, seconds)

    def cancel(self) -> None:
        """Never fire. Allowed at any time, any number of times."""
        if self.slot != UNARMED:
            self.owner.forget(self)


class Deadlines:
    """All deadlines of one balancer. `now` is the time of the last tick: coarse, free to read, never ahead.

    `granule` is in seconds; while anything is armed, `now` is behind by one at most.
    """

    def __init__(self, alarm: Alarm, granule: float = 0.1) -> None:
        self.now = alarm.seconds()
        self._alarm, self.granule = alarm, granule
        self._buckets: dict[int, dict[Deadline, None]] = {}  # in the order armed, so that a simulation repeats itself
        self._swept = 0  # the slots before this one are empty
        self._awake = False

    def __len__(self) -> int:
        """How many are armed."""
        return sum(map(len, self._buckets.values()))

    def after(self, seconds: float, call: Callable[[], None]) -> Deadline:
        """Arm a new deadline: `call` runs once, that many seconds from now."""
        deadline = Deadline(self, call)
        self.move(deadline, seconds)
        return deadline

    def move(self, deadline: Deadline, seconds: float) -> None:
        """Arm a deadline, or move it, to `seconds` from now."""
        if not self._awake:
            self._sleep()
        deadline.due = due = self.now + self.granule + seconds
        slot = int(due / self.granule)
        if deadline.slot == UNARMED:
            self._put(deadline, slot)
        elif slot < deadline.slot:
            self.forget(deadline)
            self._put(deadline, slot)

    def forget(self, deadline: Deadline) -> None:
        """Take a deadline, which is armed, out of its bucket."""
        bucket = self._buckets[deadline.slot]
        del bucket[deadline]
        if not bucket:
            del self._buckets[deadline.slot]
        deadline.slot = UNARMED

    def _put(self, deadline: Deadline, slot: int) -> None:
        deadline.slot = slot
        bucket = self._buckets.get(slot)
        if bucket is None:
            self._buckets[slot] = {deadline: None}
        else:
            bucket[deadline] = None

    def _sleep(self) -> None:
        self._awake = True
        self.now = self._alarm.seconds()
        self._alarm.wake_after(self.granule, self._tick)

    def _tick(self) -> None:
        """Fire what is due; sleep on only while something is armed, so that an idle balancer does not wake up."""
        self.now = self._alarm.seconds()
        this = int(self.now / self.granule)
        try:
            self._fire(self._due_slots(this))
            self._swept = this
        finally:
            self._awake = False
            if self._buckets:
                self._sleep()

    def _due_slots(self, this: int) -> list[int]:
        """The slots up to this one that hold anything, at the price of the fewer: those not swept yet, or those in use.

        What the last tick swept last is looked at again: a deadline in it may have been due a little later.
        """
        if this - self._swept < len(self._buckets):
            return [slot for slot in range(self._swept, this + 1) if slot in self._buckets]
        return sorted(slot for slot in self._buckets if slot <= this)

    def _fire(self, slots: list[int]) -> None:
        """A call may arm, move and cancel others, those of the same bucket included; if it raises, the rest wait."""
        for slot in slots:
            for deadline in list(self._buckets.get(slot, ())):
                if deadline.slot != slot:
                    continue
                self.forget(deadline)
                if deadline.due <= self.now:
                    deadline.call()
                else:
                    self._put(deadline, int(deadline.due / self.granule))
