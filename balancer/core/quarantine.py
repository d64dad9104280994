"""How far a plugin is trusted: after many faults in a row it is left alone for a while; knows no plugin and no clock.

One that works now and then is never left alone: each of its faults is contained where it happens.
"""

from __future__ import annotations

from typing import Final

IN_A_ROW: Final = 8
"""Faults, with nothing that went well between them, after which a plugin is left alone."""

REST: Final = 10.0
"""Seconds of the first rest; every further one is twice as long, until something goes well."""

LONGEST: Final = 300.0
"""Seconds of a rest at most."""


class Trust:
    """The trust in one plugin, from its first fault until something goes well: then it is forgotten with this.

    After a rest the plugin is on probation: a single fault is enough for the next.
    """

    __slots__ = ("_rests", "_row")

    def __init__(self) -> None:
        self._row = self._rests = 0

    def fault(self) -> float:
        """One more fault: the seconds to leave the plugin alone from now on, or 0 for not at all."""
        self._row += 1
        if self._row < IN_A_ROW:
            return 0.0
        self._row = IN_A_ROW - 1
        self._rests += 1
        return float(min(LONGEST, REST * 2 ** min(self._rests - 1, 10)))
