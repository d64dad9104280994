"""What is noted of a certificate that is not accepted."""

from __future__ import annotations

from typing import Any

import pytest
from OpenSSL import SSL

from balancer.net.tls.verifying import Verdict, noting


class Connected:
    """A connection, for all the callback asks of it."""

    def __init__(self) -> None:
        self.verdict = Verdict()

    def get_app_data(self) -> Verdict:
        """What was put there."""
        return self.verdict


@pytest.mark.parametrize("lenient", [True, False])
def test_the_first_fault_is_noted(lenient: bool) -> None:
    """The first fault that OpenSSL finds is kept, and goes on only where faults are no end."""
    connection: Any = Connected()
    certificate: Any = None
    verify = noting(lenient=lenient)
    assert verify(connection, certificate, 0, 1, 1) is True
    assert connection.verdict.error == ""
    assert verify(connection, certificate, 10, 0, 0) is lenient
    assert verify(connection, certificate, 18, 0, 0) is lenient
    assert connection.verdict.error == "it has expired"


def test_whoever_has_no_verdict_does_not_pass() -> None:
    """A connection made without a place for the verdict raises, rather than pass unjudged."""
    connection: Any = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
    certificate: Any = None
    with pytest.raises(AttributeError):
        noting(lenient=True)(connection, certificate, 10, 0, 0)
