"""What holds for every PROXY header: there and back, any split, and the agreement of a second reading."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.proxy_protocol import Address, ProxyHeader, ProxyReader, Transport, encode_v1, encode_v2
from balancer.core.proxy_tlvs import TLV
from balancer.errors import ProxyHeaderInvalid
from tests.fuzz.fuzz_proxy_protocol import SIGNATURE, run

PORTS = st.integers(0, 65535)
V4: st.SearchStrategy[Address] = st.tuples(st.ip_addresses(v=4).map(str), PORTS)
# Python writes mapped addresses in one way before 3.13 and in another since.
V6: st.SearchStrategy[Address] = st.tuples(
    st.ip_addresses(v=6).map(str).filter(lambda text: not text.startswith("::ffff:")), PORTS
)
TRANSPORTS: st.SearchStrategy[Transport] = st.sampled_from(["tcp", "udp"])
PAIRS = st.tuples(V4, V4) | st.tuples(V6, V6) | st.just((None, None))
PATHS = st.binary(max_size=108).filter(lambda path: b"\0" not in path) | st.just(b"\0abstract")
# What a reader offers: neither a checksum nor padding; ids and SSL vectors have rules of their own.
TLVS = st.lists(st.tuples(st.sampled_from([1, 2, 0x30, 0xE0, 0xF9]), st.binary(max_size=40)), max_size=3).map(tuple)
PIECES = [
    SIGNATURE, b"\x20\x11", b"\x21\x00", b"\x21\x11", b"\x22\x11", b"\x00\x0c", b"\x00\x10", b"\x00\x04", b"\x10\x00",
    bytes(4), bytes(12), b"\x04\x00\x01\x00", b"PROXY ", b"TCP4 ", b"UNKNOWN", b"1.2.3.4 ", b"1 1", b"\r\n", b"\r",
    b"x", b"x" * 90,
]  # fmt: skip
STREAMS = st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join)
HEADERS = st.builds(encode_v2, st.just(("10.0.0.1", 1)), st.just(("10.0.0.2", 2)), tlvs=TLVS, crc=st.booleans())


def outcome(pieces: list[bytes], *, optional: bool = False) -> object:
    """What a reader makes of the pieces: the header with all that is behind it, its refusal in words, or None."""
    reader = ProxyReader(optional=optional)
    for count, piece in enumerate(pieces, 1):
        try:
            result = reader.receive(piece)
        except ProxyHeaderInvalid as refusal:
            return str(refusal)
        if result is not None:
            return result[0], result[1] + b"".join(pieces[count:])
    return None


@given(PAIRS, st.binary(max_size=8))
def test_v1_there_and_back(pair: tuple[Address | None, Address | None], behind: bytes) -> None:
    """A line is read as it was meant, and nothing behind it is touched."""
    source, destination = pair
    expected = ProxyHeader(1, source=source, destination=destination, transport="tcp" if source else None)
    assert ProxyReader().receive(encode_v1(source, destination) + behind) == (expected, behind)


@given(PAIRS, TRANSPORTS, TLVS, st.booleans())
def test_v2_there_and_back(
    pair: tuple[Address | None, Address | None], transport: Transport, tlvs: tuple[TLV, ...], crc: bool
) -> None:
    """A header of version 2 is read as it was meant, with or without a checksum, and nothing behind it is touched."""
    source, destination = pair
    data = encode_v2(source, destination, transport=transport, tlvs=tlvs, crc=crc)
    told = transport if source else None
    expected = ProxyHeader(2, source=source, destination=destination, transport=told, tlvs=tlvs)
    assert ProxyReader().receive(data + SIGNATURE) == (expected, SIGNATURE)


@given(PATHS, PATHS, TLVS, st.booleans())
def test_unix_there_and_back(source: bytes, destination: bytes, tlvs: tuple[TLV, ...], crc: bool) -> None:
    """Paths of unix sockets are read as they were written."""
    data = encode_v2(source, destination, transport="unix", tlvs=tlvs, crc=crc)
    expected = ProxyHeader(2, source_path=source, destination_path=destination, transport="unix", tlvs=tlvs)
    assert ProxyReader().receive(data) == (expected, b"")


@given(TLVS, st.booleans())
def test_local_there_and_back(tlvs: tuple[TLV, ...], crc: bool) -> None:
    """What a health check sends is read as LOCAL, with its vectors."""
    data = encode_v2(None, None, local=True, tlvs=tlvs, crc=crc)
    assert ProxyReader().receive(data) == (ProxyHeader(2, local=True, tlvs=tlvs), b"")


@given(V4, V6)
def test_mixed_families(v4: Address, v6: Address) -> None:
    """Beside an IPv6 address one of IPv4 is told mapped, whichever version and order."""
    mapped = f"::ffff:{IPv4Address(v4[0])}", v4[1]
    assert IPv6Address(mapped[0]).ipv4_mapped == IPv4Address(v4[0])
    for encode in (encode_v1, encode_v2):
        there = outcome([encode(v4, v6)])
        back = outcome([encode(v6, v4)])
        assert isinstance(there, tuple)
        assert isinstance(back, tuple)
        assert (there[0].source, there[0].destination) == (mapped, v6)
        assert (back[0].source, back[0].destination) == (v6, mapped)


@given(
    STREAMS | HEADERS.map(lambda header: header + b"behind"), st.lists(st.integers(0, 300), max_size=6), st.booleans()
)
def test_any_split(data: bytes, cuts: list[int], optional: bool) -> None:
    """However the bytes are cut, the header, the bytes behind it and the words of a refusal are the same."""
    whole = outcome([data], optional=optional)
    places = sorted(min(cut, len(data)) for cut in cuts)
    pieces = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    assert outcome(pieces, optional=optional) == whole
    assert outcome([data[place : place + 1] for place in range(len(data))], optional=optional) == whole


@given(HEADERS)
def test_nothing_before_the_last_byte(header: bytes) -> None:
    """No header is told before its last byte, and with that it is."""
    reader = ProxyReader()
    assert all(reader.receive(header[place : place + 1]) is None for place in range(len(header) - 1))
    assert reader.receive(header[-1:]) is not None


@pytest.mark.parametrize("seed", [1, 2])
def test_a_second_reading_agrees(seed: int) -> None:
    """Headers with mistakes are accepted, refused and awaited as a second reading of the specification has it."""
    counts = run(2000, seed)
    assert min(counts.values()) > 50
