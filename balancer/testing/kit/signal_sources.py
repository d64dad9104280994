"""The promises of signal sources: numbers by name, out of whatever a backend says; knows no algorithm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from balancer.core.messages import ResponseHead
from balancer.errors import CheckFailed
from balancer.testing.kit import checks
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.constants import mentioned
from balancer.testing.kit.searching import search
from balancer.testing.kit.stories import Story
from balancer.testing.strategies import hypothesis_strategies

NUMBERS: Final = "whatever stands in a head, answered() answers numbers by name, or raises CheckFailed"
VALUES: Final = (
    "",
    "=",
    "cpu=",
    "cpu=nan",
    "JSON {",
    'JSON {"cpu_utilization": 1e999}',
    "TEXT cpu_utilization=0.5",
    "\xff",
)


def asks(source: Any) -> bool:
    """Whether it asks backends itself."""
    return callable(getattr(source, "collect", None))


def shape(subject: Subject) -> None:
    """It names its signals, how long they count and whom it can serve, and has a way to bring them."""
    story, source = Story(), subject.make()
    story.tell(f"{subject.name} is made")
    for name in ("names", "expire", "protocols"):
        if not hasattr(source, name):
            story.broken("it has what ISignalSource asks for", f"there is no {name}")
    if not source.expire > 0:
        story.broken("a number counts for some time", f"for {source.expire!r} s")
    if not (asks(source) or callable(getattr(source, "answered", None)) or getattr(source, "reported", False)):
        story.broken("it collects, is told of answers, or takes what checks report", "none of these")


def heads(subject: Subject) -> None:
    """Of whatever stands in an answer it makes numbers by name, or nothing."""
    source = subject.make()
    answered = getattr(source, "answered", None)
    if answered is None:
        return
    st = hypothesis_strategies()
    words = [word.decode("latin-1") for word in mentioned(source)]
    value = st.lists(st.sampled_from([*VALUES, *words, ",", "=", " "]), max_size=5).map("".join)
    search(value, partial(_tells_numbers, source, answered), subject.effort, first=VALUES)


def _tells_numbers(source: Any, answered: Callable[[Any], Any], value: str) -> None:
    story = Story()
    fields = tuple((name, value.replace("\n", " ")) for name in sorted(getattr(source, "fields", ("x-load",))))
    story.tell(f"a backend answers with {', '.join(f'{name}: {told!r}' for name, told in fields)}")
    found = story.asked(NUMBERS, "answered()", partial(_told, answered, ResponseHead(200, fields=fields)))
    if not isinstance(found, Mapping):
        story.broken(NUMBERS, f"{found!r}, which is a {type(found).__name__}")
    if not all(isinstance(name, str) and isinstance(number, int | float) for name, number in found.items()):
        story.broken(NUMBERS, repr(dict(found)))


def _told(answered: Callable[[Any], Any], head: ResponseHead) -> Any:
    try:
        return answered(head)
    except CheckFailed:
        return {}


def _if_it_asks(judge: Callable[[Subject], None]) -> Callable[[Subject], None]:
    def level(subject: Subject) -> None:
        if asks(subject.make()):
            judge(subject)

    level.__doc__ = judge.__doc__
    return level


cancelled, refused, garbage, flapping, side_by_side = (
    _if_it_asks(judge)
    for judge in (checks.cancelled, checks.refused, checks.garbage, checks.flapping, checks.side_by_side)
)
