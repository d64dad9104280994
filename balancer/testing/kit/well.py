"""The promises of health checks that need a backend that is well: claimed, or found among usual answers."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any
from unittest import SkipTest

import attrs

from balancer.testing.kit.checks import GREETINGS, conversation, in_time
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.constants import mentioned
from balancer.testing.kit.examining import Examination
from balancer.testing.kit.stories import Story
from balancer.testing.scripts import Script, script_of
from balancer.testing.targets import MemoryTarget


@attrs.frozen
class _Well:
    """How a backend behaves that is well: it says this once it is connected to, or follows a script."""

    said: bytes = b""
    script: Script | None = None

    def target(self, *, refused: bool = False, silent: bool = False) -> MemoryTarget:
        """Such a backend, if it is not `refused`."""
        return MemoryTarget(refused=refused, silent=silent, script=self.script)

    def speak(self, examined: Examination) -> None:
        """Say what no script says."""
        if self.said:
            examined.say(self.said)


def flapping(subject: Subject) -> None:
    """Each check judges anew: what was well may fail next time, and what failed may be well."""
    for way in _that_pass(subject):
        check, story = subject.make(), Story()
        for well in (True, False, True):
            target = way.target(refused=not well)
            story.tell(f"a check of a backend that {'lets it connect' if well else 'refuses connections now'}")
            verdict = _verdict(check, target, story, way if well else _Well())
            if target.asked == 0:
                story.broken("each check looks at the backend", "it did not even connect")
            if (verdict == "passes") is not well:
                story.broken("a check tells how the backend is now", f"it {verdict}")


def _that_pass(subject: Subject) -> list[_Well]:
    """How a backend may be well: as is claimed, else some that make the check pass, silence first.

    Raises `Broken` when the claim is wrong, and `SkipTest` where there are none.
    """
    if subject.claims.healthy is not None:
        return [_claimed(subject)]
    if not _asks(subject):
        raise SkipTest("it asks nothing of a backend")
    words = [b"", *GREETINGS, *mentioned(subject.make())]
    ways = (_Well(word) for word in in_time(subject, words))
    passing = (way for way in ways if _verdict(subject.make(), MemoryTarget(), Story(), way) == "passes")
    found = list(islice(passing, 2))
    if not found:
        raise SkipTest("it passes on nothing that was tried; tell what a backend says that is well: healthy=b'...'")
    return found


def _claimed(subject: Subject) -> _Well:
    way, story = _Well(script=script_of(subject.claims.healthy)), Story()
    story.tell("a check of a backend that says what is claimed as healthy")
    examined = Examination(subject.make(), story, way.target())
    if examined.verdict != "passes":
        evidence = f": {examined.evidence}" if examined.evidence else ""
        story.broken("a check passes on what healthy= says", f"it {examined.verdict}{evidence}")
    examined.stop()
    return way


def _asks(subject: Subject) -> bool:
    """Whether it asks the backend at all."""
    examined = Examination(subject.make(), Story())
    examined.stop()
    return examined.target.asked > 0


def _verdict(check: Any, target: MemoryTarget, story: Story, way: _Well) -> str:
    examined = Examination(check, story, target)
    way.speak(examined)
    verdict = examined.verdict
    examined.stop()
    return verdict


def side_by_side(subject: Subject) -> None:
    """One object checks many backends at the same time, and takes none for another."""
    for way in _that_pass(subject):
        for well in (True, False):
            _two_at_once(subject, way, well)
        _second_first(subject, way)


def _two_at_once(subject: Subject, way: _Well, well: bool) -> None:
    """One that is well, and one that says nothing: it lets the check connect, or refuses."""
    alone = conversation(subject, True, [])
    passes = well and alone.verdict == "passes"
    check, story = subject.make(), Story()
    one, other = way.target(silent=True), MemoryTarget(silent=True)
    story.tell("a check of a first backend, and of a second one at the same time")
    first, second = Examination(check, story, one), Examination(check, story, other)
    first.moved(one.reach)
    story.tell("the first can be connected to")
    way.speak(first)
    second.moved(partial(other.reach, refused=not well))
    story.tell(f"the second {'can be connected to' if well else 'refuses connections'}")
    second.end()
    if first.verdict != "passes" or (second.verdict == "passes") is not passes:
        came = f"the first {first.verdict}, and the second {second.verdict}"
        story.broken(f"the first passes, and the second {'passes' if passes else 'fails'}", came)
    for each in (alone, first, second):
        each.stop()


def _second_first(subject: Subject, way: _Well) -> None:
    """Whoever is slow to answer holds up no other."""
    check, story = subject.make(), Story()
    story.tell("a check of a first backend, which does not answer a knock")
    first = Examination(check, story, MemoryTarget(silent=True))
    story.tell("a check of a second one, which is well, at the same time")
    second = Examination(check, story, way.target())
    way.speak(second)
    if second.verdict != "passes":
        story.broken("the second passes, whatever becomes of the first", f"it {second.verdict}")
    for each in (second, first):
        each.stop()
