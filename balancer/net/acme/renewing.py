"""Looks after a certificate on a reactor, again and again, in a thread that nothing waits for; refuses to know how.

Whatever goes wrong is told and tried again later. Who is served meanwhile is served with what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from balancer.core.faults import Tally
from balancer.core.renewal import Pauses
from balancer.errors import CertificateNotObtained
from balancer.net.acme.looking import Looking, Now, Outlook
from balancer.net.acme.obtaining import Stopped
from balancer.net.acme.storage import Held, Locked
from balancer.net.threads import Threads

SELDOM: Final = 6 * 3600.0
"""Seconds between two looks at most, so that a clock that was put right is noticed."""
LEAST: Final = 1.0
BUSY: Final = 10.0
"""Seconds until the next look while somebody else obtains the certificate."""
DAY: Final = 86400.0

log = Logger("balancer")


class Renewal:
    """The looks after one certificate, of which `held` is known so far.

    `changed` is called when there is another. `told` hears a line of each that was obtained, `failed` of failures, the
    1st, 2nd, 4th, 8th in a row and so on.
    """

    def __init__(
        self,
        looking: Looking,
        held: Held | None,
        *,
        reactor: Any,
        now: Now,
        pauses: Pauses,
        changed: Callable[[], object],
        told: Callable[[str], object],
        failed: Callable[[str], object],
    ) -> None:
        self.held, self.obtained, self.failures = held, 0, 0
        self.last_error: str | None = None
        self._looking, self._reactor, self._now, self._pauses = looking, reactor, now, pauses
        self._changed, self._told = changed, told
        self._tally = Tally(failed)
        self._threads: Any = Threads(1)
        self._ending = Event()
        self._call: IDelayedCall | None = None
        self._next: float | None = None

    def start(self) -> None:
        """Look at once, and from then on."""
        self._call = self._reactor.callLater(0, self._look)

    def stop(self) -> None:
        """Look no more; of one that is under way nothing is heard. Allowed at any time."""
        self._ending.set()
        if self._call is not None and self._call.active():
            self._call.cancel()

    def figures(self) -> dict[str, Any]:
        """What there is, and what was counted since the start. `next_try` is in seconds since 1970."""
        return {
            "days_left": None if self.held is None else round((self.held.end - self._now()) / DAY, 3),
            "obtained": self.obtained,
            "failures": self.failures,
            "last_error": self.last_error,
            "next_try": None if self._next is None else round(self._next, 3),
        }

    def _look(self) -> None:
        self._next = None
        looked = deferToThreadPool(self._reactor, self._threads, self._looking.look, self._pause)
        looked.addCallbacks(self._looked, self._failed)
        looked.addErrback(lambda failure: log.failure("after a look at a certificate", failure))

    def _pause(self, seconds: float) -> bool:
        """Called in the thread."""
        return not self._ending.wait(seconds)

    def _looked(self, outlook: Outlook) -> None:
        if self._ending.is_set():
            return
        self._pauses.succeeded()
        self._tally.counts.clear()
        self.last_error = None
        self._again(min(outlook.again - self._now(), SELDOM))
        if outlook.obtained:
            self.obtained += 1
            days = (outlook.held.end - self._now()) / DAY
            self._told(f"a certificate was obtained, which is good for {days:.1f} days")
        if outlook.held != self.held:
            self.held = outlook.held
            self._changed()

    def _failed(self, failure: Failure) -> None:
        if self._ending.is_set():
            return
        if failure.check(Locked) is not None:
            self._again(BUSY)
            return
        if failure.check(CertificateNotObtained, OSError, Stopped) is None:
            log.failure("a look at a certificate failed unexpectedly", failure)
        self.failures += 1
        self.last_error = failure.getErrorMessage()
        pause = self._pauses.failed(getattr(failure.value, "pause", 0.0))
        self._again(pause)
        self._tally.note("failure", f"no certificate was obtained: {self.last_error}; tried again in {pause:.0f} s")

    def _again(self, seconds: float) -> None:
        wait = max(LEAST, seconds)
        self._next = self._now() + wait
        self._call = self._reactor.callLater(wait, self._look)
