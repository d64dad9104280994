"""Bulk bytes from socket to socket inside the kernel, through a pipe, without ever entering Python (splice(2)).

A pipe costs two descriptors and up to a mebibyte of the kernel's memory, so a direction borrows one for each move and
gives it back when it is empty, at once unless the sink stalls; and there are only so many. Where there is none, and
where earlier bytes are still on their way through Python, bytes go that way. Ends, errors, pauses and counts reach the
relay exactly as they would without.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from typing import Any, Final

from twisted.internet import main

from balancer.net.transports import Stream

PIPE_SIZE: Final = 1 << 20
"""Bytes a pipe can hold, and so the most that one system call moves."""

SMALL: Final = 1 << 14
"""A move of fewer bytes than this is quiet."""

PATIENCE: Final = 16
"""Quiet moves in a row after which the direction is no longer bulky."""

AVAILABLE: Final = hasattr(os, "splice")
FLAGS: Final = (os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK) if AVAILABLE else 0

Pipe = tuple[int, int]
"""Where to read and where to write."""


class Pipes:
    """The pipes of one process: at most `limit` on loan, the unused ones kept."""

    def __init__(self, limit: int = 256) -> None:
        self.lent = 0
        self._limit = limit
        self._kept: list[Pipe] = []

    def lend(self) -> Pipe | None:
        """An empty pipe, or None when there are no more, of ours or of the system's."""
        if self.lent >= self._limit or not AVAILABLE:
            return None
        try:
            pipe = self._kept.pop() if self._kept else _new_pipe()
        except OSError:
            return None
        self.lent += 1
        return pipe

    def take_back(self, pipe: Pipe, *, empty: bool) -> None:
        """A pipe is no longer needed; one that still holds bytes is of no use to anybody else."""
        self.lent -= 1
        if empty:
            self._kept.append(pipe)
        else:
            _close(pipe)

    def close(self) -> None:
        """Close those that are not on loan."""
        while self._kept:
            _close(self._kept.pop())


def _new_pipe() -> Pipe:
    pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # the system's default is smaller, not wrong
        fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    return pipe


def _close(pipe: Pipe) -> None:
    for end in pipe:
        os.close(end)


def unlimited() -> int:
    """The bytes that may go by a shortcut where all may."""
    return PIPE_SIZE


def shortcut(
    source: Any, sink: Any, pipes: Pipes, moved: Callable[[int], None], limit: Callable[[], int] = unlimited
) -> Shortcut | None:
    """A shortcut between two transports, or None when they are not both TCP in the clear on our own reactor."""
    fit = all(isinstance(one, Stream) and not (one.TLS or one.encrypted) for one in (source, sink))
    return Shortcut(source, sink, pipes, moved, limit) if fit and AVAILABLE else None


class Shortcut:
    """One direction of a relay, from one `Prompt` transport to another, for as long as it is bulky.

    Nobody but the protocol of the source may write to the sink. `moved` is told the number of bytes after each move,
    and 0 when the sink has taken some of what waited for it. No more than `limit` says at the time are moved at once.
    It stops by itself when the direction falls quiet or ends, and is to be stopped when either transport is lost.
    """

    def __init__(
        self, source: Any, sink: Any, pipes: Pipes, moved: Callable[[int], None], limit: Callable[[], int] = unlimited
    ) -> None:
        self.active = True
        """Whether bytes still go this way."""
        self.held = 0
        """Bytes in the pipe: read from the source, and not yet taken by the sink."""
        self._source = source
        self._sink = sink
        self._pipes, self._moved, self._limit = pipes, moved, limit
        self._pipe: Pipe | None = None
        self._quiet = 0
        self._source.doRead = self._read

    def stop(self) -> None:
        """Leave both transports as they were; what is in the pipe follows through Python. Allowed at any time."""
        self.active = False
        self._unhook(self._source, "doRead")
        self._unhook(self._sink, "doWrite")
        if self._pipe is not None:
            if self._sink.connected:
                self._sink.write(os.read(self._pipe[0], self.held))
            self._give_back(empty=bool(self._sink.connected))

    def _unhook(self, transport: Any, method: str) -> None:
        """Unless the transport has itself put something else there, as it does when aborted."""
        if getattr(vars(transport).get(method), "__self__", None) is self:
            delattr(transport, method)

    def _read(self) -> Any:
        """The source is readable. Returns why its reading ends, or None."""
        source = self._source
        if self._pipe is not None or not source.wants_read:  # held or paused in this turn
            return None
        limit = 0 if self._sink.buffered else self._limit()
        if limit:
            self._pipe = self._pipes.lend()
        why = type(source).doRead(source) if self._pipe is None else self._move(self._pipe, limit)
        if why is not None:
            self.stop()
        return why

    def _move(self, pipe: Pipe, most: int) -> Any:
        """Socket to pipe, which is empty, and on."""
        try:
            self.held = size = os.splice(self._source.fileno(), pipe[1], most, flags=FLAGS)
        except BlockingIOError:
            self._give_back(empty=True)
            return None
        except OSError:
            return main.CONNECTION_LOST
        if not size:
            return main.CONNECTION_DONE
        self._push(pipe)
        self._moved(size)
        self._quiet = 0 if size >= SMALL else self._quiet + 1
        if self._quiet >= PATIENCE and not self.held:
            self.stop()
        return None

    def _push(self, pipe: Pipe) -> None:
        """Pipe to socket; until the sink has taken all, the source is not read."""
        try:
            while self.held:
                self.held -= os.splice(pipe[0], self._sink.fileno(), self.held, flags=FLAGS)
        except BlockingIOError:
            self._source.hold(held=True)
            self._sink.doWrite = self._drain
            self._sink.reactor.addWriter(self._sink)
        except OSError:  # the transport's own attempt finds out which, and says so
            self.stop()
        else:
            self._give_back(empty=True)

    def _drain(self) -> Any:
        """The sink takes more."""
        assert self._pipe is not None
        before = self.held
        self._push(self._pipe)
        if self.held < before:
            self._moved(0)
        if self.held:
            return None
        self._unhook(self._sink, "doWrite")
        return self._sink.doWrite()  # the transport's own, for what it was asked meanwhile: to close, or to finish

    def _give_back(self, *, empty: bool) -> None:
        assert self._pipe is not None
        self._pipes.take_back(self._pipe, empty=empty)
        self._pipe, self.held = None, 0
        self._source.hold(held=False)
