"""Long bodies of HTTP messages that the kernel moves from one connection to the other; frames none of them.

A body whose length is known, that nobody looks at and that goes out with that length, passes by a `net.splice.Shortcut`
as far as it goes. Whatever else a connection carries, before it and behind, is read as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from balancer.net.splice import PIPE_SIZE, Pipes, Shortcut, shortcut

BULKY: Final = 1 << 16
"""Bytes that transports read at most at once: behind so many there are more."""

LONG: Final = 1 << 18
"""Bytes left of a body for which a shortcut is worth its making."""


class Bulk:
    """The shortcut for the bodies that come from `source`, one after another.

    `left` tells how many bytes of the one under way are still to come, `sink` the transport they may go to or None, and
    `passed` is told of those that came this way.
    """

    def __init__(
        self,
        source: Any,
        pipes: Pipes,
        *,
        left: Callable[[], int],
        sink: Callable[[], Any],
        passed: Callable[[int], object],
    ) -> None:
        self._source, self._pipes = source, pipes
        self._left, self._find, self._passed = left, sink, passed
        self._shortcut: Shortcut | None = None
        self._sink: Any = None

    @property
    def congested(self) -> bool:
        """Whether bytes on the way wait for the sink to take them."""
        return self._shortcut is not None and self._shortcut.held > 0

    def hurry(self) -> None:
        """Much has come at once: the rest goes this way, if it is long and nobody has to see it."""
        if self._left() < LONG or (self._shortcut is not None and self._shortcut.active):
            return
        self._sink = self._find()
        if self._sink is not None:
            self._shortcut = shortcut(self._source, self._sink, self._pipes, self._moved, self._limit)

    def check(self) -> None:
        """Where it leads may have changed."""
        if self._shortcut is not None and self._find() is not self._sink:
            self.close()

    def close(self) -> None:
        """No more this way; what is on it follows through Python. Allowed at any time."""
        way, self._shortcut, self._sink = self._shortcut, None, None
        if way is not None:
            way.stop()

    def _limit(self) -> int:
        self.check()
        return min(PIPE_SIZE, self._left()) if self._sink is not None else 0

    def _moved(self, size: int) -> None:
        if size and self._left() == size:
            self.close()
        self._passed(size)
