"""What QUIC packets tell in the clear, and that nothing makes reading them fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.quic import LONGEST_ID, LongHeader, read_long_header, short_id

V2 = 0x6B3343CF
IDS = st.binary(max_size=LONGEST_ID)

# The beginning of the client's Initial packet of RFC 9001 A.2, before its header is protected.
CLIENT_INITIAL = bytes.fromhex("c300000001088394c8f03e5157080000449e00000002")


def long_header(destination: bytes, source: bytes, *, first: int = 0xC3, version: int = 1) -> bytes:
    """A packet as far as its invariants go."""
    return bytes([first]) + version.to_bytes(4) + b"".join(bytes([len(one)]) + one for one in (destination, source))


def test_a_packet_of_the_rfc() -> None:
    """The example of RFC 9001 is read as that says."""
    assert read_long_header(CLIENT_INITIAL) == LongHeader(0xC3, 1, bytes.fromhex("8394c8f03e515708"), b"")


@given(IDS, IDS, st.integers(0x80, 0xFF), st.integers(1, 2**32 - 1), st.binary())
def test_what_was_written_is_read(destination: bytes, source: bytes, first: int, version: int, rest: bytes) -> None:
    """Both ids and the version come back whatever follows, and no prefix of the header is one."""
    written = long_header(destination, source, first=first, version=version)
    assert read_long_header(written + rest) == LongHeader(first, version, destination, source)
    assert all(read_long_header(written[:end]) is None for end in range(len(written)))


@pytest.mark.parametrize(
    "datagram",
    [
        long_header(b"d", b"s", version=0),
        long_header(b"d" * 21, b"s"),
        long_header(b"d", b"s" * 21),
        long_header(b"d", b"s", first=0x43),
    ],
)
def test_what_is_no_long_header(datagram: bytes) -> None:
    """Version negotiation, ids that are too long, and short headers are none."""
    assert read_long_header(datagram) is None


@given(st.binary(max_size=64), st.integers(1, LONGEST_ID))
def test_the_id_of_a_short_header_is_as_long_as_is_known(datagram: bytes, length: int) -> None:
    """Only a packet with a short header and more than its id has one, of that length."""
    found = short_id(datagram, length)
    assert (found is None) is (len(datagram) <= length or datagram[0] >= 0x80)
    assert found is None or (len(found), datagram[1:].startswith(found)) == (length, True)


@pytest.mark.parametrize(
    ("version", "kinds"), [(1, [True, True, False, False]), (V2, [False, True, True, False])], ids=["1", "2"]
)
def test_which_packets_have_an_id_that_the_client_made_up(version: int, kinds: list[bool]) -> None:
    """Initial and 0-RTT packets may, by the numbers that their version gives them."""
    assert [LongHeader(0xC0 | kind << 4, version, b"", b"").begins for kind in range(4)] == kinds
