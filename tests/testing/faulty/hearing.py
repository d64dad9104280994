"""Faulty matchers and filters that go wrong only by what few clients say, by chance, or with time."""

from __future__ import annotations

import random
import re
from collections.abc import Collection
from typing import Any, ClassVar

import attrs

from balancer.interfaces import Filter, Kind, Matcher
from tests.testing.faulty.listing import Faulty


class AnswersTheMatch(Matcher):
    """Answers what its expression found, where it finds something."""

    def matches(self, session: Any) -> Any:
        """See `IMatcher`."""
        return session.request is not None and (re.match(r"/users/\d+", session.request.path) or False)


class DigitsOfText(Matcher):
    """Takes whatever counts as a digit for one of which numbers are made, in a field of its own."""

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        shard = None if session.request is None else session.request.get("x-shard")
        return shard is not None and shard.isdigit() and int(shard) < 8


class LastIsThePort(Matcher):
    """Takes what follows the last colon of a host for its port, also within an IPv6 address."""

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        if session.request is None or ":" not in session.request.authority:
            return False
        return int(session.request.authority.rsplit(":", 1)[1]) == 8080


class PairOfWords(Matcher):
    """Takes for granted that a user of one scheme comes with a word behind it, in a field of its own."""

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        said = "" if session.request is None else session.request.get("x-credentials") or ""
        return said.startswith("Digest ") and int(said.split(" ")[1], 16) == 0


class CanaryByChance(Matcher):
    """Matches one request in twenty, each time another one."""

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        return random.random() < 0.05  # noqa: TID251  that is its fault


class AlwaysButOver(Matcher):
    """Says that it matches always, and leaves datagrams out."""

    always = True

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        return session.kind is not Kind.UDP


class CapturesAnotherName(Matcher):
    """Captures something by another name than it says."""

    captures = frozenset({"tenant"})

    def matches(self, session: Any) -> Any:
        """See `IMatcher`."""
        path = "" if session.request is None else session.request.path
        return path.startswith("/shops/") and {"shop": path.removeprefix("/shops/")}


class EveryClientSeen(Matcher):
    """Remembers every client that it was asked about."""

    def __init__(self) -> None:
        self._seen: set[Any] = set()

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        self._seen.add(session.client)
        return bool(session.tls)


class NamedByTheClient(Filter):
    """Names a field as the query of a client has it."""

    def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        name = head.query.partition("=")[0]
        return attrs.evolve(head, fields=(*head.fields, (f"x-{name}", "1")))


class AgeOfAnswers(Filter):
    """Takes for granted that what a backend says of the age of an answer is a number."""

    def response(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        age = head.get("age")
        return head if age is None or int(age) < 3600 else head.with_field("warning", "110")


class TrimsInPlace(Filter):
    """Takes a slash off the end of a path, in the head that others hold, too."""

    def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        if head.path.endswith("/"):
            head.target = head.target.replace("/?", "?")
        return head


class InOrder(Filter):
    """Sorts fields, and with them those of one name."""

    def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        return attrs.evolve(head, fields=tuple(sorted(head.fields)))


class EveryTarget(Filter):
    """Remembers what was asked for, and how often."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        self._times[head.target] = self._times.get(head.target, 0) + 1
        return head


class _Rewriting(Filter):
    Body: ClassVar[type]

    def body(self, head: Any, session: Any, direction: Any) -> Any:
        """See `IFilter`."""
        return self.Body()


class LineByLine(_Rewriting):
    """Holds back what belongs to no whole line yet, however long that is."""

    class Body:
        """One body."""

        def __init__(self) -> None:
            self._rest = b""

        def feed(self, data: bytes) -> bytes:
            """Whole lines alone."""
            *lines, self._rest = (self._rest + data).split(b"\n")
            return b"".join(line.rstrip() + b"\n" for line in lines)

        def finish(self) -> bytes:
            """The last one."""
            return self._rest.rstrip()


class EndsOfLines(_Rewriting):
    """Ends lines with two characters, and with three where a cut runs through those that were there."""

    class Body:
        """One body."""

        def feed(self, data: bytes) -> bytes:
            """Look at this piece alone."""
            return re.sub(rb"(?<!\r)\n", b"\r\n", data)

        def finish(self) -> bytes:
            """Nothing was held back."""
            return b""


class NothingIsText(_Rewriting):
    """Answers a text for a body without a byte."""

    class Body:
        """One body."""

        def __init__(self) -> None:
            self._last: Collection[Any] = ""

        def feed(self, data: bytes) -> bytes:
            """Pass it, and hold the last byte."""
            told, self._last = bytes(self._last or b"") + data[:-1], data[-1:]
            return told

        def finish(self) -> Any:
            """That byte."""
            return self._last


MATCHERS = [
    Faulty(AnswersTheMatch, "hostile"),
    Faulty(DigitsOfText, "hostile"),
    Faulty(LastIsThePort, "hostile"),
    Faulty(PairOfWords, "hostile"),
    Faulty(CanaryByChance, "determinism"),
    Faulty(AlwaysButOver, "hints"),
    Faulty(CapturesAnotherName, "hints"),
    Faulty(EveryClientSeen, "memory"),
]
FILTERS = [
    Faulty(NamedByTheClient, "heads"),
    Faulty(AgeOfAnswers, "heads"),
    Faulty(TrimsInPlace, "untouched"),
    Faulty(InOrder, "fields"),
    Faulty(LineByLine, "buffer"),
    Faulty(EndsOfLines, "cuts"),
    Faulty(NothingIsText, "bodies"),
    Faulty(EveryTarget, "memory"),
]
