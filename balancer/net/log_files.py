"""A file that whole lines are added to, in spite of all that may happen to files; it blocks, and is for a thread.

What cannot be written is tried again, and a line that was cut off goes on where it was cut off. Refuses to know what
lines say.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

STANDARD_OUTPUT: Final = "-"
"""The path that stands for it."""

MODE: Final = 0o640
"""Of a file that is made: lines tell of people."""

FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY
"""Several processes may add lines to one file. A pipe that nobody reads is refused, instead of waited for."""


class LogFile:
    """The file at `path`, once it is open.

    `failed` is told of every failure. `pause` is called after each, and answers whether there is a point in trying
    again: if not, what is left of the lines is given up. `written` and `lost` are lines.
    """

    def __init__(self, path: str, *, failed: Callable[[OSError], object], pause: Callable[[], bool]) -> None:
        self.path, self.written, self.lost = path, 0, 0
        self._failed, self._pause = failed, pause
        self._descriptor, self._stale = -1, False

    def open(self) -> None:
        """Open it. Raises `OSError`."""
        self._descriptor = _opened(self.path)

    def close(self) -> None:
        """Close it; allowed at any time."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def reopen(self) -> None:
        """Go on with what is at the path now. Until that can be opened, lines go to what was there before."""
        self._stale = True
        self._renew()

    def write(self, lines: bytes) -> None:
        """Add whole lines; returns once they are written, or given up."""
        done = 0
        while done < len(lines):
            if self._stale and self._renew():
                done = lines.rfind(b"\n", 0, done) + 1  # what is in another file by half is written whole in this one
            try:
                done += os.write(self._descriptor, lines[done:])
            except OSError as error:
                self._failed(error)
                self._stale = True
                if not self._pause():
                    break
        self.written += lines.count(b"\n", 0, done)
        self.lost += lines.count(b"\n", done)

    def _renew(self) -> bool:
        """Open what is at the path; tell whether that is another file."""
        try:
            descriptor = _opened(self.path)
        except OSError as error:
            self._failed(error)
            return False
        self._stale = False
        another = _identity(descriptor) != _identity(self._descriptor)
        self.close()
        self._descriptor = descriptor
        return another


def _opened(path: str) -> int:
    if path == STANDARD_OUTPUT:
        return os.dup(1)
    descriptor = os.open(path, FLAGS, MODE)
    os.set_blocking(descriptor, True)
    return descriptor


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino
