"""What errors at the door of TLS are counted as."""

from __future__ import annotations

import pytest

from balancer.errors import (
    ClientCertificateRefused,
    HandshakeFailed,
    HandshakeLate,
    HandshakesFull,
    LimitReached,
    NotTLS,
    ServerNameRefused,
)


@pytest.mark.parametrize("kind", [ClientCertificateRefused, HandshakeLate, NotTLS, ServerNameRefused])
def test_what_prevents_a_handshake_is_one_that_failed(kind: type[HandshakeFailed]) -> None:
    """Whoever expects a failed handshake gets every reason for one."""
    with pytest.raises(HandshakeFailed):
        raise kind("odd")


def test_too_many_handshakes_are_a_limit() -> None:
    """Whoever counts clients that exceeded a limit counts those, too."""
    with pytest.raises(LimitReached):
        raise HandshakesFull("odd")
