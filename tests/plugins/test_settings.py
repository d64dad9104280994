"""Settings of plugins: what is wrong with them is told, all of it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from balancer.errors import ConfigError
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.settings import NO_TEXT, is_algorithm, is_count, is_number, is_text, told, told_secret


@attrs.frozen
class Thing:
    """Something with two settings."""

    size: Any = 1
    part: Any = None


def test_every_mistake_is_told() -> None:
    """Each wrong setting has a line with the object, the setting, the value and the remedy; right ones have none."""
    with pytest.raises(ConfigError) as caught:
        told(Thing("x", 3), size=(False, "is no size; give 1"), part=(False, "is no part"))
    assert caught.value.mistakes == ("Thing: size: 'x' is no size; give 1", "Thing: part: 3 is no part")
    told(Thing(), size=(True, "is no size"))


def test_a_function_is_shown_by_its_name() -> None:
    """What was given is shown as it was written, not as a place in memory."""
    with pytest.raises(ConfigError, match=r"^Thing: size: is_text is no size$"):
        told(Thing(is_text), size=(False, "is no size"))


@pytest.mark.parametrize(
    "value", [True, "1", None, float("nan"), float("inf"), -1, 10**400], ids=lambda value: str(value)[:9]
)
def test_what_is_no_number(value: Any) -> None:
    """Neither texts and truth values nor what is not finite or too small is a number."""
    assert not is_number(value)


def test_bounds_of_numbers() -> None:
    """A least number may be given, one above which it must be may not."""
    assert is_number(0)
    assert is_number(1.5, 1.5)
    assert not is_number(0, above=0)


@pytest.mark.parametrize(
    ("value", "right"), [(1, True), (9, True), (0, False), (10, False), (2.0, False), (True, False)]
)
def test_counts(value: Any, right: bool) -> None:
    """A count is a whole number within its bounds."""
    assert is_count(value, 1, 9) is right


@pytest.mark.parametrize(
    ("value", "right"),
    [("a", True), ("x" * 4096, True), ("", False), ("x" * 4097, False), ("a\0", False), (b"a", False), (None, False)],
    ids=lambda value: str(value)[:9],
)
def test_texts(value: Any, right: bool) -> None:
    """A text of a protocol has a bound and no NUL, and is a password if it is one; wrong ones are not shown."""
    assert is_text(value) is right
    if right or value is None:
        told_secret(Thing(), value)
        return
    with pytest.raises(ConfigError) as caught:
        told_secret(Thing(), value)
    assert caught.value.mistakes == (f"Thing: password: it {NO_TEXT}, or leave it out",)


def test_algorithms_are_objects() -> None:
    """The class of an algorithm is none itself."""
    assert is_algorithm(RoundRobin())
    assert not is_algorithm(RoundRobin)
