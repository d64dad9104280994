"""What can be claimed: every mistake is told with its remedy."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.errors import ConfigError
from balancer.plugins.algorithms import RoundRobin
from balancer.plugins.health import TCPCheck
from balancer.plugins.matchers import Always
from balancer.testing import conformance
from tests.testing.faulty.matchers import PathOfNothing
from tests.testing.kit.told import story_of


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"load_bound": -1}, "conformance: load_bound: -1 is not a number from 0 up; give 1 for least connections"),
        ({"load_bound": True}, "conformance: load_bound: True is not a number from 0 up; give 1 for least connections"),
        (
            {"affinity": True, "movement": 3},
            "conformance: movement: 3 is not a share of all keys; give 0.02 for two in a hundred",
        ),
        (
            {"movement": 0.1},
            "conformance: movement: 0.1 would be ignored, for no affinity is claimed; say what the key is",
        ),
        ({"affinity": 5}, "conformance: affinity: 5 is no key; give a function of the session that returns it"),
        ({"healthy": b"x"}, "conformance: healthy: would be ignored, for this is an algorithm; leave it out"),
        ({"profile": "fast"}, "conformance: profile: 'fast' is not known; give one of quick, default, thorough"),
    ],
)
def test_mistakes_are_told(claims: dict[str, Any], told: str) -> None:
    """A claim that cannot be tried is told in one line."""
    with pytest.raises(ConfigError) as caught:
        conformance(RoundRobin, **claims)
    assert caught.value.mistakes == (told,)


def test_what_is_not_claimed_is_not_tried() -> None:
    """There is a test for what is claimed, and none for what is not."""
    plain, all_of_it = (
        conformance(RoundRobin, seeded=False),
        conformance(RoundRobin, weighted=True, load_bound=1, affinity=True, movement=0),
    )
    assert [name for name in vars(plain) if name.startswith("test_")] == [
        "test_shape",
        "test_safety",
        "test_memory",
        "test_budget",
    ]
    assert len([name for name in vars(all_of_it) if name.startswith("test_")]) == 10
    assert all(test.__doc__ for name, test in vars(all_of_it).items() if name.startswith("test_"))


def test_only_algorithms_claim() -> None:
    """A claim about what is no algorithm is told."""
    with pytest.raises(ConfigError) as caught:
        conformance(Always, weighted=True, affinity=True)
    assert caught.value.mistakes == (
        "conformance: affinity: would be ignored, for this is a matcher; leave it out",
        "conformance: weighted: would be ignored, for this is a matcher; leave it out",
    )


@pytest.mark.parametrize("healthy", [7, "PONG", [], ["PONG"]])
def test_what_no_backend_says(healthy: Any) -> None:
    """What a backend says are bytes, and what makes a protocol is called."""
    with pytest.raises(ConfigError, match="nothing that a backend says; give bytes, a list of them, or a function"):
        conformance(TCPCheck, healthy=healthy)


def test_whatever_is_raised_breaks_a_promise() -> None:
    """What raises in a promise about something else breaks that one, too."""
    assert "came: AttributeError" in story_of(PathOfNothing, "determinism")
