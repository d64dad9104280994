"""Feeds the PROXY reader headers that are almost right, and holds it to a second reading of the specification.

Run as `python -m tests.fuzz.fuzz_proxy_protocol --count N --seed S`. Every header goes in whole and in pieces; what
comes out must be what the oracle below says, which shares no code with the reader and reads whole headers only.
"""

from __future__ import annotations

import argparse
import faulthandler
import re
import struct
import sys
from collections.abc import Iterator
from random import Random
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from balancer.core.proxy_protocol import ProxyHeader, ProxyReader
from balancer.errors import ProxyHeaderInvalid

LIMIT = 600
SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
KNOWN_FORMS = {family + transport for family in (0x00, 0x10, 0x20, 0x30) for transport in (0, 1, 2)}
MORE, REFUSED = "more", "refused"
Told = tuple[object, ...]
"""Local, transport, source, destination, vectors, and the bytes behind the header."""
Verdict = str | Told

WORDS = [
    b"PROXY", b"TCP4", b"TCP6", b"UNKNOWN", b" ", b"  ", b"\r\n", b"\r", b"\n", b"\t", b"\0", b"0", b"00", b"01",
    b"65535", b"65536", b"+1", b"-1", b"1_0", b"127.0.0.1", b"127.0.0.01", b"1.2.3", b"1.2.3.256", b"::", b"::1",
    b"1::2::3", b"fe80::1%1", b"::ffff:1.2.3.4", b"FFFF:ffff:ffff:ffff:ffff:ffff:ffff:ffff", b"1:2:3:4:5:6:7::",
    b"1:2:3:4::5:6:7:8", b"12345::", SIGNATURE, b"\x20", b"\x21", b"\x22", b"\x11", b"\x00\x00", b"\xff\xff",
    b"\x03\x00\x04", b"\x03\x00\x04\x00\x00\x00\x00", b"\x05\x00\x81", b"\x20\x00\x05", b"\x04\x00\x00",
]  # fmt: skip
"""What mutations put in: tokens of both versions, right and nearly right."""


def judged(data: bytes) -> Verdict:
    """What the specification makes of the first bytes of a connection."""
    if b"PROXY "[: len(data)] == data[:6]:
        return judged_line(data)
    if SIGNATURE[: len(data)] == data[:12]:
        return judged_block(data)
    return REFUSED


def judged_line(data: bytes) -> Verdict:
    """Version 1 (section 2.1): one line of 107 bytes at most."""
    line, found, behind = data[:107].partition(b"\r\n")
    if not found:
        return REFUSED if len(data) >= 107 else MORE
    behind += data[107:]
    words = line.split(b" ")
    if words[1] == b"UNKNOWN":
        return False, None, None, None, (), behind
    families = {b"TCP4": AF_INET, b"TCP6": AF_INET6}
    if len(words) != 6 or words[1] not in families or not all(map(is_port, words[4:])):
        return REFUSED
    hosts = [packed(families[words[1]], word) for word in words[2:4]]
    if None in hosts:
        return REFUSED
    return False, "tcp", (hosts[0], int(words[4])), (hosts[1], int(words[5])), (), behind


def is_port(word: bytes) -> bool:
    """Whether the word is a port as 2.1 would have it written."""
    return re.fullmatch(rb"[0-9]{1,5}", word) is not None and str(int(word)).encode() == word and int(word) < 65536


def packed(family: int, word: bytes) -> bytes | None:
    """The address, or None when the C library does not read it as one of the family."""
    try:
        return inet_pton(family, word.decode("ascii"))
    except (OSError, ValueError):
        return None


