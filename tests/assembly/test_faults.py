"""The failures of a stranger's code are told."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.logger import LogEvent

from balancer.core.session import Session
from balancer.errors import PolicyFailed
from balancer.interfaces import Kind, Picker
from tests.assembly.parts import Last, assembled, relay


class Turncoat(Last):
    """Fails once the start is over."""

    name = "turncoat"

    def picker(self, backends: Any, random: Random) -> Picker:
        return lambda _: 1 / 0


def test_an_algorithm_that_fails_later_is_told(logged_failures: list[LogEvent]) -> None:
    """The failure of a stranger's code is in the log, by the name of the algorithm and the pool."""
    (pool,) = assembled(relay(algorithm=Turncoat())).pools.values()
    with pytest.raises(PolicyFailed):
        pool.pick(Session(Kind.TCP, ("192.0.2.1", 5), 0.0))
    event = logged_failures.pop()
    assert "pool 'pool': algorithm 'turncoat'" in event["what"]
    assert event["log_failure"].check(ZeroDivisionError)
