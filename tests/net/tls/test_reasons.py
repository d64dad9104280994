"""What OpenSSL says is wrong."""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from OpenSSL.crypto import Error

from balancer.net.tls.reasons import reasons


@pytest.mark.parametrize("kind", [SSL.Error, Error])
def test_reasons(kind: type[Exception]) -> None:
    """Each is told that OpenSSL has, the deepest first."""
    assert reasons(kind([("asn1", "", "too long"), ("x509", "", "bad")])) == ["too long", "bad"]


@pytest.mark.parametrize(
    "error", [SSL.Error(), SSL.Error([]), SSL.SysCallError(-1, "Unexpected EOF"), ValueError("bad")]
)
def test_no_reasons(error: Exception) -> None:
    """Where OpenSSL has none, there is none."""
    assert reasons(error) == []
