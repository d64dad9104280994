"""The PROXY protocol, versions 1 and 2: a connection's first bytes to the addresses they tell, and back.

Sections are those of the specification (haproxy.org, proxy-protocol.txt). Reading is strict, since the next reader of a
doubtful header might see another client in it. Refuses to know who may send a header, and how long to wait for one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Final, Literal

import attrs

from balancer.core.proxy_tlvs import (
    ALPN,
    AUTHORITY,
    CRC32C,
    NOOP,
    SSL,
    TLV,
    UNIQUE_ID,
    ProxyTLS,
    check_crc,
    check_tlvs,
    crc32c,
    join_tlvs,
    parse_tls,
    split_tlvs,
    text_of,
)
from balancer.errors import ProxyHeaderInvalid

Address = tuple[str, int]
"""An IP address as RFC 5952 writes it, and a port."""
Transport = Literal["tcp", "udp", "unix"]
_IP = IPv4Address | IPv6Address

_LONGEST_LINE: Final = 107
_LINE_BEGINS: Final = b"PROXY "
_HOST: Final = rb"([0-9A-Fa-f:.]++)"
_PORT: Final = rb"(0|[1-9][0-9]{0,4})"
_TCP_LINE: Final = re.compile(rb"PROXY TCP([46]) %b %b %b %b\r\n" % (_HOST, _HOST, _PORT, _PORT))
_UNKNOWN_LINE: Final = b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN "

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_LOCAL, _PROXY = 0x20, 0x21
_UNSPECIFIED: Final = 0x00
_TRANSPORTS: Final[dict[int, Transport]] = {
    0x11: "tcp", 0x12: "udp", 0x21: "tcp", 0x22: "udp", 0x31: "unix", 0x32: "unix",
}  # fmt: skip
_WIDTHS: Final = {1: 4, 2: 16, 3: 108}
"""Bytes of one address by family (2.2); those of IP have a port of two bytes, behind both addresses."""


@attrs.frozen
class ProxyHeader:
    """What a header tells of the connection behind it. Without addresses, those of the socket are the client's."""

    version: int
    local: bool = attrs.field(default=False, kw_only=True)
    """The sender speaks for itself, as in a health check, and for no client (2.2)."""
    source: Address | None = attrs.field(default=None, kw_only=True)
    destination: Address | None = attrs.field(default=None, kw_only=True)
    source_path: bytes | None = attrs.field(default=None, kw_only=True)
    """The path of a unix socket instead: empty for one without a name, with a NUL in front when abstract."""
    destination_path: bytes | None = attrs.field(default=None, kw_only=True)
    transport: Transport | None = attrs.field(default=None, kw_only=True)
    """Stream and datagram unix sockets are not told apart; None without addresses."""
    tlvs: tuple[TLV, ...] = attrs.field(default=(), kw_only=True)
    """All vectors in order, but padding and the checksum, which concern the header and not the connection."""

    @property
    def alpn(self) -> str | None:
        """The protocol agreed between client and sender (2.2.1)."""
        return self._text(ALPN)

    @property
    def authority(self) -> str | None:
        """The host name that the client asked for, as the sender wrote it (2.2.2)."""
        return self._text(AUTHORITY)

    @property
    def unique_id(self) -> bytes | None:
        """What names the connection in the sender's logs; 128 bytes at most (2.2.5)."""
        return self.first(UNIQUE_ID)

    @property
    def tls(self) -> ProxyTLS | None:
        """The TLS between client and sender (2.2.6)."""
        value = self.first(SSL)
        return None if value is None else parse_tls(value)

    def first(self, kind: int) -> bytes | None:
        """The value of the first vector of that type, or None."""
        return next((value for other, value in self.tlvs if other == kind), None)

    @property
    def client(self) -> Address | None:
        """Where the client is, as sessions have it: ('', 0) over a unix socket; None when the header does not tell."""
        return ("", 0) if self.source_path is not None else self.source

    @property
    def server_name(self) -> str | None:
        """The authority in lower case, as sessions have it."""
        authority = self.authority
        return None if authority is None else authority.lower()

    def _text(self, kind: int) -> str | None:
        value = self.first(kind)
        return None if value is None else text_of(value)


NOTHING_TOLD: Final = ProxyHeader(2, local=True)
"""In place of a header where there is none."""


