"""The PROXY header to open an upstream connection with; refuses to know who asked for it.

Sections are those of the specification (haproxy.org, proxy-protocol.txt).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from random import Random
from typing import Final, Literal

import attrs

from balancer.core.proxy_protocol import Address, encode_v1, encode_v2
from balancer.core.proxy_tlvs import TLV, ProxyTLS, alpn_tlv, authority_tlv, tls_tlv, unique_id_tlv
from balancer.core.session import Session

ProxyVersion = Literal["v1", "v2"]
Fact = Literal["authority", "alpn", "tls", "unique_id", "crc32c"]
"""What version 2 may say of the client's connection beside its addresses."""

UNIQUE: Final = 16
"""Bytes of a unique id of our own making."""

LONGEST_NAME: Final = 255
"""Characters of a common name that is told; there are 64 at most in those that keep to X.520."""

_USED, _SHOWN = 0x01, 0x02 | 0x04
"""Flags: that TLS is used, and that a certificate was shown, now or when the session began."""


@attrs.frozen
class Introduction:
    """What the backends behind one listener are told of each client before it says anything itself.

    Of `facts` those are told that are known; a unique id that came with the client is handed on, else one is drawn
    from `random`. `own` are vectors that are the same for all. Version 1 has room for addresses alone.
    """

    version: ProxyVersion
    random: Random
    facts: Collection[Fact] = ()
    own: tuple[TLV, ...] = ()

    def of(self, session: Session, called: Address | None) -> bytes:
        """The header for a client that connected to `called`; if an address is unknown, it says that both are.

        A client over a unix socket has an empty host. Raises `ValueError` for what `encode_v1` does.
        """
        client = session.client if session.client[0] else None
        if self.version == "v1":
            return encode_v1(client, called)
        return encode_v2(client, called, tlvs=[*self._known(session), *self.own], crc="crc32c" in self.facts)

    def _known(self, session: Session) -> Iterator[TLV]:
        if "authority" in self.facts and session.server_name is not None:
            yield authority_tlv(session.server_name)
        if "alpn" in self.facts and session.alpn is not None:
            yield alpn_tlv(session.alpn)
        tls = _tls_of(session) if "tls" in self.facts else None
        if tls is not None:
            yield tls_tlv(tls)
        if "unique_id" in self.facts:
            yield unique_id_tlv(session.proxy.unique_id or self.random.randbytes(UNIQUE))


def _tls_of(session: Session) -> ProxyTLS | None:
    """The client's TLS, which ended here, or before by what a header told; nobody's word is passed on as verified.

    Where there was no certificate `verify` is not 0, for that is what the specification has (2.2.6).
    """
    secured = session.secured
    if secured is None:
        return session.proxy.tls
    shown = secured.certificate
    verified = shown is not None and shown.verified
    name = shown.common_name if shown is not None and verified else ""
    return ProxyTLS(
        _USED if shown is None else _USED | _SHOWN,
        0 if verified else 1,
        version=secured.version,
        cn=name if 0 < len(name) <= LONGEST_NAME else None,
        cipher=secured.cipher,
    )


def own_greeting(version: ProxyVersion) -> bytes:
    """The header for what we say for ourselves: LOCAL (2.2), or in version 1 UNKNOWN (2.1)."""
    return encode_v1(None, None) if version == "v1" else encode_v2(None, None, local=True)
