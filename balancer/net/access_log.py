"""Lines on their way to a log file: taken at once, written by a thread, so that traffic never waits for a disk.

What waits is bounded: a batch beyond that is dropped and counted. Refuses to know what lines say.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed

from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.faults import Tally
from balancer.net.log_files import LogFile

BATCH: Final = 1 << 16
"""Characters that are handed to the thread at once; less than that after `DELAY`."""

DELAY: Final = 0.1
"""Seconds that a line waits for others, so that the thread does not take turns with the reactor for each."""

MOST: Final = 1 << 22
"""Bytes that may wait: some ten thousand lines."""

RETRY: Final = 1.0
"""Seconds after a failure to write until the next attempt."""

REOPEN: Final = b""
"""Says to the thread, in its turn among the batches, to open the file anew."""


class AccessLog:
    """The log at `path`. `told` hears of what is lost and of what fails, the 1st, 2nd, 4th, 8th time and so on."""

    def __init__(
        self,
        reactor: Any,
        deadlines: Deadlines,
        path: str,
        *,
        told: Callable[[str], object] = lambda _line: None,
        retry: float = RETRY,
    ) -> None:
        self.path, self.dropped = path, 0
        self.faults = Tally(told)
        self._reactor, self._retry = reactor, retry
        self._lines: list[str] = []
        self._size = self._handed = self._taken = 0
        self._due = Deadline(deadlines, self.flush)
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._ending = Event()
        self._file = LogFile(path, failed=self._failed_there, pause=self._pause)
        self._ended: Deferred[None] = succeed(None)

    def open(self) -> None:
        """Open the file. Raises `OSError`."""
        self._file.open()
        self._ended = Deferred()
        Thread(target=self._work, name=f"access log {self.path}", daemon=True).start()

    def add(self, line: str) -> None:
        """Write a line, which comes without its end, as soon as may be."""
        self._lines.append(line)
        self._size += len(line)
        if self._size >= BATCH:
            self.flush()
        elif len(self._lines) == 1:
            self._due.move(DELAY)

    def flush(self) -> None:
        """Hand over the lines that are here."""
        lines, self._lines, self._size = self._lines, [], 0
        if not lines:
            return
        batch = ("\n".join(lines) + "\n").encode()
        if self.waiting + len(batch) <= MOST:
            self._handed += len(batch)
            self._queue.put(batch)
        else:
            self.dropped += len(lines)
            self._note("full", "lines are dropped, for more of them come than are written")

    def reopen(self) -> None:
        """Open the file anew, once the lines so far are written."""
        self.flush()
        self._queue.put(REOPEN)

    def close(self) -> Deferred[None]:
        """Write what is here; fires when that is done. What cannot be written now is given up. To be called once."""
        self._due.cancel()
        self.flush()
        self._ending.set()
        self._queue.put(None)
        return self._ended

    @property
    def waiting(self) -> int:
        """Bytes that were handed over and are not written yet."""
        return self._handed - self._taken

    def counters(self) -> dict[str, Any]:
        """What was counted since the start: lines written and dropped, failures, and bytes that wait."""
        return {
            "access_log": self.path,
            "written": self._file.written,
            "dropped": self.dropped + self._file.lost,
            "failures": self.faults.counts["failure"],
            "waiting_bytes": self.waiting,
        }

    def _work(self) -> None:
        """All that is done in the thread."""
        while (batch := self._queue.get()) is not None:
            if batch == REOPEN:
                self._file.reopen()
            else:
                self._file.write(batch)
                self._taken += len(batch)
        self._file.close()
        self._reactor.callFromThread(self._ended.callback, None)

    def _pause(self) -> bool:
        """Wait for another try, and tell whether there is one: once the log is being closed each batch has its last."""
        if self._ending.is_set():
            return False
        self._ending.wait(self._retry)
        return True

    def _failed_there(self, error: OSError) -> None:
        self._reactor.callFromThread(self._note, "failure", error.strerror)

    def _note(self, kind: str, what: str) -> None:
        self.faults.note(kind, f"access log {self.path}: {what}")
