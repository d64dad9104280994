"""Programs as children of ours: started without a shell, heard within a bound, killed with all that they started.

Refuses to know what they are for. Twisted's own are not led apart, so that what they start would outlive them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from twisted.internet import process
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

KEPT: Final = 4096
"""Bytes that are kept of what a program says; all else is read and forgotten."""

_AT_ONCE: Final = 65536
"""Bytes to read at once: what a pipe holds."""

_LEFT_ALONE: Final = (signal.SIGPIPE, signal.SIGXFSZ)
"""What Python ignores, and its children would."""

_ours: dict[int, Any] = process.reapProcessHandlers
"""Whom the reactor asks to look after their children when one has ended."""


@implementer(IReadDescriptor)
class Program:
    """One that runs. `ended` fires with its exit status and what it said first, on either output.

    The status is the number of the signal that ended it, below zero, if one did. It leads a process group, which ends
    with it: nothing of it is left when it has ended. Cancelled, it is ended by SIGKILL. Raises `OSError` when it cannot
    be run.
    """

    def __init__(self, reactor: Any, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.ended: Deferred[tuple[int, bytes]] = Deferred(lambda _: self._give_up())
        self._reactor, self._said = reactor, bytearray()
        add = reactor.addReader  # what is only a clock has none, and runs nothing
        self._pipe, writing = os.pipe()
        try:
            self._pid = _spawned(command, environment, writing)
        except OSError:
            os.close(self._pipe)
            raise
        finally:
            os.close(writing)
        os.set_blocking(self._pipe, False)
        self._runs = self._reads = True
        add(self)
        _ours[self._pid] = self
        self.reapProcess()

    def kill(self) -> None:
        """End it, and all that it started. Allowed any number of times."""
        if self._runs:
            for end in (os.killpg, os.kill):
                with suppress(OSError):  # gone already, or somebody else by now
                    end(self._pid, signal.SIGKILL)
        self._close()

    def reapProcess(self) -> None:  # noqa: N802  Twisted's name
        """Some child has ended; it may be this one, of which others are to be left no more than it is."""
        if os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return
        self.doRead()
        self.kill()
        self._runs = False
        _, status = os.waitpid(self._pid, 0)
        del _ours[self._pid]
        if not self.ended.called:
            self.ended.callback((os.waitstatus_to_exitcode(status), bytes(self._said)))

    def fileno(self) -> int:
        """The end of the pipe that we have."""
        return self._pipe

    def doRead(self) -> None:
        """It says something, or has closed both of its outputs."""
        if not self._reads:
            return
        with suppress(BlockingIOError):
            data = os.read(self._pipe, _AT_ONCE)
            self._said += data[: KEPT - len(self._said)]
            if not data:
                self._close()

    def connectionLost(self, reason: Any) -> None:
        """The reactor takes the pipe for broken: it has been closed on the other side."""
        self._close()

    def logPrefix(self) -> str:
        """What a log calls it."""
        return "program"

    def _give_up(self) -> None:
        """Whoever waited is told what it has said so far, as if the end had come already."""
        self.doRead()
        self.kill()
        self.ended.callback((-signal.SIGKILL, bytes(self._said)))

    def _close(self) -> None:
        if self._reads:
            self._reads = False
            self._reactor.removeReader(self)
            os.close(self._pipe)


def _spawned(command: Sequence[str], environment: Mapping[str, str], output: int) -> int:
    """The number of a new process that hears nothing, says all to `output`, and leads a group of its own."""
    return os.posix_spawnp(
        command[0],
        [*command],
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
        ],
        setpgroup=0,
        setsigmask=[],
        setsigdef=_LEFT_ALONE,
    )
