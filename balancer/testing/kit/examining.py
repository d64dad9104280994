"""One check of one backend, run as production runs it (`net.probing`); tells what came of it and what it left behind.

Signal sources that ask backends are examined the same way. Refuses to know which promise is tried.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from functools import partial
from inspect import isawaitable
from math import isfinite
from random import Random
from typing import Any, Final

import attrs
from twisted.internet.defer import CancelledError

from balancer.core.turns import Turns
from balancer.errors import CheckFailed
from balancer.interfaces import Report
from balancer.net.probing import Probing, Terms
from balancer.testing.kit.stories import Story, in_words
from balancer.testing.targets import MemoryTarget

ENDS: Final = "a check ends when it is cancelled, and leaves nothing behind"
JUDGES: Final = "a check answers None or a Report when healthy, and raises CheckFailed when not"
COLLECTS: Final = "a source answers finite numbers by name, and raises CheckFailed when there is nothing to be had"
WAITED: Final = "it answers a Deferred or a coroutine"
TAKES: Final = "the protocol of a check takes whatever a backend says, and every end"
TIMEOUT: Final = 5.0
"""Seconds until a check is cancelled."""


class Examination:
    """One check under way: `net.probing.Examiner`. It begins at once, and has connected if the backend lets it.

    `found` is what it answered, and `raised` what it raised, once it has `ended`.
    """

    every = 60.0

    def __init__(self, check: Any, story: Story, target: MemoryTarget | None = None) -> None:
        self.target, self.story = target or MemoryTarget(), story
        self.ended = self._cancelled = False
        self.found: Any = None
        self.raised: BaseException | None = None
        self._wrong = ""
        self._begin, self._promise, self._fit = _asking(check)
        self._elsewhere = _calls_elsewhere()
        terms = Terms(self.target.network, Random(0), Turns(1), TIMEOUT, 0.0)
        self._probing = Probing(self, terms)
        self._probing.start(0.0)
        self.moved(self.target.network.pump)

    def aim(self) -> MemoryTarget:
        """See `Examiner`."""
        return self.target

    async def ask(self, target: Any) -> Any:
        """See `Examiner`."""
        try:
            answer = self._begin(target)
            if isawaitable(answer):
                self.found = await answer
            else:
                self._wrong = f"{answer!r}, which cannot be awaited"
        except BaseException as error:
            self.raised = error
            raise
        finally:
            self.ended = True

    def judge(self, answer: Any) -> None:
        """See `Examiner`."""

    def skipped(self, shortage: str) -> None:
        """See `Examiner`."""

    @property
    def verdict(self) -> str:
        """What the check says so far."""
        if not self.ended:
            return "still waits"
        return "passes" if self.raised is None else "fails"

    @property
    def told(self) -> str:
        """Its verdict and what it reports, but evidence."""
        found = attrs.evolve(self.found, detail="") if isinstance(self.found, Report) else self.found
        return self.verdict if found in (None, Report()) else f"{self.verdict} with {found!r}"

    @property
    def evidence(self) -> str:
        """What it says for its verdict, or nothing."""
        told = self.found if self.raised is None else self.raised
        return told.detail if isinstance(told, Report) else str(told) if isinstance(told, CheckFailed) else ""

    def say(self, data: bytes) -> None:
        """The backend says this. Raises `Broken`."""
        self.story.tell(f"the backend says {data!r}")
        self.moved(partial(self.target.say, data))

    def end(self, *, cleanly: bool = True) -> None:
        """The backend ends the connection. Raises `Broken`."""
        self.story.tell(f"the backend {'closes' if cleanly else 'breaks off'}")
        self.moved(partial(self.target.end, cleanly=cleanly))

    def moved(self, happens: Callable[[], None]) -> None:
        """Let that happen, and look at what the check has said. Raises `Broken`."""
        self.story.asked(TAKES, "its protocol", happens)
        self._verify()

    def stop(self, *, at_once: bool = False) -> None:
        """Do what the pool does when the time is up, or `at_once`, as with a new config. Raises `Broken`.

        Whether it had ended before or not, nothing of it may be left.
        """
        if not self.ended:
            self._cancelled = True
            self.story.tell("it is cancelled" if at_once else "its time is up, and it is cancelled")
        if not at_once:
            self.moved(partial(self.target.network.advance, TIMEOUT))
        self._probing.stop()
        self.moved(self.target.network.pump)
        if left := self._left():
            self.story.broken(ENDS, left)

    def _left(self) -> str:
        network = self.target.network
        if not self.ended:
            return "it still runs"
        if network.clock.getDelayedCalls():
            return "calls are still to come on the clock"
        if network.pairs or network.connecting:
            return "a connection is still open"
        if set(_calls_elsewhere()) - set(self._elsewhere):
            return "calls are still to come on the reactor of the process, which is not the target's clock"
        return "it asks anew" if self.target.too_late else ""

    def _verify(self) -> None:
        if self._wrong:
            self.story.broken(WAITED, self._wrong)
        allowed = (CheckFailed, CancelledError) if self._cancelled else CheckFailed
        if self.raised is not None and not isinstance(self.raised, allowed):
            self.story.broken(self._promise, f"it raised {in_words(self.raised)}")
        if self.ended and self.raised is None and not self._fit(self.found):
            self.story.broken(self._promise, f"{self.found!r}, which is a {type(self.found).__name__}")


def _calls_elsewhere() -> list[Any]:
    """What is to come on the reactor of the process, if it has one: no check is to use that."""
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    return [] if reactor is None else list(reactor.getDelayedCalls())


def _asking(check: Any) -> tuple[Callable[[Any], Any], str, Callable[[Any], bool]]:
    """How it is asked, what it promises to answer, and whether something is that."""
    if callable(getattr(check, "collect", None)):
        return check.collect, COLLECTS, partial(are_numbers, check.names)
    return getattr(check, "check", check), JUDGES, lambda found: isinstance(found, Report | None)


def are_numbers(names: Collection[str], found: Any) -> bool:
    """Whether it is a mapping, and what it has by these names are numbers that can be compared."""
    if not isinstance(found, Mapping):
        return False
    numbers = [found[name] for name in names if name in found]
    return all(isinstance(number, int | float) and isfinite(number) for number in numbers)
