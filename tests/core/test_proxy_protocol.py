"""What the PROXY reader accepts and refuses, and what the encoders write, example by example."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from balancer.core.proxy_protocol import (
    NOTHING_TOLD,
    Address,
    ProxyHeader,
    ProxyReader,
    Transport,
    encode_v1,
    encode_v2,
)
from balancer.core.proxy_tlvs import ProxyTLS, alpn_tlv, authority_tlv, crc32c, tls_tlv, unique_id_tlv
from balancer.errors import ProxyHeaderInvalid, Retryable, Side

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
V4 = "0a000001 0a000002 1f90 01bb"
V6 = "20010db8000000000000000000000001 00000000000000000000ffff0a000002 0001 ffff"


def v2(start: str, block: str = "") -> bytes:
    """A header of version 2: the two bytes behind the signature, and all that follows the length."""
    content = bytes.fromhex(block)
    return SIGNATURE + bytes.fromhex(start) + len(content).to_bytes(2) + content


def read(data: bytes) -> ProxyHeader:
    """The header, which ends with the data."""
    result = ProxyReader().receive(data)
    assert result is not None
    header, rest = result
    assert header is not None
    assert rest == b""
    return header


@pytest.mark.parametrize(
    ("line", "source", "destination"),
    [
        (b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", ("192.168.0.1", 56324), ("192.168.0.11", 443)),
        (b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", ("0.0.0.0", 0), ("255.255.255.255", 65535)),
        (b"PROXY TCP6 2001:DB8:0:0::1 :: 1 2\r\n", ("2001:db8::1", 1), ("::", 2)),
        (b"PROXY TCP6 ::ffff:10.0.0.1 ::ffff:a00:2 1 2\r\n", ("::ffff:10.0.0.1", 1), ("::ffff:10.0.0.2", 2)),
    ],
)
def test_v1_tcp(line: bytes, source: Address, destination: Address) -> None:
    """A line of version 1 tells both addresses, in the one way to write them."""
    assert read(line) == ProxyHeader(1, source=source, destination=destination, transport="tcp")


@pytest.mark.parametrize("tail", [b"", b" ", b" ffff::1 ffff::2 65535 65535", b" \r \n \0\xff", b" " + b"x" * 91])
def test_v1_unknown(tail: bytes) -> None:
    """UNKNOWN is accepted with whatever stands before the CRLF, up to 107 bytes, and tells nothing."""
    assert read(b"PROXY UNKNOWN" + tail + b"\r\n") == ProxyHeader(1)


@pytest.mark.parametrize(
    "text",
    [
        "", "TCP4", "TCP5 1.2.3.4 1.2.3.4 1 2", "UDP4 1.2.3.4 1.2.3.4 1 2", "tcp4 1.2.3.4 1.2.3.4 1 2", "UNKNOWNX",
        " TCP4 1.2.3.4 1.2.3.4 1 2",
        "TCP4  1.2.3.4 1.2.3.4 1 2", "TCP4 1.2.3.4 1.2.3.4 1 2 ", "TCP4\t1.2.3.4 1.2.3.4 1 2",
        "TCP4 1.2.3.4 1.2.3.4 1", "TCP4 1.2.3.4 1.2.3.4 1 2 3",
        "TCP4 1.2.3.4 1.2.3.4 01 2", "TCP4 1.2.3.4 1.2.3.4 1 00",
        "TCP4 1.2.3.4 1.2.3.4 65536 2", "TCP4 1.2.3.4 1.2.3.4 1 65536", "TCP4 1.2.3.4 1.2.3.4 1 100000",
        "TCP4 1.2.3.4 1.2.3.4 -1 2", "TCP4 1.2.3.4 1.2.3.4 +1 2", "TCP4 1.2.3.04 1.2.3.4 1 2", "TCP4 1.2.3 1.2.3.4 1 2",
        "TCP4 1.2.3.4 1.2.3.256 1 2", "TCP4 ::1 ::2 1 2", "TCP4 1.2.3.4 0x1.2.3.4 1 2", "TCP6 1.2.3.4 1.2.3.4 1 2",
        "TCP6 1::2::3 ::1 1 2", "TCP6 ::1%1 ::1 1 2", "TCP6 :::1 ::1 1 2", "TCP6 12345:: ::1 1 2",
        "TCP6 [::1] [::1] 1 2",
        "TCP6 1:2:3:4::5:6:7:8 ::1 1 2", "TCP6 ::1 ::1.2.3.04 1 2",
        "TCP4 1.2.3.4 1.2.3.4 1 2\r", "TCP4 1.2.3.4\n1.2.3.4 1 2",
        "TCP4 \u0661.2.3.4 1.2.3.4 1 2", "TCP4 1.2.3.4 1.2.3.4 \u0661 2",
    ],
)  # fmt: skip
def test_v1_malformed(text: str) -> None:
    """A line that is not exactly as specified is refused."""
    with pytest.raises(ProxyHeaderInvalid, match=r"a PROXY line"):
        ProxyReader().receive(b"PROXY " + text.encode() + b"\r\n")


def test_v1_length() -> None:
    """A line without CRLF in 107 bytes is refused, as soon as there are 107."""
    line = b"PROXY UNKNOWN".ljust(107, b" ")
    reader = ProxyReader()
    assert reader.receive(line[:106]) is None
    with pytest.raises(ProxyHeaderInvalid, match="no CRLF in the first 107 bytes"):
        reader.receive(line[106:])
    with pytest.raises(ProxyHeaderInvalid, match="no CRLF in the first 107 bytes"):
        ProxyReader().receive(line[:106] + b"\r\n")


@pytest.mark.parametrize(("form", "transport"), [("11", "tcp"), ("12", "udp")])
def test_v2_ipv4(form: str, transport: Transport) -> None:
    """A header of version 2 tells IPv4 addresses, ports and the transport."""
    expected = ProxyHeader(2, source=("10.0.0.1", 8080), destination=("10.0.0.2", 443), transport=transport)
    assert read(v2("21" + form, V4)) == expected


@pytest.mark.parametrize(("form", "transport"), [("21", "tcp"), ("22", "udp")])
def test_v2_ipv6(form: str, transport: Transport) -> None:
    """A header of version 2 tells IPv6 addresses, ports and the transport."""
    expected = ProxyHeader(2, source=("2001:db8::1", 1), destination=("::ffff:10.0.0.2", 65535), transport=transport)
    assert read(v2("21" + form, V6)) == expected


@pytest.mark.parametrize("form", ["31", "32"])
def test_v2_unix(form: str) -> None:
    """Paths end at the first NUL; abstract ones keep the NUL in front and those within."""
    block = b"/run/a\0junk".ljust(108, b"\0") + b"\0a\0b".ljust(108, b"\0")
    expected = ProxyHeader(2, source_path=b"/run/a", destination_path=b"\0a\0b", transport="unix")
    assert read(v2("21" + form, block.hex())) == expected


@pytest.mark.parametrize("header", [v2("2000"), v2("2011", V4), v2("2011", "00"), v2("20ff", "00"), v2("2000", "0d")])
def test_v2_local(header: bytes) -> None:
    """A LOCAL header is accepted whatever its family and its block, and tells of no client."""
    assert read(header) == ProxyHeader(2, local=True)


@pytest.mark.parametrize("form", ["00", "01", "02", "10", "20", "30"])
def test_v2_unspecified(form: str) -> None:
    """A block whose family or transport is unspecified is skipped by its length, and tells nothing."""
    assert read(v2("21" + form, "ff" * 20)) == ProxyHeader(2)
    assert read(v2("21" + form)) == ProxyHeader(2)


@pytest.mark.parametrize("form", ["03", "13", "1f", "33", "40", "41", "f1", "ff"])
def test_v2_unknown_family(form: str) -> None:
    """An unknown family or transport is refused with the byte that names it; LOCAL headers may name any."""
    with pytest.raises(ProxyHeaderInvalid, match=f"family and transport 0x{form}"):
        ProxyReader().receive(v2("21" + form)[:14])
    assert read(v2("20" + form)) == ProxyHeader(2, local=True)


def test_as_sessions_have_it() -> None:
    """A header tells a session's client, which has no address over a unix socket, and its server name in lower case."""
    tcp = read(encode_v2(("10.0.0.1", 8080), ("10.0.0.2", 443), tlvs=[authority_tlv("A.example")]))
    assert (tcp.client, tcp.server_name) == (("10.0.0.1", 8080), "a.example")
    assert read(encode_v2(b"", b"/run/a", transport="unix")).client == ("", 0)
    assert (NOTHING_TOLD.client, NOTHING_TOLD.server_name) == (None, None)