def judged_block(data: bytes) -> Verdict:
    """Version 2 (section 2.2): 16 bytes, addresses, vectors."""
    strange = data[12:13] not in {b"", b"\x20", b"\x21"}
    strange |= data[12:13] == b"\x21" and any(byte not in KNOWN_FORMS for byte in data[13:14])
    if strange or len(data) < 16:
        return REFUSED if strange else MORE
    command, form, length = struct.unpack("!BBH", data[12:16])
    sizes = {0x11: 12, 0x12: 12, 0x21: 36, 0x22: 36, 0x31: 216, 0x32: 216}
    size = sizes.get(form, 0) if command == 0x21 else 0
    if not size <= length <= LIMIT:
        return REFUSED
    if len(data) < 16 + length:
        return MORE
    block, behind = data[16 : 16 + length], data[16 + length :]
    tlvs = vectors(block[size:]) if form == 0 or size else []
    if tlvs is None and size:
        return REFUSED
    if any(map(is_wrong, tlvs or [])) or not sums_right(data[: 16 + length], tlvs or []):
        return REFUSED
    kept = tuple((kind, value) for kind, _, value in tlvs or [] if kind not in {3, 4})
    source, destination = addresses(block, size)
    transport = None if not size else "unix" if size == 216 else ("tcp", "udp")[form % 16 - 1]
    return command == 0x20, transport, source, destination, kept, behind


def vectors(block: bytes) -> list[tuple[int, int, bytes]] | None:
    """Types, places counted from the end of the block, and values; None when they do not fill it."""
    found: list[tuple[int, int, bytes]] = []
    while block:
        if len(block) < 3 or len(block) < 3 + block[1] * 256 + block[2]:
            return None
        cut = 3 + block[1] * 256 + block[2]
        found.append((block[0], 3 - len(block), block[3:cut]))
        block = block[cut:]
    return found


def is_wrong(tlv: tuple[int, int, bytes]) -> bool:
    """Whether a vector breaks a rule of its own."""
    kind, _, value = tlv
    return (kind == 5 and len(value) > 128) or (kind == 32 and (len(value) < 5 or vectors(value[5:]) is None))


def sums_right(header: bytes, tlvs: list[tuple[int, int, bytes]]) -> bool:
    """Whether there is no checksum, or one and the right one (2.2.3)."""
    sums = [(len(header) + place, value) for kind, place, value in tlvs if kind == 3]
    if not sums:
        return True
    place, value = sums[0]
    return len(sums) == 1 and len(value) == 4 and value == checksum(header[:place] + bytes(4) + header[place + 4 :])


def checksum(data: bytes) -> bytes:
    """CRC32C, bit by bit."""
    crc = 0xFFFFFFFF
    for bit in (byte >> shift & 1 for byte in data for shift in range(8)):
        crc = crc >> 1 ^ (0x82F63B78 if (crc ^ bit) & 1 else 0)
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "big")


def addresses(block: bytes, size: int) -> tuple[object, object]:
    """Both ends as the block of that size tells them."""
    if size in {12, 36}:
        first, second, *ports = struct.unpack(f"!{size // 2 - 2}s{size // 2 - 2}sHH", block[:size])
        return (first, ports[0]), (second, ports[1])
    if size == 216:
        return named(block[:108]), named(block[108:216])
    return None, None


def named(field: bytes) -> bytes:
    """The path in the field of a unix address, abstract ones with their NUL."""
    return re.sub(rb"\0+\Z", b"", field) if field[0] == 0 else field.split(b"\0")[0]


def told(pieces: list[bytes]) -> Verdict:
    """What the reader makes of the pieces, in the oracle's words; each is given only while more is needed."""
    reader = ProxyReader(limit=LIMIT)
    for count, piece in enumerate(pieces, 1):
        try:
            result = reader.receive(piece)
        except ProxyHeaderInvalid:
            return REFUSED
        if result is not None:
            header, behind = result
            assert header is not None
            return *seen(header), behind + b"".join(pieces[count:])
    return MORE


def seen(header: ProxyHeader) -> Told:
    """The header in the oracle's words; every property of it must be readable."""
    _ = header.alpn, header.authority, header.unique_id, header.tls
    source = header.source_path if header.source_path is not None else binary(header.source)
    destination = header.destination_path if header.destination_path is not None else binary(header.destination)
    return header.local, header.transport, source, destination, header.tlvs


def binary(address: tuple[str, int] | None) -> tuple[bytes | None, int] | None:
    """The address in network order, with its port."""
    if address is None:
        return None
    host, port = address
    return packed(AF_INET6 if ":" in host else AF_INET, host.encode()), port


