"""Faults are read as they are written, and wrong ones are told."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.errors import ConfigError
from balancer.testing.simulation import Fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("b2 slow 10 at 30 for 20", Fault("b2", "slow", at=30, lasts=20)),
        ("b2 slow 2.5", Fault("b2", "slow", by=2.5)),
        ("10.0.0.1:80 down at 3", Fault("10.0.0.1:80", "down", at=3)),
        ("b1 hung for 4.5", Fault("b1", "hung", lasts=4.5)),
        ("b1 failing at 1 for 2 seen", Fault("b1", "failing", at=1, lasts=2, seen=True)),
        ("b1 back at 0", Fault("b1", "back")),
    ],
)
def test_faults_are_read(text: str, fault: Fault) -> None:
    """A line says the same as the arguments."""
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Fault.parse("b2"), "fault: 'b2' cannot be read; write it as 'b2 slow 10 at 30 for 20'"),
        (lambda: Fault("b", "slow", at=-1), "Fault: at: -1 is not a number of seconds from 0 up; give 0 for the start"),
        (lambda: Fault("b", "slow", by=0), "Fault: by: 0 is not a positive number; give one such as 10"),
        (
            lambda: Fault("b", "down", by=2),
            "Fault: by: would be ignored, for it says how slow a backend is; leave it out",
        ),
        (
            lambda: Fault("b", "back", lasts=2),
            "Fault: lasts: would be ignored, for what is back stays so; leave it out",
        ),
        (
            lambda: Fault("b", "down", seen=True),
            "Fault: seen: would be ignored, for health checks see what else may be wrong; leave it out",
        ),
        (
            lambda: Fault("b", "tired"),
            "Fault: what: 'tired' is not a choice; give 'slow' or 'failing' or 'down' or 'hung' or 'back'",
        ),
    ],
)
def test_mistakes_are_told(make: Any, line: str) -> None:
    """What cannot befall a backend is refused, in a line that says what to give."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.mistakes == (line,)
