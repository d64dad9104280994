"""The promises of signal sources: finite numbers by name, out of whatever a backend says; knows no algorithm.

A source that asks backends itself promises what a health check does besides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any, Final

from zope.interface import Invalid
from zope.interface.verify import verifyObject

from balancer.core.messages import ResponseHead
from balancer.errors import CheckFailed
from balancer.interfaces import ISignalSource
from balancer.testing.kit import checks, well
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.constants import mentioned
from balancer.testing.kit.examining import Examination, are_numbers
from balancer.testing.kit.searching import search
from balancer.testing.kit.stories import Story, in_words
from balancer.testing.strategies import hypothesis_strategies

READS: Final = "answered() answers finite numbers by name, or raises CheckFailed, whatever stands in a head"
ATTRIBUTES: Final = "it has what ISignalSource asks for"
VALUES: Final = (
    "",
    "=",
    "cpu=",
    "1",
    "1e3",
    "1e999",
    "nan",
    "-inf",
    "cpu=nan",
    "JSON {",
    'JSON {"cpu_utilization": 1e999}',
    "TEXT cpu_utilization=0.5",
    "TEXT cpu_utilization=nan",
    "\xff",
    "9" * 5000,
)
"""What stands in heads, and what should not."""


def shape(subject: Subject) -> None:
    """It names its signals, how long they count and whom it can serve, and has a way to bring them."""
    story, source = Story(), subject.make()
    story.tell(f"{subject.name} is made")
    try:
        verifyObject(ISignalSource, source, tentative=True)
    except Invalid as error:
        story.broken(ATTRIBUTES, str(error))
    checks.kinds_of_pool(story, source)
    for promised, name, fits in _attributes(source):
        value = getattr(source, name, None)
        if not fits(value):
            story.broken(promised, repr(value))
    if not (_asks(source) or _hears(source) or getattr(source, "reported", False)):
        story.broken("it collects, is told of answers, or takes what checks report", "none of these")
    if _asks(source):
        story.tell("it is asked about a backend that stays silent")
        Examination(source, story).stop()


def _attributes(source: Any) -> Iterator[tuple[str, str, Callable[[Any], bool]]]:
    yield "names are those of its signals, one at least", "names", _are_texts
    yield "expire is for how many seconds a number counts", "expire", _is_time
    if _asks(source):
        yield "every is after how many seconds it is asked again", "every", _is_time
        yield "timeout is how many seconds it may take", "timeout", _is_time
    if _hears(source):
        yield "fields are those of answers that it reads, in lower case", "fields", _are_fields


def _asks(source: Any) -> bool:
    return callable(getattr(source, "collect", None))


def _hears(source: Any) -> bool:
    return callable(getattr(source, "answered", None))


def _are_texts(value: Any) -> bool:
    is_some = isinstance(value, Collection) and not isinstance(value, str) and len(value) > 0
    return is_some and all(isinstance(one, str) for one in value)


def _are_fields(value: Any) -> bool:
    return _are_texts(value) and all(name == name.lower() for name in value)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and value > 0


def heads(subject: Subject) -> None:
    """Of whatever stands in an answer it makes finite numbers by name, or raises CheckFailed."""
    if not _hears(subject.make()):
        return
    st = hypothesis_strategies()
    words = [word.decode("latin-1").replace("\n", " ") for word in mentioned(subject.make())]
    value = st.lists(st.sampled_from([*VALUES, *words, ",", "=", " "]), max_size=5).map("".join)
    search(value, partial(_reads, subject), subject.effort, first=[*VALUES, *_pairs(subject.make().names)])


def _pairs(names: Collection[str]) -> list[str]:
    """Each name with what may follow it."""
    return [f"{before}{name}={value}" for name in names for before in ("", "TEXT ") for value in ("", "1", "nan", "x")]


def _reads(subject: Subject, value: str) -> None:
    story, source = Story(), subject.make()
    fields = tuple((name, value) for name in sorted(source.fields))
    story.tell(f"a backend answers with {', '.join(f'{name}: {told!r}' for name, told in fields)}")
    try:
        found = source.answered(ResponseHead(200, fields=fields))
    except CheckFailed:
        return
    except Exception as error:  # noqa: BLE001  whatever a plugin raises is what came
        story.broken(READS, f"it raised {in_words(error)}")
    if not are_numbers(source.names, found):
        close = getattr(found, "close", lambda: None)
        close()
        story.broken(READS, f"{found!r}, which is a {type(found).__name__}")


def _if_it_asks(judge: Callable[[Subject], None]) -> Callable[[Subject], None]:
    def level(subject: Subject) -> None:
        if _asks(subject.make()):
            judge(subject)

    level.__doc__ = judge.__doc__
    return level


cancelled, refused, garbage, splits, evidence, blocking, flapping, side_by_side = (
    _if_it_asks(judge)
    for judge in (
        checks.cancelled,
        checks.refused,
        checks.garbage,
        checks.splits,
        checks.evidence,
        checks.blocking,
        well.flapping,
        well.side_by_side,
    )
)