@pytest.mark.parametrize("command", ["20", "21"])
def test_v2_unspecified_with_tlvs(command: str) -> None:
    """Vectors are read where no family is given, as health checks carry them."""
    assert read(v2(command + "00", "e10001 61")).tlvs == ((0xE1, b"a"),)


@pytest.mark.parametrize("byte", ["00", "01", "10", "11", "22", "2f", "30", "31", "a1"])
def test_v2_version_and_command(byte: str) -> None:
    """Any version but 2 and any command but LOCAL and PROXY is refused, before anything else has come."""
    with pytest.raises(ProxyHeaderInvalid, match=f"version and command 0x{byte}"):
        ProxyReader().receive(SIGNATURE + bytes.fromhex(byte))


@pytest.mark.parametrize(("form", "size"), [("11", 12), ("12", 12), ("21", 36), ("22", 36), ("31", 216), ("32", 216)])
def test_v2_too_short_for_its_family(form: str, size: int) -> None:
    """A block that cannot hold the addresses of its family is refused with the length, before it has come."""
    assert read(v2("21" + form, "00" * size)).transport is not None
    with pytest.raises(ProxyHeaderInvalid, match="do not hold the addresses"):
        ProxyReader().receive(v2("21" + form, "00" * (size - 1))[:16])


def test_v2_limit() -> None:
    """A header of more than 16 bytes and the limit is refused with its length; one of just so many is read."""
    assert ProxyReader(limit=300).receive(v2("2110", "00" * 300)) == (ProxyHeader(2), b"")
    with pytest.raises(ProxyHeaderInvalid, match="16 and 301 bytes; 300 at most"):
        ProxyReader(limit=300).receive(v2("2110", "00" * 301)[:16])


