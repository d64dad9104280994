"""What is known of a connection that came over TLS, once its handshake is done; refuses to know how it was done."""

from __future__ import annotations

import attrs


@attrs.frozen
class ClientCertificate:
    """The certificate with which a client came.

    `subject` and `issuer` are distinguished names (RFC 4514), `serial` and `fingerprint` (SHA-256) are hexadecimal in
    lower case, `names` the alternative names, each with its kind, such as 'DNS:a.example' or 'URI:spiffe://a/b'. It
    holds from `not_before` to `not_after`, in seconds since 1970. If it is not `verified`, `error` says why.
    """

    subject: str
    issuer: str
    serial: str
    names: tuple[str, ...]
    fingerprint: str
    not_before: float
    not_after: float
    verified: bool
    error: str = ""


@attrs.frozen
class Secured:
    """A client's TLS. `version` is such as 'TLSv1.3', `cipher` what OpenSSL calls it.

    `server_name` is the one that the client asked for, in lower case, and `alpn` the protocol that was agreed on.
    """

    version: str
    cipher: str
    server_name: str | None = None
    alpn: str | None = None
    certificate: ClientCertificate | None = None
