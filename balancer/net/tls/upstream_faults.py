"""Why TLS with a backend came to nothing, in words for an operator; refuses to know which backend it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography.x509 import Certificate

from balancer.errors import UpstreamCertificateRefused, UpstreamTLSFailed
from balancer.net.tls.alerts import alert, said
from balancer.net.tls.pairs import alternatives
from balancer.net.tls.verifying import Verdict

MOST: Final = 5
"""Names of a certificate that are told."""

_NO_TLS: Final = ("wrong version number", "packet length too long", "record layer failure", "http request")
"""What OpenSSL says of bytes that are no TLS."""


def handshake_fault(reason: BaseException | None, verdict: Verdict) -> UpstreamTLSFailed:
    """What ended a handshake: a certificate that we do not accept, what the backend said, or that it said nothing."""
    if verdict.error:
        return UpstreamCertificateRefused(f"its certificate is not accepted: {verdict.error}")
    words = said(reason)
    if not words:
        return UpstreamTLSFailed("it closed the connection during the TLS handshake")
    if words in _NO_TLS:
        return UpstreamTLSFailed("what it speaks there is no TLS")
    ended = alert(reason)
    return UpstreamTLSFailed(f"it ended the TLS handshake: {ended}" if ended else f"TLS failed: {words}")


def wrong_name(certificate: Certificate, expected: Sequence[str]) -> UpstreamCertificateRefused:
    """The certificate is sound, but that of somebody else."""
    names = _names(certificate)
    shown = " and ".join(filter(None, [", ".join(names[:MOST]), f"{len(names) - MOST} more" if names[MOST:] else ""]))
    wanted = " or ".join(expected)
    return UpstreamCertificateRefused(f"its certificate is for {shown or 'no name at all'}, not for {wanted}")


def _names(certificate: Certificate) -> list[str]:
    try:
        return [str(name.value) for name in alternatives(certificate)]
    except ValueError:
        return []
