"""Names that can be proved over TLS, each with a certificate of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

MADE = datetime(2020, 1, 1, tzinfo=UTC)
CENTURY = timedelta(days=36500)


@attrs.frozen
class Identity:
    """A certificate signed by itself, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def identity(name: str) -> Identity:
    """A new one for that name."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, MADE, MADE + CENTURY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, SHA256())
    )
    return Identity(made, key)
