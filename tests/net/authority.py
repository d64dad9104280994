"""A certificate authority in the test's memory: it signs whatever a test needs, good or bad, and looks at no clock.

authority = Authority()
path = authority.leaf("a.example", "192.0.2.1").store(folder)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Kind = Literal["ecdsa", "rsa", "weak"]
"""Of a key: `weak` is RSA of 1024 bits."""

PAST: Final = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE: Final = PAST + timedelta(days=36500)
EXPIRED: Final = (PAST, PAST + timedelta(days=90))
"""A validity that is over."""
NOT_YET: Final = (FUTURE - timedelta(days=90), FUTURE)
"""A validity that has not begun."""


@attrs.frozen
class Leaf:
    """A certificate, its key, and what leads from there to the root, which is not among it."""

    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        """The certificate and its chain."""
        return b"".join(pem(one) for one in (self.certificate, *self.chain))

    def key_pem(self, passphrase: bytes | None = None) -> bytes:
        """The key, encrypted if there is a passphrase."""
        closed: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed)

    def store(self, folder: Path, name: str = "site", *, passphrase: bytes | None = None) -> str:
        """Put all of it into the one file `name`.pem, by rename; return its path."""
        path, new = folder / f"{name}.pem", folder / f".{name}.new"
        new.write_bytes(self.pem + self.key_pem(passphrase))
        new.rename(path)
        return str(path)

    def store_apart(self, folder: Path, name: str = "site", *, passphrase: bytes | None = None) -> tuple[str, str]:
        """Put certificate and chain into `name`.crt and the key into `name`.key; return both paths."""
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_bytes(self.pem)
        key.write_bytes(self.key_pem(passphrase))
        return str(certificate), str(key)


class Authority:
    """A root, or what `parent` vouches for; `certificate` and `key` are its own."""

    def __init__(self, name: str = "Test Authority", *, parent: Authority | None = None) -> None:
        self.key, self._parent, subject = new_key(), parent, named(name)
        issuer, signer = (parent.certificate.subject, parent.key) if parent else (subject, self.key)
        usage = x509.BasicConstraints(ca=True, path_length=None)
        builder = _begun(subject, issuer, self.key, signer, (PAST, FUTURE)).add_extension(usage, critical=True)
        builder = builder.add_extension(_uses("key_cert_sign", "crl_sign"), critical=True)
        self.certificate: x509.Certificate = builder.sign(signer, SHA256())

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return pem(self.certificate)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """What a leaf must send with its own certificate: from here to below the root."""
        return (self.certificate, *self._parent.chain) if self._parent else ()

    def store(self, folder: Path, name: str = "ca") -> str:
        """Put its certificate into `name`.pem; return the path."""
        path = folder / f"{name}.pem"
        path.write_bytes(self.pem)
        return str(path)

    def below(self, name: str = "Test Intermediate") -> Authority:
        """An authority for which this one vouches."""
        return Authority(name, parent=self)

    def leaf(
        self,
        *names: str,
        subject: str = "",
        kind: Kind = "ecdsa",
        valid: tuple[datetime, datetime] = (PAST, FUTURE),
        signed_by_itself: bool = False,
        purposes: tuple[x509.ObjectIdentifier, ...] = (
            ExtendedKeyUsageOID.SERVER_AUTH,
            ExtendedKeyUsageOID.CLIENT_AUTH,
        ),
    ) -> Leaf:
        """A certificate for these names (see `general_name`), the first of which is the subject's unless told."""
        key, name = new_key(kind), named(subject or next(iter(names), "nobody"))
        issuer, signer = (name, key) if signed_by_itself else (self.certificate.subject, self.key)
        builder = _begun(name, issuer, key, signer, valid).add_extension(_uses("digital_signature"), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if names:
            told = x509.SubjectAlternativeName([general_name(one) for one in names])
            builder = builder.add_extension(told, critical=False)
        return Leaf(builder.sign(signer, SHA256()), key, () if signed_by_itself else self.chain)

    def crl(self, *revoked: Leaf | Authority, valid: tuple[datetime, datetime] = (PAST, FUTURE)) -> bytes:
        """The list of what it has revoked, as PEM."""
        builder = x509.CertificateRevocationListBuilder(self.certificate.subject, *valid)
        builder = builder.add_extension(x509.CRLNumber(1), critical=False)
        for one in revoked:
            entry = x509.RevokedCertificateBuilder(one.certificate.serial_number, PAST).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)

    def ocsp(self, leaf: Leaf, *, revoked: bool = False, valid: tuple[datetime, datetime] = (PAST, FUTURE)) -> bytes:
        """Its OCSP answer on a leaf that it has signed, as DER."""
        status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=leaf.certificate,
            issuer=self.certificate,
            algorithm=SHA1(),  # noqa: S303  what RFC 5019 2.1.1 asks for: a name for the issuer, not a proof
            cert_status=status,
            this_update=valid[0],
            next_update=valid[1],
            revocation_time=PAST if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        answer = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate).sign(self.key, SHA256())
        return answer.public_bytes(Encoding.DER)


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM)


def new_key(kind: Kind = "ecdsa") -> Key:
    """A key of that kind."""
    if kind == "ecdsa":
        return ec.generate_private_key(ec.SECP256R1())
    bits = 1024 if kind == "weak" else 2048
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def named(common_name: str) -> x509.Name:
    """A subject of that common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def general_name(text: str) -> x509.GeneralName:
    """An alternative name: an IP address, a URI with its ://, an e-mail address with its @, or a DNS name."""
    if "://" in text:
        return x509.UniformResourceIdentifier(text)
    if "@" in text:
        return x509.RFC822Name(text)
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: Key, signer: Key, valid: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    """What every certificate has."""
    mine = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    theirs = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), *valid)
    return builder.add_extension(mine, critical=False).add_extension(theirs, critical=False)


def _uses(*allowed: str) -> x509.KeyUsage:
    """What a key may do, and nothing else."""
    uses = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    every = (*uses, "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{use: use in allowed for use in every})
