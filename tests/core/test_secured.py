"""What is known of a client's TLS."""

from __future__ import annotations

from balancer.core.secured import Secured


def test_what_is_not_known_is_not_made_up() -> None:
    """A client that named no server and no protocol, and showed no certificate, has none of these."""
    secured = Secured("TLSv1.3", "TLS_AES_128_GCM_SHA256")
    assert (secured.server_name, secured.alpn, secured.certificate) == (None, None, None)