def test_v2_tlvs() -> None:
    """Vectors are offered in order, the known ones by name; padding is left out."""
    tls = ProxyTLS(1, 0, version="TLSv1.3")
    tlvs = (
        alpn_tlv("h2"),
        authority_tlv("a.example"),
        unique_id_tlv(b"\x01\xff"),
        tls_tlv(tls),
        (0xE1, b""),
        (1, b"x"),
    )
    header = read(encode_v2(("10.0.0.1", 1), ("10.0.0.2", 2), tlvs=((4, b"padding"), *tlvs, (4, b""))))
    assert header.tlvs == tlvs
    assert (header.alpn, header.authority, header.unique_id, header.tls) == ("h2", "a.example", b"\x01\xff", tls)
    assert header.first(0xE1) == b""


def test_v2_without_tlvs() -> None:
    """What the sender did not say is None."""
    header = read(v2("2111", V4))
    assert (header.alpn, header.authority, header.unique_id, header.tls) == (None, None, None, None)


@pytest.mark.parametrize(
    "tlvs", ["01", "0100", "010001", "050081" + "00" * 129, "200004 01000000", "030000", "030004 00000000"]
)
def test_v2_malformed_tlvs(tlvs: str) -> None:
    """Vectors that do not fill the header, break their own rules or are a wrong checksum are refused."""
    with pytest.raises(ProxyHeaderInvalid):
        ProxyReader().receive(v2("2111", V4 + tlvs))


def test_v2_checksum() -> None:
    """A checksum over the whole header is verified, wherever it stands, and not offered."""
    blank = v2("2111", V4 + "030004 00000000 e10001 61")
    header = blank[:31] + crc32c(blank).to_bytes(4) + blank[35:]
    assert read(header).tlvs == ((0xE1, b"a"),)
    with pytest.raises(ProxyHeaderInvalid, match="checksum"):
        ProxyReader().receive(header[:-1] + b"b")


@pytest.mark.parametrize("data", [b"G", b"P0", b"PROXY\t", b"\r\n\r\n\0\r\nQUIT\r", b"\n", b"\x16", b"p"])
def test_another_beginning(data: bytes) -> None:
    """The first byte that cannot begin a header refuses, or with `optional` gives back all bytes."""
    reader, optional = ProxyReader(), ProxyReader(optional=True)
    if data[:-1]:
        assert reader.receive(data[:-1]) is None
        assert optional.receive(data[:-1]) is None
    assert optional.receive(data[-1:]) == (None, data)
    with pytest.raises(ProxyHeaderInvalid, match="first bytes") as caught:
        reader.receive(data[-1:])
    assert (caught.value.side, caught.value.retryable, caught.value.status) == (Side.DOWNSTREAM, Retryable.NO, 400)


def test_optional_header() -> None:
    """An optional header is read when there is one, and refused when it begins and is malformed."""
    assert ProxyReader(optional=True).receive(b"PROXY UNKNOWN\r\nx") == (ProxyHeader(1), b"x")
    with pytest.raises(ProxyHeaderInvalid):
        ProxyReader(optional=True).receive(b"PROXY TCP4\r\n")
    with pytest.raises(ProxyHeaderInvalid):
        ProxyReader(optional=True).receive(v2("2200"))


