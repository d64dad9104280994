"""Certificates and revocation lists out of PEM blocks, sound as far as anybody is going to look; judges none.

What is broken is broken in as many ways as there are: all of them end here, in `Unreadable`.
"""

from __future__ import annotations

from cryptography import x509
from OpenSSL.crypto import X509, X509Store

from balancer.net.tls.files import Block, Unreadable
from balancer.net.tls.reasons import reasons


def certificate_in(block: Block) -> x509.Certificate:
    """The certificate in a block. Raises `Unreadable`."""
    try:
        certificate = x509.load_pem_x509_certificate(block.data)
        X509.from_cryptography(certificate)  # OpenSSL has its own mind
        for member in (certificate.subject, certificate.issuer, certificate.extensions, certificate.public_key()):
            repr(member)
        return certificate
    except Exception as error:
        raise Unreadable(f"{block.path}: a certificate in it is malformed ({_why(error)}); get it anew") from error


def list_in(block: Block) -> x509.CertificateRevocationList:
    """The revocation list in a block. Raises `Unreadable`."""
    try:
        revoked = x509.load_pem_x509_crl(block.data)
        X509Store().add_crl(revoked)
        repr((revoked.issuer, revoked.next_update_utc))
        return revoked
    except Exception as error:
        raise Unreadable(f"{block.path}: a revocation list in it is malformed ({_why(error)}); get it anew") from error


def _why(error: Exception) -> str:
    """On one line: what lies deepest."""
    return next(iter(reasons(error)), str(error)) or type(error).__name__
