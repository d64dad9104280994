"""The promises of health checks: an end whatever comes, nothing left behind, and a word that follows the backend."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Mapping, Sequence
from functools import partial
from inspect import isawaitable
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from balancer.errors import CheckFailed
from balancer.interfaces import Report
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.constants import mentioned
from balancer.testing.kit.searching import search
from balancer.testing.kit.stories import Story, in_words
from balancer.testing.strategies import hypothesis_strategies
from balancer.testing.targets import MemoryTarget

ENDS: Final = "a check ends when it is cancelled, and leaves nothing behind"
JUDGES: Final = "a check answers None or a Report when healthy, and raises CheckFailed when not"
GREETINGS: Final = (
    b"\n",
    b"x\n",
    b"-1\r\n",
    b"\xff\xfe\n",
    b"PONG\r\n",
    b"+PONG\r\n",
    b"220 ready\r\n",
    b"200 OK\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n",
    b"up 100%\n",
)
"""What backends say, and what they should not."""
FLOOD: Final = 4 * 1024 * 1024
KEPT: Final = 2 * 1024 * 1024
"""Bytes of a flood that a check may keep."""


class Examined:
    """One check of one backend under way; `came` is empty until it has ended."""

    def __init__(self, check: Any, target: MemoryTarget, story: Story) -> None:
        self.target, self.story = target, story
        self.came: list[Any] = []
        begin = getattr(check, "check", None) or getattr(check, "collect", None) or check
        answer = story.asked(JUDGES, "check()", lambda: begin(target))
        if not isawaitable(answer):
            story.broken("check() returns a Deferred or a coroutine", f"{answer!r}, which cannot be awaited")
        self.running: Deferred[Any] = Deferred.fromCoroutine(_waiting(answer))
        self.running.addBoth(self.came.append)

    @property
    def verdict(self) -> str:
        """What the check says so far."""
        if not self.came:
            return "still waits"
        return "fails" if isinstance(self.came[0], Failure) else "passes"

    def judge(self) -> None:
        """End the story if the check ended in a way that is none. Raises `Broken`."""
        for came in self.came:
            if isinstance(came, Failure):
                if not came.check(CheckFailed, CancelledError):
                    self.story.broken(JUDGES, f"it raised {in_words(came.value or Exception())}")
            elif not isinstance(came, Report | Mapping | None):
                self.story.broken(JUDGES, f"{came!r}, which is a {type(came).__name__}")

    def cancel(self) -> None:
        """What the pool does when the time is up. Raises `Broken`."""
        self.story.tell("its time is up, and it is cancelled")
        asked = self.target.asked
        self.running.cancel()
        self.target.settle()
        if not self.came:
            self.story.broken(ENDS, "it still runs")
        if self.target.clock.getDelayedCalls():
            self.story.broken(ENDS, "calls are still to come on the clock")
        if self.target.asked != asked:
            self.story.broken(ENDS, "it connects anew")
        self.judge()


async def _waiting(answer: Any) -> Any:
    return await answer


def shape(subject: Subject) -> None:
    """It can be asked, and answers what can be awaited; it names the kinds of pool that it can probe."""
    story, check = Story(), subject.make()
    story.tell("it is asked about a backend that stays silent")
    kinds = getattr(check, "protocols", None)
    if kinds is None and not callable(check):
        story.broken("protocols names the kinds of pool that it can probe", "there is none")
    Examined(check, MemoryTarget(), story).running.cancel()


def cancelled(subject: Subject) -> None:
    """However far it has come, it ends when it is cancelled: no call is to come, and nothing is asked for again."""
    for held in (True, False):
        for said in (b"", *GREETINGS[:4]):
            story, target = Story(), MemoryTarget(held=held)
            story.tell(f"a check of a backend {'that does not answer a knock' if held else 'that lets it connect'}")
            examined = Examined(subject.make(), target, story)
            if said and not held:
                story.tell(f"the backend says {said!r}")
                target.say(said)
            examined.cancel()


def refused(subject: Subject) -> None:
    """A backend that cannot be connected to is not healthy."""
    story, target = Story(), MemoryTarget(refused=True)
    story.tell("a check of a backend that refuses connections")
    examined = Examined(subject.make(), target, story)
    target.clock.advance(0)
    examined.judge()
    if target.asked and examined.verdict != "fails":
        story.broken("a check of what refuses connections fails with CheckFailed", f"it {examined.verdict}")


def garbage(subject: Subject) -> None:
    """Whatever a backend says, and however it ends, the check passes or fails, and keeps no more than it must."""
    st = hypothesis_strategies()
    word = st.sampled_from([*GREETINGS, *mentioned(subject.make())]) | st.binary(min_size=1, max_size=20)
    cases = st.tuples(st.booleans(), st.lists(word, max_size=5))
    first = [(cleanly, [greeting]) for greeting in GREETINGS for cleanly in (True, False)]
    search(cases, partial(_says, subject), subject.effort, first=first)
    for piece in (b"x" * 65536, b"\x00" * 65536, b"x\r\n" * 21845):
        _floods(subject, piece)


def _says(subject: Subject, case: tuple[bool, Sequence[bytes]]) -> None:
    cleanly, pieces = case
    story, target = Story(), MemoryTarget()
    story.tell("a check of a backend that lets it connect")
    examined = Examined(subject.make(), target, story)
    for piece in pieces:
        story.tell(f"the backend says {piece!r}")
        story.asked("a check takes whatever a backend says", "its protocol", partial(target.say, piece))
        examined.judge()
    story.tell(f"the backend {'closes' if cleanly else 'breaks off'}")
    story.asked("a check takes every end of a connection", "its protocol", partial(target.end, cleanly=cleanly))
    examined.judge()
    if not examined.came:
        examined.cancel()


def _floods(subject: Subject, piece: bytes) -> None:
    story, target = Story(), MemoryTarget()
    examined = Examined(subject.make(), target, story)
    story.tell(f"the backend says {piece[:6]!r} and so on, {FLOOD // 1024} KiB")
    traced = tracemalloc.is_tracing()
    if not traced:
        tracemalloc.start(1)
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(FLOOD // len(piece)):
            target.say(bytes(bytearray(piece)))  # each its own, as read from a socket
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        if not traced:
            tracemalloc.stop()
    if kept > KEPT:
        story.broken(f"a check keeps at most {KEPT // 1024} KiB of what a backend says", f"it keeps {kept // 1024} KiB")
    if not examined.came:
        examined.cancel()


def flapping(subject: Subject) -> None:
    """Each check judges anew: what was well may fail next time, and what failed may be well."""
    for greeting in _that_pass(subject):
        check = subject.make()
        for well in (True, False, True):
            story, target = Story(), MemoryTarget(refused=not well)
            story.tell(f"the backend was well before, or not, and {'is well' if well else 'refuses connections'} now")
            verdict = _verdict(check, target, story, greeting)
            if target.asked == 0 and not well:
                story.broken("each check looks at the backend", "it did not even connect")
            if verdict != ("passes" if well else "fails"):
                story.broken("a check tells how the backend is now", f"it {verdict}")


def _that_pass(subject: Subject) -> list[bytes]:
    """What makes the check pass, of all that is tried; silence first."""
    words = [b"", *GREETINGS, *mentioned(subject.make())]
    passing = [word for word in words if _verdict(subject.make(), MemoryTarget(), Story(), word) == "passes"]
    return [word for word in passing[:2] if _needs_a_connection(subject)]


def _needs_a_connection(subject: Subject) -> bool:
    target = MemoryTarget()
    Examined(subject.make(), target, Story()).running.cancel()
    return bool(target.protocols)


def _verdict(check: Any, target: MemoryTarget, story: Story, greeting: bytes) -> str:
    examined = Examined(check, target, story)
    if greeting:
        target.say(greeting)
    verdict = examined.verdict
    examined.running.cancel()
    return verdict


def _closed_alone(subject: Subject) -> str:
    """What the check says of a backend that lets it connect, says nothing and closes."""
    target = MemoryTarget()
    examined = Examined(subject.make(), target, Story())
    target.end()
    examined.running.cancel()
    return examined.verdict


def side_by_side(subject: Subject) -> None:
    """One object checks many backends at the same time, and takes none for another."""
    for greeting in _that_pass(subject):
        if not greeting or _closed_alone(subject) != "fails":
            continue
        check, story = subject.make(), Story()
        one, other = MemoryTarget(held=True), MemoryTarget(held=True)
        story.tell("two backends are checked at the same time")
        first, second = Examined(check, one, story), Examined(check, other, story)
        one.connect_held()
        other.connect_held()
        story.tell(f"the first one says {greeting!r}")
        one.say(greeting)
        story.tell("the second one says nothing, and closes")
        other.end()
        told = first.verdict, second.verdict
        first.running.cancel()
        second.running.cancel()
        if told != ("passes", "fails"):
            story.broken("the first passes, and the second fails", f"the first {told[0]}, and the second {told[1]}")