class ProxyReader:
    """Reads the header that opens one connection, from bytes in any split; one reader for one header.

    `limit` bounds what follows the first 16 bytes of version 2, addresses included; it holds 216 bytes of addresses
    at least. `versions` are those expected. With `optional`, bytes that begin no header come back untouched; those that
    begin one and break its rules are refused even so. Raises `ValueError` for a limit or versions that cannot be.
    """

    def __init__(self, *, limit: int = 4096, versions: Collection[int] = (1, 2), optional: bool = False) -> None:
        if not 216 <= limit <= 0xFFFF or not versions or not {1, 2}.issuperset(versions):
            raise ValueError(f"limit {limit}, versions {tuple(versions)}: expected 216 to 65535, and 1, 2 or both")
        self._limit = limit
        self._versions = versions
        self._optional = optional
        self._held = bytearray()
        self._enough = 0  # bytes that must be held before there is anything new to see

    def receive(self, data: bytes) -> tuple[ProxyHeader | None, bytes] | None:
        """The header and the bytes behind it, or None while it is not complete.

        The header is None when it was optional and there is none. Raises `ProxyHeaderInvalid` with the first byte that
        settles it: a beginning or a length that cannot be, else the last byte of the header.
        """
        self._held += data
        if len(self._held) < self._enough:
            return None
        held = bytes(self._held)
        if 1 in self._versions and _agree(held, _LINE_BEGINS):
            return self._cut(held, _line_length(held), _decode_v1)
        if 2 in self._versions and _agree(held, _SIGNATURE):
            return self._cut(held, _block_length(held, self._limit), _decode_v2)
        if self._optional:
            return None, held
        raise ProxyHeaderInvalid("the first bytes are not those of a PROXY header that is expected here")

    def _cut(
        self, held: bytes, length: int, decode: Callable[[bytes], ProxyHeader]
    ) -> tuple[ProxyHeader, bytes] | None:
        if len(held) < length:
            self._enough = length
            return None
        return decode(held[:length]), held[length:]


def _agree(held: bytes, mark: bytes) -> bool:
    return held[: len(mark)] == mark[: len(held)]


def _line_length(held: bytes) -> int:
    """The length of the line, CRLF included; while that is unknown, one byte more than there are (2.1)."""
    end = held.find(b"\r\n", 0, _LONGEST_LINE)
    if end >= 0:
        return end + 2
    if len(held) >= _LONGEST_LINE:
        raise ProxyHeaderInvalid(f"no CRLF in the first {_LONGEST_LINE} bytes of a PROXY line (2.1)")
    return len(held) + 1


def _block_length(held: bytes, limit: int) -> int:
    """The length of the header of version 2; while that is unknown, one byte more than there are (2.2)."""
    if len(held) > 12 and held[12] not in {_LOCAL, _PROXY}:
        raise ProxyHeaderInvalid(f"PROXY version and command 0x{held[12]:02x}; 0x20 and 0x21 are known (2.2)")
    if len(held) > 13 and held[12] == _PROXY and (held[13] >> 4 > 3 or held[13] & 0xF > 2):
        raise ProxyHeaderInvalid(f"PROXY family and transport 0x{held[13]:02x}, of which one is unknown (2.2)")
    if len(held) < 16:
        return len(held) + 1
    length = int.from_bytes(held[14:16])
    if length > limit:
        raise ProxyHeaderInvalid(f"a PROXY header of 16 and {length} bytes; {limit} at most")
    if held[12] == _PROXY and length < _addresses_size(held[13]):
        raise ProxyHeaderInvalid(f"{length} bytes do not hold the addresses of PROXY family 0x{held[13]:02x} (2.2)")
    return 16 + length


def _addresses_size(form: int) -> int:
    """Bytes of the addresses of that family and transport; 0 when one of them is unspecified."""
    if form not in _TRANSPORTS:
        return 0
    family = form >> 4
    return 2 * _WIDTHS[family] + (0 if family == 3 else 4)


def _decode_v1(line: bytes) -> ProxyHeader:
    match = _TCP_LINE.fullmatch(line)
    if match is None:
        if line.startswith(_UNKNOWN_LINE):
            return ProxyHeader(1)
        raise ProxyHeaderInvalid("a PROXY line that is malformed (2.1)")
    family, *hosts = (group.decode() for group in match.groups()[:3])
    read: Callable[[str], _IP] = IPv4Address if family == "4" else IPv6Address
    try:
        source, destination = map(read, hosts)
    except AddressValueError as error:
        raise ProxyHeaderInvalid(f"a PROXY line whose addresses are not of IPv{family} (2.1)") from error
    ports = int(match[4]), int(match[5])
    if max(ports) > 0xFFFF:
        raise ProxyHeaderInvalid("a PROXY line with a port above 65535 (2.1)")
    return ProxyHeader(
        1, source=(_written(source), ports[0]), destination=(_written(destination), ports[1]), transport="tcp"
    )


def _decode_v2(header: bytes) -> ProxyHeader:
    local, form = header[12] == _LOCAL, header[13]
    tlvs = _tlvs(header)
    check_crc(header, tlvs)
    check_tlvs(tlvs)
    kept = tuple([tlv for tlv in tlvs if tlv[0] not in {CRC32C, NOOP}])
    if local or form not in _TRANSPORTS:
        return ProxyHeader(2, local=local, tlvs=kept)
    width = _WIDTHS[form >> 4]
    first, second, ports = header[16 : 16 + width], header[16 + width : 16 + 2 * width], header[16 + 2 * width :]
    transport = _TRANSPORTS[form]
    if transport == "unix":
        return ProxyHeader(2, source_path=_path(first), destination_path=_path(second), transport="unix", tlvs=kept)
    source = _written(ip_address(first)), int.from_bytes(ports[:2])
    destination = _written(ip_address(second)), int.from_bytes(ports[2:4])
    return ProxyHeader(2, source=source, destination=destination, transport=transport, tlvs=kept)


