"""The kit on matchers: every faulty one is caught with its message."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.interfaces import Kind
from tests.testing.faulty import hearing
from tests.testing.faulty.matchers import MATCHERS
from tests.testing.faulty.morals import MORALS
from tests.testing.kit.told import broken_by, story_of


@pytest.mark.parametrize("faulty", [*MATCHERS, *hearing.MATCHERS], ids=str)
def test_every_faulty_matcher_is_caught(faulty: Any) -> None:
    """The promise that a faulty matcher breaks is named, and what came instead."""
    assert tuple(broken_by(faulty).splitlines()) == MORALS[str(faulty)]


class Far:
    """Says that it matches below one path, and matches elsewhere, too; its hosts are none."""

    prefixes = ("/v1",)

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        return session.request is not None


def test_a_function_is_a_matcher() -> None:
    """A function of a session passes, and a coroutine function does not."""

    async def later(session: Any) -> bool:
        return bool(session)

    assert [story_of(lambda: _of_tls, level) for level in ("hostile", "logic", "first_bytes")] == ["", "", ""]
    assert "coroutine" in story_of(lambda: _Asked(later), "hostile")


def _of_tls(session: Any) -> bool:
    return bool(session.tls)


class _Asked:
    def __init__(self, question: Any) -> None:
        self.matches = question


class OnlyConnections(Far):
    """Looks at first bytes alone, and says what kind of session it is for."""

    kinds = frozenset({Kind.TCP})

    def matches(self, session: Any) -> bool:
        """See `IMatcher`."""
        peek: bytes = session.peek
        return peek.startswith(b"\xff")


def test_nobody_is_asked_about_other_kinds() -> None:
    """What a matcher answers about sessions of a kind that it does not name is nobody's business."""
    assert story_of(OnlyConnections, "hints") == ""


def test_hints_are_bounds() -> None:
    """A path beyond those said is told, and so are bounds that cannot be read."""
    assert "it matches only paths below ['/v1']" in story_of(Far, "hints")
    wrong = type("Wrong", (Far,), {"prefixes": "v1"})
    assert "hosts and prefixes are bounds that can be read" in story_of(wrong, "hints")
