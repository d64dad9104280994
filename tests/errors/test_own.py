"""What errors of our own keep."""

from __future__ import annotations

from balancer.errors import ConfigError


def test_config_error_holds_its_mistakes() -> None:
    """A wrong config tells all its mistakes, one a line, in the order found."""
    error = ConfigError(line for line in ["first", "second"])
    assert error.mistakes == ("first", "second")
    assert str(error) == "first\nsecond"
