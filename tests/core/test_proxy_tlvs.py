"""The vectors of PROXY version 2: split, joined, checked and summed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.proxy_tlvs import (
    TLV,
    ProxyTLS,
    alpn_tlv,
    authority_tlv,
    check_crc,
    check_tlvs,
    crc32c,
    join_tlvs,
    parse_tls,
    split_tlvs,
    text_of,
    tls_tlv,
    unique_id_tlv,
)
from balancer.errors import ProxyHeaderInvalid

TLVS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=4).map(tuple)
TEXTS = st.none() | st.text(max_size=8)
STRANGE = st.lists(st.tuples(st.integers(0x26, 255), st.binary(max_size=8)), max_size=2).map(tuple)


@given(TLVS)
def test_there_and_back(tlvs: tuple[TLV, ...]) -> None:
    """Vectors that were joined are split into the same."""
    assert split_tlvs(join_tlvs(tlvs)) == tlvs


def test_layout() -> None:
    """A vector is its type, its length in network order, and its value."""
    assert join_tlvs([(0xE1, b"ab"), (4, b"")]) == bytes.fromhex("e10002 6162 040000")


@pytest.mark.parametrize("block", ["01", "0100", "010001", "01000261", "010000 02", "010100" + "00" * 255])
def test_what_does_not_fill_its_block(block: str) -> None:
    """Vectors that end before or behind the end of their block are none."""
    assert split_tlvs(bytes.fromhex(block)) is None


@pytest.mark.parametrize("tlv", [(256, b""), (-1, b""), (1, bytes(65536))])
def test_no_room(tlv: TLV) -> None:
    """A type or a value that has no room in its field cannot be joined."""
    with pytest.raises(ValueError, match="the most are type 255 and 65535 bytes"):
        join_tlvs([tlv])


def test_built() -> None:
    """Texts are built as UTF-8 and ids as they are, under their types."""
    assert alpn_tlv("h2") == (1, b"h2")
    assert authority_tlv("b\u00fc.example") == (2, b"b\xc3\xbc.example")
    assert unique_id_tlv(bytes(128)) == (5, bytes(128))


def test_unique_id_is_short() -> None:
    """An id of more than 128 bytes is neither built nor accepted."""
    with pytest.raises(ValueError, match="129 bytes: 128 at most"):
        unique_id_tlv(bytes(129))
    check_tlvs([(5, bytes(128))])
    with pytest.raises(ProxyHeaderInvalid, match="129 bytes"):
        check_tlvs([(5, bytes(129))])


def test_text_is_total() -> None:
    """Bytes that are not UTF-8 become visible escapes, and never an error."""
    assert text_of(b"a\xc3\xbc\xff") == "a\u00fc\\xff"


@given(st.integers(0, 255), st.integers(0, 2**32 - 1), st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS), STRANGE)
def test_tls_there_and_back(flags: int, verify: int, texts: tuple[str | None, ...], others: tuple[TLV, ...]) -> None:
    """What is said of the client's TLS is read as it was built."""
    version, cn, cipher, sig_alg, key_alg = texts
    tls = ProxyTLS(
        flags, verify, version=version, cn=cn, cipher=cipher, sig_alg=sig_alg, key_alg=key_alg, others=others
    )
    kind, value = tls_tlv(tls)
    assert kind == 0x20
    assert parse_tls(value) == tls


def test_tls_layout() -> None:
    """Each text is found under its own type; the first of a kind counts, and nothing else is lost."""
    value = bytes.fromhex("07 00000001 210001 56 220001 4e 230001 43 240001 53 250001 4b 220001 4d 280001 44")
    tls = parse_tls(value)
    assert (tls.flags, tls.verify) == (7, 1)
    assert (tls.version, tls.cn, tls.cipher, tls.sig_alg, tls.key_alg) == ("V", "N", "C", "S", "K")
    assert tls.others == ((0x22, b"M"), (0x28, b"D"))


@pytest.mark.parametrize("value", ["", "01000000", "0100000000 21", "0100000000 210002 41"])
def test_tls_malformed(value: str) -> None:
    """An SSL vector is refused when it is too short or its own vectors do not fill it."""
    with pytest.raises(ProxyHeaderInvalid, match="SSL TLV"):
        check_tlvs([(0xE0, b""), (0x20, bytes.fromhex(value))])


@pytest.mark.parametrize("tls", [ProxyTLS(256, 0), ProxyTLS(-1, 0), ProxyTLS(0, 2**32), ProxyTLS(0, -1)])
def test_tls_no_room(tls: ProxyTLS) -> None:
    """Flags and results that have no room in their fields cannot be built."""
    with pytest.raises(ValueError, match="the most are 255 and 4294967295"):
        tls_tlv(tls)


@pytest.mark.parametrize(
    ("flags", "verify", "used", "verified"),
    [(0, 0, False, False), (1, 0, True, False), (3, 0, True, True), (5, 0, True, True), (7, 10, True, False)],
)
def test_tls_client_verified(flags: int, verify: int, used: bool, verified: bool) -> None:
    """A client is verified only when it showed a certificate and that was good."""
    tls = ProxyTLS(flags, verify)
    assert (tls.used, tls.client_verified) == (used, verified)


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_crc32c(data: bytes, crc: int) -> None:
    """The checksum is the one that RFC 3720 B.4 gives examples of."""
    assert crc32c(data) == crc


def summed(header: bytes, behind: bytes) -> bytes:
    """The header with a checksum between its two parts."""
    header += b"\x03\x00\x04"
    return header + crc32c(header + bytes(4) + behind).to_bytes(4) + behind


@given(st.binary(max_size=20), TLVS.filter(lambda tlvs: all(kind != 3 for kind, _ in tlvs)), st.data())
def test_crc_anywhere(start: bytes, tlvs: tuple[TLV, ...], data: st.DataObject) -> None:
    """The checksum may stand anywhere among the vectors, and a change of any bit is found."""
    place = data.draw(st.integers(0, len(tlvs)))
    header = summed(start + join_tlvs(tlvs[:place]), join_tlvs(tlvs[place:]))
    found = split_tlvs(header[len(start) :])
    assert found is not None
    check_crc(header, found)
    bit = data.draw(st.integers(0, 8 * len(header) - 1))
    changed = bytearray(header)
    changed[bit // 8] ^= 1 << bit % 8
    vectors = split_tlvs(bytes(changed[len(start) :]))
    if vectors is not None and any(kind == 3 for kind, _ in vectors):
        with pytest.raises(ProxyHeaderInvalid, match="checksum"):
            check_crc(bytes(changed), vectors)


def test_crc_absent() -> None:
    """A header without a checksum has nothing to check."""
    check_crc(b"x\x04\x00\x00", ((4, b""),))


@pytest.mark.parametrize("sums", [((3, b""),), ((3, bytes(3)),), ((3, bytes(5)),), ((3, bytes(4)), (3, bytes(4)))])
def test_crc_malformed(sums: tuple[TLV, ...]) -> None:
    """A checksum of another size, and a second one, are refused."""
    with pytest.raises(ProxyHeaderInvalid, match="more than one checksum, or one that is not of 4 bytes"):
        check_crc(b"header" + join_tlvs(sums), sums)
