"""The house that every test of the edge gets, and that must be empty when the test is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.logger import LogEvent

from tests.net.house import House, listening


@pytest.fixture
def house() -> Iterator[House]:
    """A balancer in memory; whatever it leaves open at the end fails the test."""
    house = House()
    yield house
    house.end()


@pytest.fixture
def told() -> Iterator[list[LogEvent]]:
    """What the operator is told from now on."""
    with listening() as events:
        yield events
