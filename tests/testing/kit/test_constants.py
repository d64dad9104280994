"""What a plugin mentions: found in its code, its settings and what it uses of its own file."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import attrs

from balancer.plugins.matchers import Always
from balancer.testing.kit.constants import mentioned, patterns

MARK = b"marked"


@attrs.define
class Settled:
    """Has settings, in slots."""

    words: tuple[str, ...] = ("one", "two")


class _Beside:
    def said(self) -> str:
        """Mention something."""
        return "beside"


def _neighbour() -> str:
    return "neighbour"


class Speaking:
    """Mentions words in many places."""

    def __init__(self) -> None:
        self.own = "own"

    def says(self) -> object:
        """Mention them."""
        return [("in a tuple", MARK), _Beside, _neighbour, lambda: "within"]


def test_words_are_found() -> None:
    """Texts and bytes are found wherever they stand, shortest first."""
    found = mentioned(Speaking())
    assert {b"own", b"in a tuple", b"marked", b"beside", b"neighbour", b"within"} <= set(found)
    assert found == sorted(found, key=len)
    assert {b"one", b"two"} <= set(mentioned(Settled()))
    assert b"neighbour" in mentioned(_neighbour)
    assert isinstance(mentioned(Always()), list)


class _Nested:
    """Holds a transform, as filters do, and whatever else it is given."""

    class Body:
        """One body."""

        def feed(self, data: bytes) -> bytes:
            """Mention something."""
            return data.replace(b"in a body", b"")

    mark = property(lambda _self: "in a property")

    @staticmethod
    def plain() -> str:
        """Mention something."""
        return "in a static method"

    def __init__(self, *parts: Any) -> None:
        self._parts = parts


def _closing(word: str) -> object:
    return lambda: word


def test_words_lie_deep() -> None:
    """So are those of classes within classes, of partials, methods and closures, and of the parts of a plugin."""
    given = partial(_closing, word="in a partial"), _closing("in a closure"), Speaking().says, {"a key": b"a value"}
    found = set(mentioned(_Nested(*given)))
    assert {b"in a body", b"in a property", b"in a static method"} <= found
    assert {b"in a partial", b"in a closure", b"in a tuple", b"a key", b"a value"} <= found


def test_patterns_are_found() -> None:
    """Compiled patterns are found, and texts that look like one; what only looks so is left out."""
    found = patterns(_Nested(re.compile("a+"), r"/users/\d+", rb"(\w)", "(", "plain"))
    assert {one.pattern for one in found} >= {"a+", r"/users/\d+", rb"(\w)"}
    assert not {"(", "plain"} & {one.pattern for one in found}


def test_what_is_not_there_yet_is_passed_over() -> None:
    """A variable of a closure that has no value mentions nothing."""

    def early() -> str:
        return late

    assert mentioned(early) == []
    late = "late"
    assert mentioned(early) == [b"late"]


class _Slotted:
    __slots__ = ("dear", "empty", "word")


class _Lazy(_Slotted):
    """Has one slot filled, one empty, and a property in place of one, which nobody may ask."""

    def __init__(self) -> None:
        self.word = "in a slot"

    @property
    def dear(self) -> str:
        """Fail."""
        raise AssertionError("it was asked")


def test_no_code_is_run() -> None:
    """What stands in slots is found; properties, which are code, are not asked."""
    assert b"in a slot" in mentioned(_Lazy())
