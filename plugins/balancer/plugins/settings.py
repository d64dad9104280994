"""Tells what is wrong with the settings of a plugin, a line for each; refuses to know what any of them is for."""

from __future__ import annotations

import sys
from typing import Any

from balancer.errors import ConfigError
from balancer.interfaces import IAlgorithm

ALGORITHM = "is no algorithm; give one such as RoundRobin()"
NO_TEXT = "is not a text, or empty, too long, or has a NUL; write it in quotes"
LONGEST = 4096
"""Characters of a text."""
KEY = "is no function of the session; give one such as header('x-user')"


def told(owner: Any, **judged: tuple[bool, str]) -> None:
    """Raise `ConfigError` unless all are right: by the setting's name, whether it is and what to say if it is not."""
    name = type(owner).__name__
    wrong = {setting: remedy for setting, (right, remedy) in judged.items() if not right}
    if wrong:
        raise ConfigError(
            f"{name}: {setting}: {shown(getattr(owner, setting))} {text}" for setting, text in wrong.items()
        )


def shown(value: Any) -> str:
    """What was given; a function or a class by its name."""
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) else repr(value)


def told_secret(owner: Any, value: Any) -> None:
    """Raise `ConfigError` unless a password is a text, or None; the error does not show it."""
    if value is not None and not is_text(value):
        raise ConfigError([f"{type(owner).__name__}: password: it {NO_TEXT}, or leave it out"])


def is_number(value: Any, least: float = 0.0, *, above: float = -1.0) -> bool:
    """Whether it is a finite number, at least so much and above that."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and above < value >= least and value <= sys.float_info.max


def is_count(value: Any, least: int, most: int) -> bool:
    """Whether it is a whole number within these bounds."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_text(value: Any) -> bool:
    """Whether it can stand where a protocol has a text: before a NUL, or after a length of two bytes."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST and "\0" not in value


def is_algorithm(value: Any) -> bool:
    """Whether it is an algorithm, and not the class of one."""
    return bool(IAlgorithm.providedBy(value))