def _tlvs(header: bytes) -> tuple[TLV, ...]:
    """The vectors behind the addresses, as far as it is known where these end.

    Nothing in the block of a LOCAL header that names a family, or of one that names a family or a transport alone, is
    believed; where both are unspecified vectors are usual, and yet the block may hold anything (2.2).
    """
    local, form = header[12] == _LOCAL, header[13]
    if form == _UNSPECIFIED:
        return split_tlvs(header[16:]) or ()
    if local or form not in _TRANSPORTS:
        return ()
    tlvs = split_tlvs(header[16 + _addresses_size(form) :])
    if tlvs is None:
        raise ProxyHeaderInvalid("TLVs that do not fill the PROXY header (2.2)")
    return tlvs


def _written(address: _IP) -> str:
    """The address as RFC 5952 4 and 5 would have it; Python before 3.13 does not know 5."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return f"::ffff:{mapped}" if mapped else str(address)


def _path(field: bytes) -> bytes:
    """The path in a field of 108 bytes: to the first NUL, or to the padding when it is abstract."""
    return field.rstrip(b"\0") if field.startswith(b"\0") else field.partition(b"\0")[0]


def encode_v1(source: Address | None, destination: Address | None) -> bytes:
    """The line that tells these addresses, or UNKNOWN without both (2.1).

    An IPv4 address beside one of IPv6 is sent mapped; a zone is left out. Raises `ValueError` for a host that is not an
    IP address, or a port above 65535.
    """
    if source is None or destination is None:
        return b"PROXY UNKNOWN\r\n"
    first, second = _aligned(source, destination)
    line = f"PROXY TCP{first.version} {_written(first)} {_written(second)} {source[1]} {destination[1]}\r\n"
    return line.encode()


def encode_v2(
    source: Address | bytes | None,
    destination: Address | bytes | None,
    *,
    transport: Transport = "tcp",
    tlvs: Collection[TLV] = (),
    local: bool = False,
    crc: bool = False,
) -> bytes:
    """The binary header that tells these addresses, or that they are unknown without both (2.2).

    Addresses are treated as in `encode_v1`; those of unix (stream) sockets are paths. `crc` adds the checksum.
    Raises `ValueError` for what `encode_v1` does, a path of more than 108 bytes, addresses of another kind than the
    transport's or beside `local`, a checksum among `tlvs`, and more than 65535 bytes.
    """
    form, block = _UNSPECIFIED, b""
    if source is not None and destination is not None:
        form, block = _addresses(source, destination, transport)
    if local and block:
        raise ValueError(f"addresses {source!r} and {destination!r} in a LOCAL header, which is of no client")
    if any(kind == CRC32C for kind, _ in tlvs):
        raise ValueError("a checksum among the TLVs: ask for it with crc=True")
    block += join_tlvs(tlvs)
    length = len(block) + (7 if crc else 0)
    if length > 0xFFFF:
        raise ValueError(f"PROXY header of 16 and {length} bytes: 65535 at most")
    header = _SIGNATURE + bytes([_LOCAL if local else _PROXY, form]) + length.to_bytes(2) + block
    if not crc:
        return header
    header += bytes([CRC32C, 0, 4])
    return header + crc32c(header + bytes(4)).to_bytes(4)


def _addresses(source: Address | bytes, destination: Address | bytes, transport: Transport) -> tuple[int, bytes]:
    """The byte for family and transport, and the addresses (2.2)."""
    if isinstance(source, bytes) and isinstance(destination, bytes) and transport == "unix":
        return 0x31, _path_field(source) + _path_field(destination)
    if isinstance(source, bytes) or isinstance(destination, bytes) or transport == "unix":
        raise ValueError(f"addresses {source!r} and {destination!r} cannot both be of transport {transport!r}")
    first, second = _aligned(source, destination)
    family = 0x10 if first.version == 4 else 0x20
    ports = source[1].to_bytes(2) + destination[1].to_bytes(2)
    return family | (1 if transport == "tcp" else 2), first.packed + second.packed + ports


def _path_field(path: bytes) -> bytes:
    field = path.ljust(108, b"\0")
    if len(field) > 108 or _path(field) != path:
        raise ValueError(f"unix path {path!r}: 108 bytes at most, and no NUL but in front")
    return field


def _aligned(source: Address, destination: Address) -> tuple[_IP, _IP]:
    """Both addresses in one family, IPv6 when they differ; `ValueError` for a host or a port that is none."""
    for host, port in (source, destination):
        if not 0 <= port <= 0xFFFF:
            raise ValueError(f"port {port} of {host}: 0 to 65535")
    first, second = (ip_address(host.partition("%")[0]) for host, _ in (source, destination))
    if first.version == second.version:
        return first, second
    return _mapped(first), _mapped(second)


def _mapped(address: _IP) -> IPv6Address:
    if isinstance(address, IPv6Address):
        return address
    return IPv6Address(bytes(10) + b"\xff\xff" + address.packed)