def line(random: Random) -> bytes:
    """A header of version 1."""
    if random.random() < 0.1:
        return b"PROXY UNKNOWN" + random.choice([b"", b" ", b" x y"]) + b"\r\n"
    name, family, size = random.choice([("TCP4", AF_INET, 4), ("TCP6", AF_INET6, 16)])
    hosts = [inet_ntop(family, random.randbytes(size)) for _ in range(2)]
    ports = [random.choice([0, 9, 80, 65535, random.randrange(65536)]) for _ in range(2)]
    return f"PROXY {name} {hosts[0]} {hosts[1]} {ports[0]} {ports[1]}\r\n".encode()


def block(random: Random) -> bytes:
    """A header of version 2."""
    form = random.choice([0, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32, random.randrange(256)])
    size = {1: 12, 2: 36, 3: 216}.get(form >> 4, 0)
    body = random.randbytes(random.randrange(size + 1) if size == 216 else size).ljust(size, b"\0")
    body += b"".join(vector(random) for _ in range(random.randrange(4)))
    command = random.choice(b"\x20\x21\x21\x21")
    if random.random() < 0.7:
        return SIGNATURE + struct.pack("!BBH", command, form, len(body)) + body
    behind = vector(random) if random.random() < 0.3 else b""
    header = SIGNATURE + struct.pack("!BBH", command, form, len(body) + 7 + len(behind)) + body + b"\x03\x00\x04"
    return header + checksum(header + bytes(4) + behind) + behind


def vector(random: Random) -> bytes:
    """One TLV."""
    kind = random.choice([1, 2, 4, 5, 32, 0xE0, random.randrange(256)])
    value = random.randbytes(random.choice([0, 1, 5, 20]))
    if kind == 32:
        value = value[:5] + b"".join(vector(random) for _ in range(random.randrange(2)))
    if kind == 5 and random.random() < 0.2:
        value = random.randbytes(random.choice([128, 129]))
    return bytes([kind]) + len(value).to_bytes(2, "big") + value


def mutated(data: bytes, random: Random) -> bytes:
    """The same with a stretch of it replaced, doubled, moved or gone."""
    start = random.randrange(len(data) + 1)
    end = min(len(data), start + random.choice([0, 0, 1, 1, 1, 2, 4, 16]))
    other = random.randrange(len(data) + 1)
    middle = random.choice([random.choice(WORDS), random.randbytes(end - start), data[other : other + 8], b""])
    return data[:start] + middle + data[end:]


def split(data: bytes, random: Random) -> list[bytes]:
    """The same in pieces, some of them empty."""
    if random.random() < 0.05:
        return [data[index : index + 1] for index in range(len(data))]
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(1, 4)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def headers(random: Random, count: int) -> Iterator[bytes]:
    """So many headers: random bytes, right ones, and mostly those with a few mistakes."""
    for _ in range(count):
        data = random.choice([line, block])(random) + random.choice([b"", b"GET / HTTP/1.1\r\n", SIGNATURE])
        for _ in range(random.choice([0, 1, 1, 1, 2, 3])):
            data = mutated(data, random)
        yield random.randbytes(random.randrange(40)) if random.random() < 0.02 else data


def run(count: int, seed: int) -> dict[str, int]:
    """Judge so many headers; return how many were read, refused, and incomplete. Raises `AssertionError`."""
    random = Random(seed)
    counts = {"read": 0, REFUSED: 0, MORE: 0}
    for data in headers(random, count):
        expected = judged(data)
        assert told([data]) == expected, (data, told([data]), expected)
        pieces = split(data, random)
        assert told(pieces) == expected, (pieces, told(pieces), expected)
        counts[expected if isinstance(expected, str) else "read"] += 1
    return counts


def main() -> None:
    """Run as asked in turns of at most 10,000, each of which must end within a minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for turn, done in enumerate(range(0, options.count, 10_000)):
        faulthandler.dump_traceback_later(60, exit=True)
        counts = run(min(10_000, options.count - done), options.seed + turn)
        sys.stdout.write(f"seed {options.seed + turn}: {counts}\n")


if __name__ == "__main__":
    main()
