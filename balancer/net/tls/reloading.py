"""Files that are read again when they change; refuses to know what is in them.

What cannot be used is told once, and what was there before stays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

import attrs
from twisted.python.failure import Failure

from balancer.core.deadlines import Deadline, Deadlines
from balancer.net.tls.credentials import Unusable
from balancer.net.tls.files import Look

Aside = Callable[[Callable[[], Any], Callable[[bool, Any], object]], object]
"""Does work away from the reactor, and tells on it whether that went well, and the result or the failure."""

_NEVER: Final[Look] = frozenset({("", 0, 0, 0)})


class Watched(Protocol):
    """What is read from files. `look` and `load` are called away from the reactor."""

    def look(self) -> Look:
        """How the files are now."""

    def load(self) -> Any:
        """Read them. Raises `Unusable`."""

    @property
    def use(self) -> Callable[[Any], object]:
        """Goes on with what was read."""

    def tick(self) -> None:
        """Some time has passed."""


@attrs.frozen
class _Read:
    """How the files were, and what came of reading them."""

    look: Look
    loaded: Any = None
    faults: tuple[str, ...] = ()


class Reloading:
    """Looks at files each `every` seconds from `start` on; counts how often they were `reloaded` and `refused`.

    `look` is how they were before they were read for the first time. Files that are changed one after the other do not
    fit together meanwhile: only what is no better at the next look is warned of and counted.
    """

    def __init__(
        self,
        watched: Watched,
        look: Look,
        *,
        every: float,
        deadlines: Deadlines,
        aside: Aside,
        tell: Callable[[str], object],
        warn: Callable[[str], object],
    ) -> None:
        self.reloaded = self.refused = 0
        self._watched, self._every, self._deadlines = watched, every, deadlines
        self._aside, self._tell, self._warn = aside, tell, warn
        self._used, self._doubted, self._refused = look, _NEVER, _NEVER
        self._waiting: Deadline | None = None
        self._busy = self._again = False

    def start(self) -> None:
        """Look from now on."""
        self._watched.tick()
        self._waiting = self._deadlines.after(self._every, self._due)

    def stop(self) -> None:
        """Look no more."""
        if self._waiting is not None:
            self._waiting.cancel()

    def now(self) -> None:
        """Read the files whether they have changed or not, and tell at once what is wrong with them."""
        self._again = self._busy
        self._begin(urgent=True)

    def _due(self) -> None:
        self.start()
        self._begin(urgent=False)

    def _begin(self, *, urgent: bool) -> None:
        if not self._busy:
            self._busy = True
            self._aside(partial(self._read, urgent), partial(self._end, urgent))

    def _read(self, urgent: bool) -> _Read | None:
        """Away from the reactor; None if nothing has changed."""
        look = self._watched.look()
        if not urgent and look in {self._used, self._refused}:
            return None
        try:
            return _Read(look, self._watched.load())
        except Unusable as error:
            return _Read(look, faults=error.faults)
        except Exception as error:  # noqa: BLE001  files may be broken in ways that libraries know nothing of
            return _Read(look, faults=(f"{type(error).__name__}: {error}",))

    def _end(self, urgent: bool, _fine: bool, read: _Read | Failure | None) -> None:
        """On the reactor again. If there was no thread for it, the next time is soon enough."""
        self._busy = False
        if isinstance(read, _Read) and read.faults:
            self._doubt(read, urgent)
        elif isinstance(read, _Read):
            self._watched.use(read.loaded)
            self.reloaded += 1
            self._used, self._doubted, self._refused = read.look, _NEVER, _NEVER
            self._tell("its files were read anew")
        if self._again:
            self._again = False
            self._begin(urgent=True)

    def _doubt(self, read: _Read, urgent: bool) -> None:
        if not urgent and read.look != self._doubted:
            self._doubted = read.look
            return
        self._refused = read.look
        self.refused += 1
        for fault in read.faults:
            self._warn(f"{fault}; what was there before stays in use")
