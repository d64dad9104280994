"""Stories: numbered steps, what was promised, what came."""

from __future__ import annotations

import pytest

from balancer.testing.kit.stories import LONGEST, Broken, Story, in_words, listed


def test_a_broken_promise_is_told() -> None:
    """The steps are numbered, and what was promised and what came stand at the end."""
    story = Story()
    story.tell("first")
    story.tell("x" * 1000)
    with pytest.raises(Broken) as caught:
        story.broken("this", "that")
    lines = str(caught.value).splitlines()
    assert lines[:2] == ["a promise is broken", "  1. first"]
    assert len(lines[2]) == LONGEST + 5
    assert lines[3:] == ["promised: this", "came: that"]
    assert caught.value.steps == 2


def test_what_must_not_raise() -> None:
    """What a plugin raises where it must not is what came; what it answers is handed on."""
    story = Story()
    assert story.asked("p", "it", lambda: 3) == 3
    with pytest.raises(Broken, match="came: it raised ValueError: invalid literal"):
        story.asked("p", "it", lambda: int("x"))


def test_words() -> None:
    """Lists that are long are cut short, and empty ones are none."""
    assert listed([]) == "none"
    assert listed(range(14)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more"
    assert in_words(KeyError()) == "KeyError"
