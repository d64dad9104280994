"""The time as HTTP writes it (RFC 9110 5.6.7); refuses to know which messages bear it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Dates:
    """Tells the time by `wall`, which gives seconds since 1970; a text is made once for all the answers of a second."""

    __slots__ = ("_second", "_text", "_wall")

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._second = -1
        self._text = ""

    def now(self) -> str:
        """The time as a value for Date."""
        second = int(self._wall())
        if second != self._second:
            self._second, self._text = second, imf_date(second)
        return self._text


def imf_date(second: int) -> str:
    """Such as `Sun, 06 Nov 1994 08:49:37 GMT`, in English wherever the program runs."""
    time = datetime.fromtimestamp(second, UTC)
    return f"{_DAYS[time.weekday()]}, {time:%d} {_MONTHS[time.month - 1]} {time.year:04} {time:%H:%M:%S} GMT"
