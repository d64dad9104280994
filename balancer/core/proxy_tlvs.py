"""What version 2 of the PROXY protocol says beside addresses: type-length-value vectors, read and built.

Sections are those of the specification (haproxy.org, proxy-protocol.txt). Refuses to know in what header the vectors
stand, who sent them and whether that one is to be believed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from balancer.errors import ProxyHeaderInvalid

TLV = tuple[int, bytes]
"""One vector: its type (0 to 255) and its value (65535 bytes at most)."""

ALPN: Final = 0x01
AUTHORITY: Final = 0x02
CRC32C: Final = 0x03
NOOP: Final = 0x04
UNIQUE_ID: Final = 0x05
SSL: Final = 0x20

_LONGEST_UNIQUE_ID: Final = 128
_SSL_TEXTS: Final = {0x21: "version", 0x22: "cn", 0x23: "cipher", 0x24: "sig_alg", 0x25: "key_alg"}
_TLS, _CERTIFICATE_NOW, _CERTIFICATE_IN_SESSION = 0x01, 0x02, 0x04


@attrs.frozen
class ProxyTLS:
    """What the sender says of the TLS between the client and itself (2.2.6)."""

    flags: int
    """Sum of 1 (TLS was used), 2 (a client certificate on this connection), 4 (one earlier in this TLS session)."""
    verify: int
    """0 when nothing was wrong with the client's certificate, which some senders also say when there was none."""
    version: str | None = attrs.field(default=None, kw_only=True)
    cn: str | None = attrs.field(default=None, kw_only=True)
    """The common name in the client's certificate."""
    cipher: str | None = attrs.field(default=None, kw_only=True)
    sig_alg: str | None = attrs.field(default=None, kw_only=True)
    """What the sender's own certificate was signed with."""
    key_alg: str | None = attrs.field(default=None, kw_only=True)
    """The kind of key in the sender's own certificate."""
    others: tuple[TLV, ...] = attrs.field(default=(), kw_only=True)
    """The vectors of other types, in order, and repeated ones."""

    @property
    def used(self) -> bool:
        """Whether the client came over TLS."""
        return bool(self.flags & _TLS)

    @property
    def client_verified(self) -> bool:
        """Whether the client showed a certificate, and it was good."""
        return self.verify == 0 and bool(self.flags & (_CERTIFICATE_NOW | _CERTIFICATE_IN_SESSION))


def text_of(value: bytes) -> str:
    """The value as UTF-8 (2.2.2, 2.2.6); bytes that are not are shown as escapes, so that none are lost."""
    return value.decode("utf-8", "backslashreplace")


def split_tlvs(block: bytes) -> tuple[TLV, ...] | None:
    """The vectors that fill the block exactly, in order (2.2); None when they do not."""
    tlvs: list[TLV] = []
    start = 0
    while start < len(block):
        end = start + 3 + int.from_bytes(block[start + 1 : start + 3])
        if end > len(block):
            return None
        tlvs.append((block[start], block[start + 3 : end]))
        start = end
    return tuple(tlvs)


def join_tlvs(tlvs: Iterable[TLV]) -> bytes:
    """The vectors one behind the other. Raises `ValueError` for a type or a value that has no room in its field."""
    block = bytearray()
    for kind, value in tlvs:
        if not 0 <= kind <= 0xFF or len(value) > 0xFFFF:
            raise ValueError(f"TLV of type {kind} with {len(value)} bytes: the most are type 255 and 65535 bytes")
        block += bytes([kind]) + len(value).to_bytes(2) + value
    return bytes(block)


def check_tlvs(tlvs: Iterable[TLV]) -> None:
    """Raise `ProxyHeaderInvalid` for a unique id that is too long (2.2.5) and malformed TLS vectors (2.2.6)."""
    for kind, value in tlvs:
        if kind == UNIQUE_ID and len(value) > _LONGEST_UNIQUE_ID:
            raise ProxyHeaderInvalid(f"a unique id of {len(value)} bytes; {_LONGEST_UNIQUE_ID} at most (2.2.5)")
        if kind == SSL:
            parse_tls(value)


def parse_tls(value: bytes) -> ProxyTLS:
    """What an SSL vector says (2.2.6); of repeated texts the first. Raises `ProxyHeaderInvalid` when malformed."""
    inner = split_tlvs(value[5:])
    if len(value) < 5 or inner is None:
        raise ProxyHeaderInvalid("an SSL TLV that its vectors do not fill (2.2.6)")
    texts: dict[str, str] = {}
    others: list[TLV] = []
    for kind, content in inner:
        name = _SSL_TEXTS.get(kind)
        if name is None or name in texts:
            others.append((kind, content))
        else:
            texts[name] = text_of(content)
    return ProxyTLS(value[0], int.from_bytes(value[1:5]), others=tuple(others), **texts)


def alpn_tlv(protocol: str) -> TLV:
    """The protocol agreed with the client (2.2.1)."""
    return ALPN, protocol.encode()


def authority_tlv(name: str) -> TLV:
    """The host name that the client asked for, usually by TLS server name (2.2.2)."""
    return AUTHORITY, name.encode()


def unique_id_tlv(value: bytes) -> TLV:
    """What names the connection in the logs of every proxy on its way (2.2.5). Raises `ValueError` above 128 bytes."""
    if len(value) > _LONGEST_UNIQUE_ID:
        raise ValueError(f"unique id of {len(value)} bytes: {_LONGEST_UNIQUE_ID} at most")
    return UNIQUE_ID, value


def tls_tlv(tls: ProxyTLS) -> TLV:
    """The client's TLS (2.2.6). Raises `ValueError` for what has no room in its field."""
    if not 0 <= tls.flags <= 0xFF or not 0 <= tls.verify <= 0xFFFFFFFF:
        raise ValueError(f"flags {tls.flags} and verify {tls.verify}: the most are 255 and 4294967295")
    texts = {kind: getattr(tls, name) for kind, name in _SSL_TEXTS.items()}
    given = [(kind, text.encode()) for kind, text in texts.items() if text is not None]
    return SSL, bytes([tls.flags]) + tls.verify.to_bytes(4) + join_tlvs([*given, *tls.others])


def _remainder(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


_REMAINDERS: Final = tuple(map(_remainder, range(256)))


def crc32c(data: bytes) -> int:
    """The checksum of 2.2.3, Castagnoli's, reflected (RFC 3720 B.4, RFC 9260 appendix A)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _REMAINDERS[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def check_crc(header: bytes, tlvs: tuple[TLV, ...]) -> None:
    """Raise `ProxyHeaderInvalid` when the vectors that end the header hold a checksum that is not its own (2.2.3)."""
    end = len(header)
    sums: list[tuple[int, bytes]] = []
    for kind, value in reversed(tlvs):
        if kind == CRC32C:
            sums.append((end, value))
        end -= 3 + len(value)
    if not sums:
        return
    end, given = sums[0]
    if len(sums) > 1 or len(given) != 4:
        raise ProxyHeaderInvalid("more than one checksum, or one that is not of 4 bytes (2.2.3)")
    if crc32c(header[: end - 4] + bytes(4) + header[end:]) != int.from_bytes(given):
        raise ProxyHeaderInvalid("the checksum is not that of the header (2.2.3)")
