"""The budgets of what reads strangers' text: what is put where a matcher, a filter, a check or a source may read it.

`pacing` says which texts, and what too slow is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from time import process_time
from typing import Any, Final

from balancer.core.filters import chain_of
from balancer.core.messages import RequestHead, ResponseHead
from balancer.interfaces import Direction, Kind
from balancer.testing.fakes import FakeSession
from balancer.testing.kit.claims import Subject
from balancer.testing.kit.constants import mentioned
from balancer.testing.kit.examining import Examination
from balancer.testing.kit.filters import Bodies, session_for, waited
from balancer.testing.kit.matchers import question
from balancer.testing.kit.pacing import LONG, SHORT, Text, climb, texts
from balancer.testing.kit.stories import Story
from balancer.testing.kit.waiting import waits_in

FIELDS: Final = ("accept", "authorization", "content-type", "cookie", "referer", "user-agent", "x-forwarded-for")
ANSWERED: Final = ("content-type", "location", "server", "set-cookie")
GREETINGS: Final = ("", "220 ", "HTTP/1.1 200 OK\r\n\r\n")
"""How that begins which a backend says."""
PIECE: Final = 16
"""Bytes of a body that come at once, when it comes in pieces."""
ALWAYS: Final = 16
"""Texts that are tried however slow the machine is."""
WAITS: Final = "it waits for nothing"

_NOT_OF_TARGETS: Final = re.compile(r"[^!-~]|#")
_NOT_OF_HOSTS: Final = re.compile(r"[^0-9A-Za-z.-]")
"""What the decoder does not let through there."""

Prepared = Callable[[str], Callable[[], object]]
"""Makes ready to read a text."""


def matchers(subject: Subject) -> None:
    """Whatever a client sends, and up to 8 KiB of it, no answer takes long, and none waits."""
    matcher = subject.make()
    heads = {what: _to_match(matcher, make) for what, make in _heads(_names(matcher, FIELDS)).items()}
    first = {"what a connection begins with": _to_match(matcher, lambda text: FakeSession(peek=text.encode("latin-1")))}
    _waits_for_nothing("a matcher is asked", heads | first)
    _climb_all(subject, texts(matcher), heads | first)


def _to_match(matcher: Any, make: Callable[[str], Any]) -> Prepared:
    return lambda text: partial(question(matcher), _requesting(make(text)))


def _requesting(made: Any) -> FakeSession:
    return made if isinstance(made, FakeSession) else FakeSession(kind=Kind.HTTP, request=made)


def _heads(names: tuple[str, ...]) -> Mapping[str, Callable[[str], RequestHead]]:
    """Requests that say a text somewhere, as far as the decoder lets it through there."""
    return {
        "the path of a request": lambda text: _asked(text if text.startswith("/") else f"/{text}"),
        "its query": lambda text: _asked(f"/?{text}"),
        "its host": lambda text: RequestHead("GET", "/", _NOT_OF_HOSTS.sub("", text)),
        "every field of it": lambda text: RequestHead("GET", "/", "example.com", fields=_all(names, text)),
    }


def _asked(target: str) -> RequestHead:
    return RequestHead("GET", _NOT_OF_TARGETS.sub("", target), "example.com")


def _all(names: tuple[str, ...], text: str) -> tuple[tuple[str, str], ...]:
    value = f"x{text}".strip() if text[:1].isspace() else text.strip()
    return tuple((name, value) for name in names)


def _names(plugin: Any, usual: tuple[str, ...]) -> tuple[str, ...]:
    """Names of fields: the usual ones, and what it mentions that may be one."""
    words = (word.decode("latin-1").lower() for word in mentioned(plugin))
    own = (word for word in words if word.isascii() and word.replace("-", "").isalnum())
    return tuple(dict.fromkeys((*usual, *own)))


def _climb_all(subject: Subject, several: Sequence[Text], places: Mapping[str, Prepared]) -> None:
    """The first texts in every place, and the others as far as there is time: first the short lengths.

    Raises `Broken`.
    """
    for lengths in (SHORT, LONG):
        until = process_time() + subject.effort.seconds / 4
        for number, text in enumerate(several):
            if number >= ALWAYS and process_time() > until:
                break
            for what, prepared in places.items():
                climb(what, text, lengths, prepared)


def _waits_for_nothing(what: str, places: Mapping[str, Prepared]) -> None:
    """Let it read something short everywhere. Raises `Broken`."""
    for place, prepared in places.items():
        if waits := waits_in(partial(_asked_anyway, prepared("example"))):
            story = Story()
            story.tell(f"{what}; {place} is 'example'")
            story.broken(WAITS, f"it called {waits}")


def _asked_anyway(once: Callable[[], object]) -> None:
    with suppress(Exception):  # whether it fails is another promise
        once()


def filters(subject: Subject) -> None:
    """Whatever a stranger sends, and up to 8 KiB of it, no head and no body takes long, and none waits."""
    one = subject.make()
    chain: Any = chain_of([one])
    request = RequestHead("GET", "/", "example.com")

    def to_pass(make: Callable[[str], RequestHead], text: str) -> Callable[[], object]:
        head = make(text)
        return lambda: waited(chain.request(head, session_for(head)))

    def to_answer(text: str) -> Callable[[], object]:
        head = ResponseHead(200, fields=_all(_names(one, ANSWERED), text))
        return partial(chain.answer, head, session_for(request))

    places: dict[str, Prepared] = {what: partial(to_pass, make) for what, make in _heads(_names(one, FIELDS)).items()}
    places["every field of an answer"] = to_answer
    _waits_for_nothing("a head comes", places)
    for direction in Direction:
        places |= _of_bodies(Bodies(one, direction))
    _climb_all(subject, texts(one), places)


def _of_bodies(bodies: Bodies) -> Mapping[str, Prepared]:
    """A body that comes at once, and one that comes in pieces; none if it is left alone."""
    if bodies.made() is None:
        return {}

    def to_transform(size: int, text: str) -> Callable[[], object]:
        data = text.encode("latin-1")
        pieces = [data[place : place + size] for place in range(0, len(data), size)]
        return partial(bodies.passed, Story(), bodies.made(), pieces)

    whole = f"the body of a {bodies.direction.value}"
    return {whole: partial(to_transform, 1 << 20), f"{whole}, in pieces of {PIECE}": partial(to_transform, PIECE)}


def checks(subject: Subject) -> None:
    """Whatever a backend says, and up to 8 KiB of it, to read that takes no long time."""
    _climb_all(subject, texts(subject.make(), GREETINGS), {"what a backend says": partial(_to_hear, subject)})


def _to_hear(subject: Subject, text: str) -> Callable[[], object]:
    data, several = f"{text}\r\n".encode("latin-1"), list[Examination]()
    with suppress(Exception):  # whether it can be asked at all is another promise
        several.append(Examination(subject.make(), Story()))

    def hear() -> None:
        for examined in several:
            try:
                examined.say(data)
                examined.end()
            finally:
                examined.stop()

    return hear


def sources(subject: Subject) -> None:
    """Whatever a backend says, and up to 8 KiB of it, to read that takes no long time."""
    source = subject.make()
    if callable(getattr(source, "answered", None)):
        several = texts(source, ("", *(f"{name}=" for name in source.names)))
        _climb_all(subject, several, {"every field of an answer": partial(_to_read, source)})
    if callable(getattr(source, "collect", None)):
        checks(subject)


def _to_read(source: Any, text: str) -> Callable[[], object]:
    return partial(source.answered, ResponseHead(200, fields=_all(tuple(source.fields), text)))
