"""Settings of algorithms: what is wrong with them is told, all of it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from balancer.errors import ConfigError
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.settings import is_algorithm, is_count, is_number, told


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


def test_algorithms_are_objects() -> None:
    """The class of an algorithm is none itself."""
    assert is_algorithm(RoundRobin())
    assert not is_algorithm(RoundRobin)
