"""Regular expressions that users write: compiled with their mistakes told, and what they capture; knows no subject.

Python's expressions backtrack: one with nested repetitions can take very long on a text that a client chose. So the
texts put to them are bounded, by the bounds of a request's head.
"""

from __future__ import annotations

import re
from typing import Any

from balancer.errors import ConfigError
from balancer.interfaces import Found


def compiled(field: str, text: Any, flags: int = 0) -> re.Pattern[str]:
    """The expression; raises `ConfigError` that names the field, such as "Path: regex", and what is wrong."""
    if not isinstance(text, str):
        raise ConfigError([f"{field}: {text!r} is not a text; write r'...'"])
    try:
        return re.compile(text, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError([f"{field}: {text!r} is no regular expression: {error}; correct it"]) from None


def groups(pattern: re.Pattern[str] | None) -> frozenset[str]:
    """The names that `captured` may answer for it."""
    return frozenset() if pattern is None else frozenset(pattern.groupindex)


def captured(match: re.Match[str] | None) -> Found:
    """What a match answers for a matcher: its named groups, as far as they took part."""
    if match is None:
        return False
    return {name: value for name, value in match.groupdict().items() if value is not None} or True
