"""What a QUIC packet tells in the clear: version and connection ids of a long header, the id of a short one.

By the invariants of RFC 8999, which hold for every version, and no more: nothing is decrypted or checked.
"""

from __future__ import annotations

from typing import Final

import attrs

LONGEST_ID: Final = 20
"""Bytes of a connection id in the versions there are (RFC 9000 17.2)."""

_LONG: Final = 0x80
_IDS: Final = 5  # where they begin: behind the first byte and the version


@attrs.frozen
class LongHeader:
    """The packets that begin a connection. `first` is the first byte, most of which is the version's own."""

    first: int
    version: int
    destination: bytes
    source: bytes

    @property
    def begins(self) -> bool:
        """Whether it may be of a client that has not heard of a server yet, and so made up the destination itself.

        Those are Initial and 0-RTT packets, which have other numbers in version 2 (RFC 9000 17.2, RFC 9369 3.2).
        """
        kind = self.first >> 4 & 3
        return kind in ({1, 2} if self.version == 0x6B3343CF else {0, 1})


def read_long_header(datagram: bytes) -> LongHeader | None:
    """The long header that a datagram begins with (RFC 8999 5.1); None for anything else. Never raises.

    Version negotiation, which has no version, is nothing that begins or belongs to a connection.
    """
    if len(datagram) < _IDS + 2 or not datagram[0] & _LONG:
        return None
    version = int.from_bytes(datagram[1:_IDS])
    middle = _IDS + 1 + datagram[_IDS]
    if version == 0 or datagram[_IDS] > LONGEST_ID or len(datagram) <= middle or datagram[middle] > LONGEST_ID:
        return None
    end = middle + 1 + datagram[middle]
    if len(datagram) < end:
        return None
    return LongHeader(datagram[0], version, datagram[_IDS + 1 : middle], datagram[middle + 1 : end])


def short_id(datagram: bytes, length: int) -> bytes | None:
    """The destination of a packet with a short header (RFC 8999 5.2), whose length only its server knows."""
    if len(datagram) <= length or datagram[0] & _LONG:
        return None
    return datagram[1 : 1 + length]
