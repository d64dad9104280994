"""What is known of a connection that came over TLS, once its handshake is done; refuses to know how it was done."""

from __future__ import annotations

import attrs
from zope.interface import implementer

from balancer.interfaces import ICertificate


@implementer(ICertificate)
@attrs.frozen
class ClientCertificate:
    """The certificate with which a client came; see `ICertificate` for the members."""

    subject: str
    issuer: str
    serial: str
    names: tuple[str, ...]
    fingerprint: str
    not_before: float
    not_after: float
    verified: bool
    error: str = ""
    common_name: str = attrs.field(default="", kw_only=True)
    encoded: bytes = attrs.field(default=b"", kw_only=True, repr=False)
    chain: tuple[bytes, ...] = attrs.field(default=(), kw_only=True, repr=False)


@attrs.frozen
class Secured:
    """A client's TLS. `version` is such as 'TLSv1.3', `cipher` what OpenSSL calls it.

    `server_name` is the one that the client asked for, in lower case, and `alpn` the protocol that was agreed on. The
    certificate that the client was shown `expires` then, in seconds since 1970, if that is known.
    """

    version: str
    cipher: str
    server_name: str | None = None
    alpn: str | None = None
    certificate: ClientCertificate | None = None
    expires: float | None = None
