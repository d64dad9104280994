"""What tests of the edge get: a house that must be empty when the test is over, and a reactor of their own."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from twisted.logger import LogEvent

from tests.net.house import House, listening
from tests.net.lean import Lean


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


@pytest.fixture
def lean() -> Iterator[Lean]:
    """A reactor of one's own."""
    with Lean() as lean:
        yield lean


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No garbage is collected meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
