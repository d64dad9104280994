"""Faulty filters: they lose fields, write what no wire can carry, or depend on how a body was cut."""

from __future__ import annotations

from typing import Any

import attrs

from balancer.interfaces import Filter
from tests.testing.faulty.listing import Faulty


class OneOfAName(Filter):
    """Keeps one field of every name: of several cookies that an answer sets, all but the last are lost."""

    def response(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        return attrs.evolve(head, fields=tuple(dict(head.fields).items()))


class ChangesInPlace(Filter):
    """Changes the head it was given, which others hold as well."""

    def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        head.fields = (*head.fields, ("x-seen", "yes"))
        return head


class ReturnsNothing(Filter):
    """Forgets to return the head that it leaves as it is."""

    def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        return head.without("cookie") if head.get("cookie") else None


class WritesTheTarget(Filter):
    """Copies into a field what the client sent, decoded, line ends and all."""

    def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        decoded = head.target.replace("%0d", "\r").replace("%0a", "\n")
        return attrs.evolve(head, fields=(*head.fields, ("x-target", decoded)))


class CapitalNames(Filter):
    """Writes names of fields with capitals, so that nobody finds them."""

    def response(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        return attrs.evolve(head, fields=(*head.fields, ("X-Served-By", "balancer")))


class SecondField(Filter):
    """Takes for granted that a field is there."""

    def request(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        return head.with_field("x-agent", head.get("user-agent").split("/")[0])


class TimeOfNothing(Filter):
    """Waits before it lets an answer pass, where there is no time to wait."""

    async def response(self, head: Any, session: Any) -> Any:
        """See `IFilter`."""
        return head


class _Replacing:
    def feed(self, data: bytes) -> bytes:
        """Replace in this piece alone."""
        return data.replace(b"http://", b"https://")

    def finish(self) -> bytes:
        """Nothing was held back."""
        return b""


class ReplacesByPiece(Filter):
    """Replaces a text in every piece of a body, and not where a cut runs through it."""

    def body(self, head: Any, session: Any, direction: Any) -> Any:
        """See `IFilter`."""
        return _Replacing()


class _Whole:
    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> bytes:
        """Keep it."""
        self._data += data
        return b""

    def finish(self) -> bytes:
        """All of it."""
        return self._data.upper()


class HoldsTheBody(Filter):
    """Holds a whole body in memory before it changes it, however long it is."""

    def body(self, head: Any, session: Any, direction: Any) -> Any:
        """See `IFilter`."""
        return _Whole()


class _Numbered:
    def __init__(self) -> None:
        self._lines = 0

    def feed(self, data: bytes) -> bytes:
        """Number the lines."""
        self._lines += data.count(b"\n")
        return data

    def finish(self) -> bytes:
        """Tell how many there were."""
        return b"%d lines\n" % self._lines


class OneForAllBodies(Filter):
    """Uses one transform for all bodies, which count on from each other."""

    def __init__(self) -> None:
        self._transform = _Numbered()

    def body(self, head: Any, session: Any, direction: Any) -> Any:
        """See `IFilter`."""
        return self._transform


class _Upper:
    def feed(self, data: bytes) -> Any:
        """Answer what can be changed, and is not bytes."""
        return bytearray(data).upper()

    def finish(self) -> bytes:
        """Nothing was held back."""
        return b""


class AnswersByteArrays(Filter):
    """Answers byte arrays, which transports do not take."""

    def body(self, head: Any, session: Any, direction: Any) -> Any:
        """See `IFilter`."""
        return _Upper()


FILTERS = [
    Faulty(OneOfAName, "fields"),
    Faulty(ChangesInPlace, "untouched"),
    Faulty(ReturnsNothing, "heads"),
    Faulty(WritesTheTarget, "heads"),
    Faulty(CapitalNames, "heads"),
    Faulty(SecondField, "heads"),
    Faulty(TimeOfNothing, "heads"),
    Faulty(ReplacesByPiece, "cuts"),
    Faulty(AnswersByteArrays, "cuts"),
    Faulty(OneForAllBodies, "bodies"),
    Faulty(HoldsTheBody, "buffer"),
]
