"""A certificate with its key, and what can be said of the two; refuses to know who is shown it."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from balancer.core.server_names import canonical

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

KINDS: Final[dict[type, str]] = {
    ec.EllipticCurvePrivateKey: "ECDSA",
    ed25519.Ed25519PrivateKey: "Ed25519",
    ed448.Ed448PrivateKey: "Ed448",
    rsa.RSAPrivateKey: "RSA",
}
"""The kinds of key of which a server may have one each, by the classes of their keys."""


@attrs.frozen(eq=False)
class Pair:
    """A certificate and its key, the certificates to send with it, and the files where it is."""

    paths: tuple[str, ...]
    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        """What is sent, in order."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in (self.certificate, *self.chain))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The DNS names that it is for, wildcards among them, as they are compared."""
        return tuple(dict.fromkeys(map(canonical, alternatives(self.certificate).get_values_for_type(x509.DNSName))))

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """The IP addresses that it is for; nobody can ask for one by name (RFC 6066 3)."""
        return tuple(map(str, alternatives(self.certificate).get_values_for_type(x509.IPAddress)))

    @property
    def kind(self) -> str:
        """Of its key, one of `KINDS`."""
        return next(name for kind, name in KINDS.items() if isinstance(self.key, kind))

    @property
    def strength(self) -> str:
        """The kind and the size of its key, such as 'RSA 2048'."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return f"RSA {self.key.key_size}"
        return f"ECDSA {self.key.curve.name}" if isinstance(self.key, ec.EllipticCurvePrivateKey) else self.kind

    @cached_property
    def begins(self) -> float:
        """From when it is valid, in seconds since 1970."""
        return self.certificate.not_valid_before_utc.timestamp()

    @cached_property
    def ends(self) -> float:
        """Until when it is valid, in seconds since 1970."""
        return self.certificate.not_valid_after_utc.timestamp()

    @cached_property
    def fingerprint(self) -> bytes:
        """Its SHA-256."""
        return self.certificate.fingerprint(SHA256())


def alternatives(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    """What it is for; nothing if it does not say. Raises `ValueError` for one that cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])
