"""Regular expressions of users: what they capture, and what is told of those that are none."""

from __future__ import annotations

import re
from typing import Any

import pytest

from balancer.core.patterns import captured, compiled, groups
from balancer.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", "missing ), unterminated subpattern at position 0"),
        ("a{99999999999999999999}", "the repetition number is too large"),
        (5, "5 is not a text"),
        (None, "None is not a text"),
        (b"a", "b'a' is not a text"),
    ],
)
def test_what_is_no_expression_is_told(text: Any, why: str) -> None:
    """What does not compile is a mistake, in one line that names the field and says why."""
    with pytest.raises(ConfigError) as caught:
        compiled("Path: regex", text)
    (line,) = caught.value.mistakes
    assert line.startswith(f"Path: regex: {text!r} is ")
    assert why in line


def test_flags_are_heeded() -> None:
    """An expression is compiled as its matcher needs it."""
    assert compiled("Host: regex", "A+", re.IGNORECASE).fullmatch("aA")


@pytest.mark.parametrize(
    ("text", "subject", "found"),
    [
        (r"/(?P<a>\d+)(?:/(?P<b>\d+))?", "/1/2", {"a": "1", "b": "2"}),
        (r"/(?P<a>\d+)(?:/(?P<b>\d+))?", "/1", {"a": "1"}),
        (r"/(\d+)", "/1", True),
        (r"(?P<a>x)?.*", "/1", True),
        (r"/(?P<a>\d+)", "/x", False),
    ],
)
def test_captures(text: str, subject: str, found: object) -> None:
    """Named groups are captured as far as they took part; a match without any is just true."""
    assert captured(re.fullmatch(text, subject)) == found


def test_the_names_that_may_be_captured() -> None:
    """They are the expression's named groups, whether they take part or not; without an expression there are none."""
    assert groups(re.compile(r"/(?P<a>\d+)(?:/(?P<b>\d+))?(x)")) == {"a", "b"}
    assert groups(None) == set()
