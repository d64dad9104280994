"""What is known of a client once its TLS handshake is done, its certificate included; refuses to judge any of it.

A client may show what it likes where certificates are optional: whatever it is, it is told and does not raise.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto

from balancer.core.hello import ClientHello
from balancer.core.secured import ClientCertificate, Secured
from balancer.net.tls.pairs import alternatives

UNREADABLE: Final = "it cannot be read"
"""What is wrong with a certificate that OpenSSL takes for one, and that is none (RFC 5280)."""

UNJUDGED: Final = "nobody has verified it"

_KINDS: Final[tuple[tuple[type[x509.GeneralName], str], ...]] = (
    (x509.DNSName, "DNS"),
    (x509.UniformResourceIdentifier, "URI"),
    (x509.RFC822Name, "email"),
    (x509.IPAddress, "IP"),
)
"""The kinds of alternative names that are told, as OpenSSL calls them."""


def secured_by(connection: SSL.Connection, hello: ClientHello | None = None) -> Secured:
    """What there is to say of a client whose handshake is done, and which had said hello so, if anybody has looked.

    The application data of the connection tell by `error` what is wrong with the client's certificate, if anything.
    """
    protocol = connection.get_alpn_proto_negotiated()
    return Secured(
        connection.get_protocol_version_name(),
        connection.get_cipher_name() or "",
        _asked(connection) if hello is None else hello.server_name,
        protocol.decode("latin-1") or None,
        certificate=certificate_of(connection),
        expires=getattr(connection.get_context(), "expires", None),
    )


def _asked(connection: SSL.Connection) -> str | None:
    """For which name, as OpenSSL tells it: of a resumed session of TLS 1.2 that is the one it was made for."""
    name = connection.get_servername()
    return None if name is None else name.decode("latin-1").lower().removesuffix(".")


def certificate_of(connection: SSL.Connection) -> ClientCertificate | None:
    """The certificate that the client showed, if it did; also of a session that was resumed."""
    shown = connection.get_peer_certificate()
    if shown is None:
        return None
    encoded = _encoded(shown)
    wrong: str = getattr(connection.get_app_data(), "error", UNJUDGED)
    try:
        told = _told(x509.load_der_x509_certificate(encoded))
    except Exception:  # noqa: BLE001  what a stranger shows is broken in as many ways as there are
        told = {"subject": "", "issuer": "", "serial": "", "names": (), "not_before": 0.0, "not_after": 0.0}
        wrong = wrong or UNREADABLE
    return ClientCertificate(
        **told,
        fingerprint=sha256(encoded).hexdigest(),
        verified=not wrong,
        error=wrong,
        encoded=encoded,
        chain=() if wrong else _chain(connection),
    )


def _told(certificate: x509.Certificate) -> dict[str, Any]:
    """What it says. Raises whatever comes of one that is malformed."""
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "names": _names(certificate),
        "not_before": certificate.not_valid_before_utc.timestamp(),
        "not_after": certificate.not_valid_after_utc.timestamp(),
        "common_name": str(common[0].value) if common else "",
    }


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Its alternative names in order, of the kinds that are told."""
    names = alternatives(certificate)
    return tuple(f"{kind}:{one.value}" for one in names for known, kind in _KINDS if isinstance(one, known))


def _chain(connection: SSL.Connection) -> tuple[bytes, ...]:
    """By which certificates the client's was verified; without that, and without the one that is trusted anyhow."""
    return tuple(map(_encoded, (connection.get_verified_chain() or [])[1:-1]))


def _encoded(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
