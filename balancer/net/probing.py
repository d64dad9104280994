"""Asks about one backend again and again: in its rhythm, in its turn, within a time, and never twice at once.

What is asked and what an answer changes is an `Examiner`'s business; nothing of that is known here.
"""

from __future__ import annotations

from collections.abc import Coroutine
from random import Random
from typing import Any, Protocol

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from balancer.core.rhythm import Rhythm
from balancer.core.turns import Turns
from balancer.errors import CheckFailed
from balancer.net.check_target import Target
from balancer.net.reasons import OUR_OWN, error_number

STUCK = "the check did not stop when cancelled"


@attrs.frozen
class Terms:
    """What holds for the probes of all backends of one pool: `timeout` in seconds, `jitter` a share of the interval."""

    reactor: Any
    random: Random
    turns: Turns
    timeout: float
    jitter: float


class Examiner(Protocol):
    """Who asks about a backend, and judges what comes of it."""

    @property
    def every(self) -> float:
        """Seconds from one time to the next, as things are."""

    def aim(self) -> Target:
        """The backend, to be examined once."""

    def ask(self, target: Target) -> Coroutine[Any, Any, Any]:
        """Ask once; whatever it raises is an answer, too."""

    def judge(self, answer: Any) -> None:
        """Take an answer, or the `Failure` there was in its place."""

    def skipped(self, shortage: str) -> None:
        """Something of our own was wanting, so that this was no answer."""


class Probing:
    """The probes of one backend, one after another.

    Each has its time only, for its code may take a cancellation for one more error and go on. While it does, no other
    is begun, so that there is never more than one, and every interval is a failure. The time begins with the turn.
    """

    def __init__(self, examiner: Examiner, terms: Terms) -> None:
        self._examiner, self._terms = examiner, terms
        self._going = self._hurried = False
        self._call: IDelayedCall | None = None
        self._limit: IDelayedCall | None = None
        self._running: Deferred[Any] | None = None
        self._target: Target | None = None
        self._previous: Target | None = None
        self._last_words = ""

    def start(self, place: float) -> None:
        """Begin, at that place in the interval."""
        self._going, now = True, self._terms.reactor.seconds()
        self._rhythm = Rhythm(now, place)
        self._due = self._rhythm.first(self._examiner.every)
        self._call = self._terms.reactor.callLater(self._due - now, self._fire)

    def stop(self) -> None:
        """Ask no more; what runs is cancelled, and nothing of it counts."""
        self._going = False
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
        self._terms.turns.done(self)
        if self._target is not None:
            self._give_up()
            self._close()
        self._forget()

    def hurry(self) -> None:
        """Ask at once, unless that is under way; but once only, however often this is called, until the next time."""
        if self._call is not None and not self._hurried:
            self._call.cancel()
            self._due = self._terms.reactor.seconds()
            self._call = self._terms.reactor.callLater(0, self._fire, hurried=True)

    def begin(self) -> None:
        """See `core.turns.Taker.begin`."""
        self._forget()
        self._target = target = self._examiner.aim()
        self._last_words = ""
        self._running = Deferred.fromCoroutine(self._examiner.ask(target))
        self._limit = self._terms.reactor.callLater(self._terms.timeout, self._too_late)
        self._running.addBoth(self._ended)

    def _fire(self, *, hurried: bool = False) -> None:
        self._call, self._hurried = None, hurried
        if self._running is None:
            self._terms.turns.ask(self)
        else:
            self._examiner.judge(Failure(CheckFailed(STUCK)))
            self._come_again()

    def _ended(self, answer: Any) -> None:
        """The code has come to an end; what it says when its time is up is no answer any more."""
        self._running = None
        if self._limit is not None:
            self._conclude(answer)
        elif isinstance(answer, Failure) and answer.check(CheckFailed) is not None:
            self._last_words = f": {answer.getErrorMessage()}"

    def _too_late(self) -> None:
        self._give_up()
        late = CheckFailed(f"no result within {self._terms.timeout:g} s{self._last_words}")
        self._conclude(Failure(late))

    def _give_up(self) -> None:
        """Cancel what runs, which may say its last words and good-bye."""
        self._unlimited()
        if self._target is not None:
            self._target.seal()
        if self._running is not None:
            self._running.cancel()

    def _conclude(self, answer: Any) -> None:
        self._unlimited()
        shortage = self._shortage(answer)
        self._close()
        try:
            if shortage:
                self._examiner.skipped(shortage)
            else:
                self._examiner.judge(answer)
        finally:
            self._come_again()
            self._terms.turns.done(self)

    def _unlimited(self) -> None:
        limit, self._limit = self._limit, None
        if limit is not None and limit.active():
            limit.cancel()

    def _close(self) -> None:
        """The target has time for good-byes until the next is made."""
        self._previous, self._target = self._target, None
        if self._previous is not None:
            self._previous.close()

    def _forget(self) -> None:
        previous, self._previous = self._previous, None
        if previous is not None:
            previous.abort()

    def _come_again(self) -> None:
        """Ask once more at the next time, give or take what keeps many balancers apart."""
        if not self._going:
            return
        now, every = self._terms.reactor.seconds(), self._examiner.every
        self._due = self._rhythm.next(self._due, now, every)
        apart = every * self._terms.jitter * (self._terms.random.random() - 0.5)
        self._call = self._terms.reactor.callLater(max(0.0, self._due + apart - now), self._fire)

    def _shortage(self, answer: Any) -> str:
        """What of our own was wanting; empty if that was not why it failed."""
        if not isinstance(answer, Failure) or self._target is None:
            return ""
        if not self._target.shortage and error_number(answer.value) in OUR_OWN:
            return answer.getErrorMessage()
        return self._target.shortage
