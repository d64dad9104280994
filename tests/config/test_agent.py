"""How agents are asked, as a value."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.config import Agent
from balancer.errors import ConfigError


def test_the_timeout_is_the_interval() -> None:
    """An agent may take as long as the time between two questions, unless told otherwise."""
    assert Agent(9999, every=7).timeout == 7
    assert Agent(port=9999, every=7, timeout=1).timeout == 1


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"port": 0}, "port: 0 is not a port; give 1 to 65535"),
        ({"port": True}, "port: True is not a port; give 1 to 65535"),
        ({"port": "x"}, "port: 'x' is not a port; give 1 to 65535"),
        ({"send": b"x"}, "send: b'x' is not ASCII text of up to 1024 characters; give one such as 'b1\\n'"),
        ({"send": "\u00fc"}, "send: '\u00fc' is not ASCII text of up to 1024 characters; give one such as 'b1\\n'"),
        ({"every": 0}, "every: 0 is not a positive number of seconds; give one such as 2"),
        ({"timeout": 0.001}, "timeout: 0.001 is less than 0.01 seconds; give one such as 2"),
        ({"jitter": 2}, "jitter: 2 is not a share; give a number from 0 to 1"),
    ],
    ids=str,
)
def test_mistakes_are_told(settings: dict[str, Any], mistake: str) -> None:
    """What could not work is told in a line."""
    with pytest.raises(ConfigError) as caught:
        Agent(**settings)
    assert caught.value.mistakes[0] == f"Agent: {mistake}"
