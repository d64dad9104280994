"""What is said between the ports of a stage, line by line; knows no exchange."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from balancer.core.messages import End, Message, RequestHead


def spelled(message: Message) -> str:
    """A message as the transcript shows it."""
    if isinstance(message, bytes):
        return repr(message)[1:]
    if isinstance(message, End):
        return "end"
    return f"{message.method} {message.target}" if isinstance(message, RequestHead) else str(message.status)


class Transcript:
    """What was said, line by line; a line may have an answer, given at once and once: that is how ports call back."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.when: dict[str, Callable[[], object]] = {}

    def say(self, line: str) -> None:
        self.lines.append(line)
        self.cue(line)

    def cue(self, line: str) -> None:
        """Give the answer to a line that is not written down."""
        self.when.pop(line, lambda: None)()

    def take(self) -> list[str]:
        """What was said since the last time."""
        lines, self.lines[:] = self.lines[:], []
        return lines


class Port:
    """What both sides share: what is sent in one piece is one line, and nothing may be said after the end.

    `way` is where a body may go past it, `skipped` the bytes that did, and `congested` whether some wait for that;
    `takes` says that it takes some of what waits, though slowly.
    """

    way: Any = None
    skipped = 0
    congested = takes = False

    def __init__(self, transcript: Transcript, name: str, arrow: str) -> None:
        self.name, self.paused, self.over = name, False, False
        self.said: list[Message] = []
        self._transcript, self._arrow = transcript, arrow

    def send(self, messages: Sequence[Message]) -> None:
        self._alive()
        for message in messages:
            self._transcript.cue(f"{self.name} send {spelled(message)}")
            if self.over:  # it failed while it was spoken to
                return
        self.said += messages
        self._transcript.say(f"{self.name} {self._arrow} {'; '.join(map(spelled, messages))}")

    def sink(self, left: int) -> Any:
        self._alive()
        return self.way if left else None

    def took_some(self) -> bool:
        self._alive()
        return self.takes

    def skip(self, size: int) -> None:
        self._alive()
        self.skipped += size

    def pause(self) -> None:
        self._alive()
        self.paused = True
        self._transcript.say(f"{self.name} paused")

    def resume(self) -> None:
        self._alive()
        self.paused = False
        self._transcript.say(f"{self.name} resumed")

    def _alive(self) -> None:
        assert not self.over, f"{self.name} was spoken to after its end"

    def _end(self, how: str) -> None:
        self._alive()
        self.over = True
        self._transcript.say(f"{self.name} {how}")
