"""Cuts a stream of bytes into lines of a bounded length, one when asked for one; refuses to know what they say."""

from __future__ import annotations

from balancer.errors import ControlRefused


class Lines:
    """The lines of one connection. What was received and not taken yet is kept."""

    def __init__(self, longest: int) -> None:
        self._longest, self._kept, self._seen = longest, bytearray(), 0

    def receive(self, data: bytes) -> None:
        """More bytes."""
        self._kept += data

    def next(self) -> bytes | None:
        """The next line without its end, or None while that has not come.

        Raises `ControlRefused` for one that is longer than allowed, and from then on at every call.
        """
        end = self._kept.find(b"\n", self._seen)
        if (len(self._kept) if end < 0 else end) > self._longest:
            raise ControlRefused(f"the line is longer than {self._longest} bytes; send one command a line")
        if end < 0:
            self._seen = len(self._kept)
            return None
        line = bytes(self._kept[:end])
        del self._kept[: end + 1]
        self._seen = 0
        return line
