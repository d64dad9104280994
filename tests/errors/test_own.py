"""What errors of our own keep."""

from __future__ import annotations

from balancer.errors import CertificateNotObtained, ConfigError


def test_config_error_holds_its_mistakes() -> None:
    """A wrong config tells all its mistakes, one a line, in the order found."""
    error = ConfigError(line for line in ["first", "second"])
    assert error.mistakes == ("first", "second")
    assert str(error) == "first\nsecond"


def test_an_authority_may_ask_for_rest() -> None:
    """A certificate that was not obtained says how long its authority asks us to wait, if it does."""
    assert CertificateNotObtained("rate limit", pause=60).pause == 60
    assert CertificateNotObtained("out of reach").pause == 0
