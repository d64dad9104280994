"""A thread that notices when the loop stands still, and names the code that holds it up; knows only the loop.

Whoever runs in the reactor holds up everybody. When one turn of the loop has been seen to last for `STALL`, the
operator is told where it is, once; and when it goes on, how long it took. This is said from the watchdog's own thread
(Twisted's observers are thread-safe by contract), for a callback that never returns could not be named otherwise.
"""

from __future__ import annotations

import sys
import sysconfig
import threading
from pathlib import Path
from types import FrameType
from typing import Any, Final

import twisted
from twisted.logger import Logger

LOOK: Final = 0.05
"""Seconds from one look to the next."""

STALL: Final = 0.1
"""Seconds that a turn is seen to last before somebody is told."""

INNERMOST: Final = 8
"""Calls to tell of."""

MACHINERY: Final = (f"{Path(twisted.__file__).parent}/", f"{Path(__file__).parents[1]}/", "<frozen")
INSTALLED: Final = (f"{sysconfig.get_path('purelib')}/", f"{sysconfig.get_path('platlib')}/")
LIBRARY: Final = f"{sysconfig.get_path('stdlib')}/"


class Watchdog:
    """Watches a reactor that counts its `turns` and sleeps in its `doPoll`, from a thread of its own."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._sleep, self._loop = type(reactor).doPoll.__code__, type(reactor).mainLoop.__code__
        self._log = Logger()
        self._stop = threading.Event()
        self._thread = 0
        self._turns, self._since, self._stalled = -1, 0.0, False

    def start(self) -> None:
        """Watch the thread that calls this."""
        self._thread = threading.get_ident()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK):
            self.look(sys._current_frames().get(self._thread))  # noqa: SLF001  public in all but name

    def look(self, frame: FrameType | None) -> None:
        """Compare with the last look; `frame` is where the loop's thread is."""
        now, turns, calls = self._reactor.seconds(), self._reactor.turns, self._calls(frame)
        if turns != self._turns or not calls:
            if self._stalled:
                self._log.warn("the loop goes on, after {seconds:.2f} s", seconds=now - self._since)
            self._turns, self._since, self._stalled = turns, now, False
        elif not self._stalled and now - self._since >= STALL:
            self._stalled = True
            self._log.warn(
                "the loop stands still, for {seconds:.2f} s so far, in {culprit}; innermost calls: {calls}",
                seconds=now - self._since,
                culprit=_place(max(calls, key=_distance)),
                calls=", ".join(map(_place, calls[:INNERMOST])),
            )

    def _calls(self, frame: FrameType | None) -> list[FrameType]:
        """What the loop has called, innermost first; nothing if it sleeps, or was left aside for another greenlet."""
        calls: list[FrameType] = []
        if frame is None or frame.f_code is self._sleep:
            return calls
        while frame is not None and frame.f_code is not self._loop:
            calls.append(frame)
            frame = frame.f_back
        return [] if frame is None else calls


def _distance(frame: FrameType) -> int:
    """How far its file is from ours: the user's own is the farthest, then other distributions, then the libraries."""
    file = frame.f_code.co_filename
    if file.startswith(MACHINERY):
        return 0
    if file.startswith(INSTALLED):
        return 2
    return 1 if file.startswith(LIBRARY) else 3


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