@pytest.mark.parametrize(("version", "other"), [(1, v2("2000")), (2, b"PROXY UNKNOWN\r\n")])
def test_versions(version: int, other: bytes) -> None:
    """A header of a version that is not expected is refused with its first byte."""
    with pytest.raises(ProxyHeaderInvalid):
        ProxyReader(versions={version}).receive(other[:1])


@pytest.mark.parametrize(("limit", "versions"), [(215, {1}), (65536, {2}), (4096, ()), (4096, {1, 3})])
def test_reader_settings(limit: int, versions: Collection[int]) -> None:
    """A reader cannot be made for a limit below any addresses or above any header, or for versions there are not."""
    with pytest.raises(ValueError, match="expected 216 to 65535, and 1, 2 or both"):
        ProxyReader(limit=limit, versions=versions)


def test_encode_v1() -> None:
    """Lines are written as specified; mixed families as IPv6, and zones not at all."""
    assert encode_v1(("10.0.0.1", 0), ("10.0.0.2", 443)) == b"PROXY TCP4 10.0.0.1 10.0.0.2 0 443\r\n"
    assert encode_v1(("fe80::1%eth0", 1), ("FE80:0::2", 2)) == b"PROXY TCP6 fe80::1 fe80::2 1 2\r\n"
    assert encode_v1(("10.0.0.1", 1), ("::1", 2)) == b"PROXY TCP6 ::ffff:10.0.0.1 ::1 1 2\r\n"
    assert encode_v1(None, ("10.0.0.2", 1)) == encode_v1(("10.0.0.2", 1), None) == b"PROXY UNKNOWN\r\n"


def test_encode_v2() -> None:
    """Headers are written as specified, each in one way."""
    source, destination = ("10.0.0.1", 8080), ("10.0.0.2", 443)
    assert encode_v2(source, destination) == v2("2111", V4)
    assert encode_v2(source, destination, transport="udp", tlvs=[(4, b"a")]) == v2("2112", V4 + "040001 61")
    assert encode_v2(("2001:db8::1", 1), ("10.0.0.2", 65535)) == v2("2121", V6)
    assert encode_v2(("2001:db8::1", 1), ("10.0.0.2", 65535), transport="udp") == v2("2122", V6)
    assert encode_v2(b"", b"/b", transport="unix") == v2("2131", (bytes(108) + b"/b".ljust(108, b"\0")).hex())
    assert encode_v2(None, destination) == encode_v2(source, None) == v2("2100")
    assert encode_v2(None, None, local=True) == v2("2000")
    blank = v2("2000", "030004 00000000")
    assert encode_v2(None, None, local=True, crc=True) == blank[:-4] + crc32c(blank).to_bytes(4)


@pytest.mark.parametrize(
    ("source", "destination"),
    [(("a", 1), ("::1", 1)), (("::1", -1), ("::1", 1)), (("::1", 1), ("::1", 65536)), (("", 1), ("::1", 1))],
)
def test_addresses_that_are_none(source: Address, destination: Address) -> None:
    """Neither version is written with a host that is not an address, or a port that is none."""
    with pytest.raises(ValueError, match=r"0 to 65535|does not appear"):
        encode_v1(source, destination)
    with pytest.raises(ValueError, match=r"0 to 65535|does not appear"):
        encode_v2(source, destination)


@pytest.mark.parametrize(
    ("source", "destination", "transport"),
    [
        (b"/a", b"/b", "tcp"), (("::1", 1), ("::1", 1), "unix"), (b"/a", ("::1", 1), "unix"),
        (("::1", 1), b"/b", "udp"),
        (b"/a" * 55, b"/b", "unix"), (b"/a", b"/b\0c", "unix"), (b"\0a\0", b"/b", "unix"),
    ],
)  # fmt: skip
def test_encode_v2_mismatch(source: Address | bytes, destination: Address | bytes, transport: Transport) -> None:
    """Addresses of another kind than the transport's, and paths with no room or no end, are not written."""
    with pytest.raises(ValueError, match=r"of transport|unix path"):
        encode_v2(source, destination, transport=transport)


def test_encode_v2_refuses_what_it_would_drop() -> None:
    """Addresses in a LOCAL header, a checksum of one's own and a header that is too large are not written."""
    with pytest.raises(ValueError, match="in a LOCAL header"):
        encode_v2(("::1", 1), ("::1", 1), local=True)
    with pytest.raises(ValueError, match="crc=True"):
        encode_v2(None, None, tlvs=[(3, bytes(4))])
    assert len(encode_v2(None, None, tlvs=[(1, bytes(65532))])) == 16 + 65535
    with pytest.raises(ValueError, match="65535 at most"):
        encode_v2(None, None, tlvs=[(1, bytes(65532))], crc=True)
