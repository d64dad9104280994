"""The promises of health checks: an end whatever comes, nothing left behind, and a word that follows the backend."""

from __future__ import annotations

import gc
import tracemalloc
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from time import process_time
from typing import Any, Final, TypeVar

from zope.interface import Invalid
from zope.interface.verify import verifyObject

from balancer.interfaces import IHealthCheck, Kind
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.constants import mentioned
from balancer.testing.kit.examining import ENDS, Examination
from balancer.testing.kit.searching import search
from balancer.testing.kit.stories import Story
from balancer.testing.kit.waiting import waits_in
from balancer.testing.strategies import hypothesis_strategies
from balancer.testing.targets import MemoryTarget

GREETINGS: Final = (
    b"\n",
    b"x\n",
    b"-1\r\n",
    b"\xff\xfe\n",
    b"PONG\r\n",
    b"+PONG\r\n",
    b"220 ready\r\n",
    b"220 ready\r\n250 at your service\r\n221 bye\r\n",
    b"200 OK\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n",
    b"up 100%\n",
    b"\x20\x02\x00\x00",
    b"x" * 200 + b"\n",
)
"""What backends say, and what they should not."""
LONG: Final = (b"9" * 5000 + b"\n", b"[" * 50_000 + b"\n")
"""More digits than make a number, and brackets deeper than anybody reads."""
PAGES: Final = tuple(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body) for body in LONG)
"""The same as the body of an answer."""
FLOODS: Final = (b"x" * 65536, b"\x00" * 65536, b"x\r\n" * 21845)
FLOOD: Final = 4 * 1024 * 1024
KEPT: Final = 2 * 1024 * 1024
"""Bytes of a flood that a check may keep."""
EVIDENCE: Final = 20_000
"""Characters of evidence: more than the longest line that is usual (16 KiB), less than all that could be read."""

Case = TypeVar("Case")
Cuts = tuple[bool, bytes, list[int]]
"""A backend that closes cleanly or not, what it says before, and where that is cut."""


def shape(subject: Subject) -> None:
    """It can be asked, and answers what can be awaited; it names the kinds of pool that it can probe."""
    story, check = Story(), subject.make()
    story.tell(f"{subject.name} is made")
    if not callable(check):
        try:
            verifyObject(IHealthCheck, check, tentative=True)
        except Invalid as error:
            story.broken("it has what IHealthCheck asks for", str(error))
        kinds_of_pool(story, check)
    story.tell("it is asked about a backend that stays silent")
    Examination(check, story).stop()


def kinds_of_pool(story: Story, check: Any) -> None:
    """Look at its `protocols`. Raises `Broken`."""
    kinds = check.protocols
    if not isinstance(kinds, Collection) or not kinds or not all(isinstance(kind, Kind) for kind in kinds):
        story.broken("protocols names the kinds of pool that it serves, such as {Kind.TCP}", repr(kinds))


def refused(subject: Subject) -> None:
    """A backend that cannot be connected to is not healthy."""
    story = Story()
    story.tell("a check of a backend that refuses connections")
    examined = Examination(subject.make(), story, MemoryTarget(refused=True))
    if examined.target.asked and examined.verdict == "passes":
        story.broken("a check of what refuses connections fails with CheckFailed", f"it {examined.verdict}")
    examined.stop()


def cancelled(subject: Subject) -> None:
    """However far it has come, it ends when it is cancelled: no call is to come, and nothing is asked for again."""
    before, made = _open(), 0
    for silent, at_once, said in in_time(subject, _ways_so_far(subject.make())):
        story, made = Story(), made + 1
        story.tell(f"a check of a backend {'that does not answer a knock' if silent else 'that lets it connect'}")
        examined = Examination(subject.make(), story, MemoryTarget(silent=silent))
        for piece in said:
            examined.say(piece)
        examined.stop(at_once=at_once)
    if _open() - before >= made:
        Story().broken(ENDS, f"{made} checks have left {_open() - before} files or sockets open")


def _open() -> int:
    """How many files and sockets the process has open; 0 where that cannot be known."""
    try:
        return len(list(Path("/dev/fd").iterdir()))
    except OSError:
        return 0


def _ways_so_far(check: Any) -> Iterator[tuple[bool, bool, list[bytes]]]:
    """Whether the backend is silent, whether all ends at once, and what may bring a check further, up to its end."""
    yield from product((True, False), (True, False), [[]])
    for word in (*GREETINGS, *mentioned(check)):
        yield from product([False], (True, False), ([word[:-1] or b" "], [word], [word, b"\r\n"]))


def in_time(subject: Subject, cases: Iterable[Case]) -> Iterator[Case]:
    """As many of these as there is time for, but two at least: a check may take its time, such as for a certificate."""
    until = process_time() + subject.effort.seconds / 2
    for number, case in enumerate(cases):
        if number > 1 and process_time() > until:
            return
        yield case


