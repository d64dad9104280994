"""Rise and fall: when a row of check results makes a backend up or down; knows neither the checks nor the clock."""

from __future__ import annotations


class Thresholds:
    """Counts one backend's results. `up` is the verdict.

    What is assumed before the first result (`up`) is a guess, so the first result decides alone; from then on it
    takes `rise` successes in a row to come up and `fall` failures in a row to go down (HAProxy's rule).
    """

    __slots__ = ("_fall", "_rise", "_row", "_sure", "up")

    def __init__(self, *, rise: int, fall: int, up: bool) -> None:
        self.up = up
        self._rise, self._fall = rise, fall
        self._row, self._sure = 0, False

    @property
    def changing(self) -> bool:
        """Whether the latest results do not agree with the verdict, or there are none."""
        return self._row > 0 or not self._sure

    def record(self, healthy: bool) -> bool:
        """Take one result; tell whether the verdict changed."""
        needed = self._rise if healthy else self._fall
        if not self._sure:
            self._sure, needed = True, 1
        if healthy is self.up:
            self._row = 0
            return False
        self._row += 1
        if self._row < needed:
            return False
        self.up, self._row = healthy, 0
        return True
