"""What a plugin mentions: found in its code, its settings and what it uses of its own file."""

from __future__ import annotations

import attrs

from balancer.plugins.matchers import Always
from balancer.testing.kit.constants import mentioned

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
