"""The time as HTTP writes it, and which answers bear it (RFC 9110 5.6.7, 6.6.1); has no clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from balancer.core.messages import ResponseHead

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""In English whatever the locale."""


class Dates:
    """Tells the time by `wall`, which gives seconds since 1970; a text is made once for all the answers of a second."""

    __slots__ = ("_line", "_second", "_wall")

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._second = -1
        self._line = b""

    def now(self) -> bytes:
        """The line that says when this is."""
        second = int(self._wall())
        if second != self._second:
            self._second, self._line = second, f"date: {imf_date(second)}\r\n".encode()
        return self._line


def undated(head: ResponseHead) -> bool:
    """Whether a date is to be added: to every final answer that has none."""
    if head.dated is None:
        head.dated = head.status < 200 or head.get("date") is not None
    return not head.dated


def imf_date(second: int) -> str:
    """Such as `Sun, 06 Nov 1994 08:49:37 GMT`, in English wherever the program runs."""
    time = datetime.fromtimestamp(second, UTC)
    return f"{_DAYS[time.weekday()]}, {time:%d} {MONTHS[time.month - 1]} {time.year:04} {time:%H:%M:%S} GMT"
