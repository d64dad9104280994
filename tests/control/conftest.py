"""The balancer that every test of control asks, and that must be empty when the test is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.control.house import Asked


@pytest.fixture
def asked() -> Iterator[Asked]:
    """A balancer in memory; whatever it leaves open at the end fails the test."""
    asked = Asked()
    yield asked
    asked.house.end()