def garbage(subject: Subject) -> None:
    """Whatever a backend says, and however it ends, the check passes or fails, and keeps no more than it must."""
    st = hypothesis_strategies()
    word = st.sampled_from([*GREETINGS, *mentioned(subject.make())]) | st.binary(min_size=1, max_size=20)
    cases = st.tuples(st.booleans(), st.lists(word, max_size=5))
    first = ((cleanly, [said]) for said in GREETINGS for cleanly in (True, False))
    search(cases, partial(_says, subject), subject.effort, first=in_time(subject, first))
    for said in (*LONG, *PAGES):
        _says(subject, (True, [said]))
    for piece in FLOODS:
        _floods(subject, piece)


def _says(subject: Subject, case: tuple[bool, Sequence[bytes]]) -> None:
    conversation(subject, *case).stop()


def conversation(subject: Subject, cleanly: bool, pieces: Sequence[bytes]) -> Examination:
    """A check of a backend that says these, one after the other, and ends. Raises `Broken`."""
    story = Story()
    story.tell("a check of a backend that lets it connect")
    return _heard(Examination(subject.make(), story), cleanly, pieces)


def _heard(examined: Examination, cleanly: bool, pieces: Sequence[bytes]) -> Examination:
    for piece in pieces:
        examined.say(piece)
    examined.end(cleanly=cleanly)
    return examined


def _floods(subject: Subject, piece: bytes) -> None:
    story = Story()
    examined = Examination(subject.make(), story)
    story.tell(f"the backend says {piece[:6]!r} and so on, {FLOOD // 1024} KiB")
    kept = _kept(partial(_flooded, examined, piece))
    if kept > KEPT:
        story.broken(f"a check keeps at most {KEPT // 1024} KiB of what a backend says", f"it keeps {kept // 1024} KiB")
    examined.stop()


def _flooded(examined: Examination, piece: bytes) -> None:
    for _ in range(FLOOD // len(piece)):
        examined.moved(partial(examined.target.flood, piece))


def _kept(happens: Callable[[], object]) -> int:
    """Bytes that there are more after it."""
    traced = tracemalloc.is_tracing()
    if not traced:
        tracemalloc.start(1)
    try:
        before = tracemalloc.get_traced_memory()[0]
        happens()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        if not traced:
            tracemalloc.stop()


def splits(subject: Subject) -> None:
    """However the bytes of a backend are cut, the verdict is the same, and so is what is reported."""
    st = hypothesis_strategies()
    words = st.sampled_from([*GREETINGS, *mentioned(subject.make())])
    said = st.lists(words, min_size=1, max_size=3).map(b"".join)
    cases = st.tuples(st.booleans(), said, st.lists(st.integers(1, 40), max_size=3))
    every_byte = ((True, greeting, list(range(1, len(greeting)))) for greeting in GREETINGS)
    search(cases, partial(_cut, subject), subject.effort, first=in_time(subject, every_byte))


def _cut(subject: Subject, case: Cuts) -> None:
    cleanly, said, cuts = case
    whole = conversation(subject, cleanly, [said])
    if whole.target.asked > whole.target.connected:
        whole.stop()
        return  # what datagrams and programs say is not cut
    places = sorted({0, len(said), *(place for place in cuts if place < len(said))})
    pieces = [said[begin:end] for begin, end in pairwise(places)]
    cut = conversation(subject, cleanly, pieces)
    if cut.told != whole.told:
        cut.story.tell(f"it {cut.told}; where {said!r} comes at once, it {whole.told}")
        cut.story.broken("what a backend says is told the same way however the bytes are cut", "two different answers")
    for each in (whole, cut):
        each.stop()


def evidence(subject: Subject) -> None:
    """What it tells for evidence is one line without controls, and does not become longer with all that comes."""
    words = [b"a\nb\r\nc\n", b"\x1b[2Jup\x07\n", *FLOODS, *GREETINGS, *mentioned(subject.make())]
    for word, more in in_time(subject, product(words, (b"", b" x\n" * 20_000, b" " + b"y" * 40_000))):
        examined = conversation(subject, True, [word + more])
        _check_line(examined.story, examined.evidence)
        examined.stop()


def _check_line(story: Story, told: str) -> None:
    if len(told) > EVIDENCE:
        story.broken(f"evidence is at most {EVIDENCE} characters", f"{len(told)} of them: {told[:40]!r} and so on")
    if "\n" in told:
        story.broken("evidence is one line", f"{told.count(chr(10)) + 1} lines: {told[:40]!r} and so on")
    if any(unicodedata.category(letter) == "Cc" for letter in told):
        story.broken("evidence holds no control characters", f"{told[:40]!r} and so on")


def blocking(subject: Subject) -> None:
    """It never makes others wait: what takes time is awaited, and the backend is reached through the target alone."""
    for refused, word in in_time(subject, [(False, b""), (True, b""), *((False, word) for word in GREETINGS)]):
        story = Story()
        story.tell(f"a check of a backend that {'refuses connections' if refused else f'says {word!r}'}")
        target = MemoryTarget(refused=refused)
        if waits := waits_in(lambda: _heard(Examination(subject.make(), story, target), True, [word]).stop()):  # noqa: B023  called at once
            story.broken("all that takes time is awaited, and goes through the target", f"it called {waits}")
