"""What is wrong with a certificate, in words."""

from __future__ import annotations

from balancer.core.certificate_faults import in_words


def test_in_words() -> None:
    """A fault is told in words, with how far up the chain it is, and one without words by its number."""
    assert in_words(23, 0) == "it is revoked"
    assert in_words(10, 2) == "it has expired (issuer 2 of its chain)"
    assert in_words(999, 0) == "verification error 999"
