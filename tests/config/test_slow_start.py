"""How sessions are shared out where not all is well: settings as values, and what is told of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import Backend, Health, Pool, SlowStart
from balancer.errors import ConfigError
from balancer.plugins.health import TCPCheck

HEALTH = Health(TCPCheck())
FLEET: list[Any] = ["a:1", Backend("b:1", tier=1)]

VALUES: list[tuple[dict[str, Any], str]] = [
    ({"spill": 0.9}, "spill: 0.9 is not a number from 1 up; give one such as 1.4"),
    ({"spill": "1.4"}, "spill: '1.4' is not a number from 1 up; give one such as 1.4"),
    ({"panic": 0}, "panic: 0 is not a number above 0 and up to 1; give one such as 0.5"),
    ({"panic": 50}, "panic: 50 is not a number above 0 and up to 1; give one such as 0.5"),
    ({"slow_start": True}, "slow_start: True is not a SlowStart; give a number of seconds such as 30"),
    ({"slow_start": SlowStart}, "slow_start: SlowStart is a class; give an object of it: SlowStart(...)"),
]


@pytest.mark.parametrize(("given", "line"), VALUES)
def test_wrong_values_are_told(given: dict[str, Any], line: str) -> None:
    """Each value that cannot be used is told with a remedy."""
    with pytest.raises(ConfigError) as caught:
        Pool("site", backends=FLEET, health=HEALTH, **given)
    assert list(caught.value.mistakes) == [f"Pool 'site': {line}"]


IDLE: list[tuple[dict[str, Any], str]] = [
    ({"spill": 1.4}, "spill: would be ignored, for all backends are of one tier; leave it out"),
    ({"panic": 0.5}, "panic: would be ignored, for nothing takes backends out of use and back; leave it out"),
    ({"slow_start": 9}, "slow_start: would be ignored, for nothing takes backends out of use and back; leave it out"),
    ({"slow_start": 9, "health": HEALTH}, "slow_start: would be ignored, for there is but one backend; leave it out"),
]


@pytest.mark.parametrize(("given", "line"), IDLE)
def test_what_would_be_ignored_is_told(given: dict[str, Any], line: str) -> None:
    """A setting that nothing would look at is a mistake."""
    with pytest.raises(ConfigError) as caught:
        Pool("site", backends=["a:1"], **given)
    assert list(caught.value.mistakes) == [f"Pool 'site': {line}"]


def test_a_number_of_seconds_is_a_slow_start() -> None:
    """A number stands for a straight line of so many seconds, and a `SlowStart` for itself."""
    assert Pool("site", backends=FLEET, health=HEALTH, slow_start=30).slow_start == SlowStart(30)
    steep = SlowStart(30, aggression=2, least=0.05)
    assert Pool("site", backends=FLEET, health=HEALTH, slow_start=steep).slow_start is steep
    plain = Pool("site", backends=FLEET, health=HEALTH, spill=1.4, panic=0.5)
    assert (plain.spill, plain.panic, plain.slow_start) == (1.4, 0.5, None)


CURVES: list[tuple[dict[str, Any], str]] = [
    ({"window": 0.5}, "window: 0.5 is less than 1 seconds; give one such as 30"),
    ({"window": None}, "window: None is not a positive number of seconds; give one such as 30"),
    ({"window": 30, "aggression": 0}, "aggression: 0 is not a positive number; give one such as 1"),
    ({"window": 30, "least": 0}, "least: 0 is not a number above 0 and up to 1; give one such as 0.1"),
]


@pytest.mark.parametrize(("given", "line"), CURVES)
def test_wrong_curves_are_told(given: dict[str, Any], line: str) -> None:
    """A slow start that cannot be drawn is told."""
    with pytest.raises(ConfigError) as caught:
        SlowStart(**given)
    assert list(caught.value.mistakes) == [f"SlowStart: {line}"]
