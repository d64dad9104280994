"""Why TLS with a backend came to nothing, in words for an operator; refuses to know which backend it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography.x509 import Certificate
from OpenSSL import SSL

from balancer.errors import UpstreamCertificateRefused, UpstreamTLSFailed
from balancer.net.tls.pairs import alternatives
from balancer.net.tls.verifying import Verdict

MOST: Final = 5
"""Names of a certificate that are told."""

_ALERT: Final = "alert "
_NO_TLS: Final = ("wrong version number", "packet length too long", "record layer failure", "http request")
"""What OpenSSL says of bytes that are no TLS."""


def handshake_fault(reason: BaseException | None, verdict: Verdict) -> UpstreamTLSFailed:
    """What ended a handshake: a certificate that we do not accept, what the backend said, or that it said nothing."""
    if verdict.error:
        return UpstreamCertificateRefused(f"its certificate is not accepted: {verdict.error}")
    said = _said(reason)
    if not said:
        return UpstreamTLSFailed("it closed the connection during the TLS handshake")
    if said in _NO_TLS:
        return UpstreamTLSFailed("what it speaks there is no TLS")
    _, alert, words = said.partition(_ALERT)
    return UpstreamTLSFailed(f"it ended the TLS handshake: {words}" if alert else f"TLS failed: {said}")


def _said(reason: BaseException | None) -> str:
    """What OpenSSL has to say of it; nothing if the connection just ended."""
    if not isinstance(reason, SSL.Error) or isinstance(reason, (SSL.SysCallError, SSL.ZeroReturnError)):
        return ""
    told = reason.args[0] if reason.args else ()
    said = str(told[-1][-1]) if isinstance(told, Sequence) and told else ""
    return "" if said.startswith("unexpected eof") else said


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
