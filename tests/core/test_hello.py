"""The ClientHello: those of a real TLS client, in any cut, and what is none."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from functools import cache

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from balancer.core.hello import HELLO_LIMIT, ClientHello, Misfit, Reader, Short, next_look, read_client_hello
from balancer.interfaces import MORE


@cache
def real(name: str | None = None, alpn: tuple[str, ...] = (), newest: int = ssl.TLSVersion.TLSv1_3) -> bytes:
    """The first bytes of OpenSSL as a client."""
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.check_hostname, settings.maximum_version = False, ssl.TLSVersion(newest)
    settings.set_alpn_protocols(alpn)
    sent = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        settings.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    return sent.read()


def records(message: bytes, sizes: Iterable[int] = ()) -> bytes:
    """The message in handshake records of these sizes, the rest in as few as can be."""
    parts, start = [], 0
    for size in (*sizes, *[2**14] * (len(message) // 2**14 + 1)):
        parts.append(message[start : start + size])
        start += size
    return b"".join(b"\x16\x03\x01" + vector(2, part) for part in parts if part)


def vector(width: int, data: bytes) -> bytes:
    """The data behind their length."""
    return len(data).to_bytes(width, "big") + data


def extension(kind: int, value: bytes) -> bytes:
    """One extension."""
    return kind.to_bytes(2, "big") + vector(2, value)


def host(name: bytes, kind: int = 0) -> bytes:
    """One entry of a server name list."""
    return bytes([kind]) + vector(2, name)


def sni(*entries: bytes) -> bytes:
    """The extension server_name."""
    return extension(0, vector(2, b"".join(entries)))


def alpn(*names: bytes) -> bytes:
    """The extension for ALPN."""
    return extension(16, vector(2, b"".join(vector(1, name) for name in names)))


def message(
    extensions: bytes | None = b"", *, version: int = 0x0303, rest: bytes = b"\0\0\2\x13\1\1\0", after: bytes = b""
) -> bytes:
    """A hello made by hand; `rest` is session id, ciphers and compressions."""
    body = version.to_bytes(2, "big") + bytes(32) + rest + after
    return b"\1" + vector(3, body if extensions is None else body + vector(2, extensions))


REAL = [real(), real("a.example"), real("A.Example.", ("h2", "http/1.1")), real("b.example", ("x",), 0x0303)]
STEMS = [*REAL, records(message()), records(message(sni(host(b"a.example"))), [1, 2, 3, 4, 5]), b"\x16\x03\x01\0\0"]


def test_reads_what_openssl_sends() -> None:
    """Server name, protocols and versions of a real client are found, and their absence too."""
    assert read_client_hello(real()) == ClientHello(None, (), (0x0304, 0x0303))
    assert read_client_hello(real("Api.Example", ("h2", "http/1.1"))) == ClientHello(
        "api.example", ("h2", "http/1.1"), (0x0304, 0x0303)
    )
    assert read_client_hello(real("a.example", (), ssl.TLSVersion.TLSv1_2)) == ClientHello("a.example", (), (0x0303,))


@given(st.sampled_from(REAL), st.lists(st.integers(1, 2000) | st.integers(1, 3), max_size=30), st.binary(max_size=9))
def test_records_do_not_matter(whole: bytes, sizes: list[int], after: bytes) -> None:
    """However the hello is cut into records, and whatever follows it, it is the same hello."""
    assert read_client_hello(records(whole[5:], sizes) + after) == read_client_hello(whole)


@pytest.mark.parametrize("whole", [*REAL, records(message(sni(host(b"a.example"))), [1] * 99)], ids=len)
def test_every_prefix_is_undecided(whole: bytes) -> None:
    """A hello is undecided up to its last byte, also one of a byte a record."""
    assert {read_client_hello(whole[:end]) for end in range(len(whole))} == {MORE}
    assert isinstance(read_client_hello(whole), ClientHello)


mutated = st.builds(
    lambda stem, at, put, cut: stem[: at % len(stem)] + put + stem[at % len(stem) + cut :],
    st.sampled_from(STEMS),
    st.integers(0, 120) | st.integers(0, 5000),
    st.binary(max_size=3),
    st.integers(0, 3),
)


@given(st.binary(max_size=60) | mutated, st.integers(0, 2000))
def test_an_answer_stays(data: bytes, end: int) -> None:
    """Any bytes have an answer, and once it is definite no further byte changes it."""
    before, after = read_client_hello(data[:end]), read_client_hello(data)
    assert before is MORE or before == after


@given(mutated, st.binary(min_size=1, max_size=1))
@example(b"\x16\x03\x01\x40\x00", b"\x01")
@example(b"", b"\x16")
def test_never_undecided_at_the_limit(stem: bytes, filler: bytes) -> None:
    """With as many bytes as it may look at, the reader has made up its mind."""
    assert read_client_hello((stem + filler * HELLO_LIMIT)[:HELLO_LIMIT]) is not MORE


def test_sizes() -> None:
    """A hello of 16 KiB is read; one byte more is refused at its head, and too many records at the limit."""
    room = 2**14 - len(message(extension(99, b""))) + 4
    largest = records(message(extension(99, bytes(room))))
    assert isinstance(read_client_hello(largest), ClientHello)
    assert read_client_hello(records(message(extension(99, bytes(room + 1))))[:9]) is None
    cut_fine = records(largest[5:], [1] * 4000)
    assert read_client_hello(cut_fine[: HELLO_LIMIT - 1]) is MORE
    assert read_client_hello(cut_fine) is read_client_hello(cut_fine[:HELLO_LIMIT]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\x15",
        b"GET / HTTP/1.1\r\n",
        b"\x16\x02",
        b"\x80\x2e\x01\x03\x01",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x40\x01",
        b"\x16\x03\x01\x00\x04\x02",
        records(message(), [3])[:8] + b"\x17",
        records(message(version=0x0300)),
        records(message(version=0x0304)),
        records(message(rest=b"\x21" + bytes(33) + b"\0\2\x13\1\1\0")),
        records(message(rest=b"\0\0\0\1\0")),
        records(message(rest=b"\0\0\3\x13\1\0\1\0")),
        records(message(rest=b"\0\0\2\x13\1\0")),
        records(message(rest=b"\0\xff\xff\x13\1\1\0")),
        records(message(None, after=b"\0")),
        records(message(None, after=b"\0\0\0")),
        records(message(None, after=b"\0\5\0\1")),
        records(message(b"\0\1\0\1")),
        records(message(extension(99, b"") * 2)),
    ],
)
def test_refuses_what_is_no_hello(data: bytes) -> None:
    """Other protocols, other messages, versions without extensions and wrong lengths are no hello."""
    assert read_client_hello(data) is None


@pytest.mark.parametrize(
    ("extensions", "found"),
    [
        (None, ClientHello(None, (), (0x0303,))),
        (sni(host(b"A_b-1.Example.")), ClientHello("a_b-1.example", (), (0x0303,))),
        (sni(host(b"\xff", 9), host(b"a")), ClientHello("a", (), (0x0303,))),
        (sni(host(b"\xff", 9)), ClientHello(None, (), (0x0303,))),
        (sni(host(b"a" * 255)), ClientHello("a" * 255, (), (0x0303,))),
        (alpn(b"h2", b"\xfa\xfa"), ClientHello(None, ("h2", "\xfa\xfa"), (0x0303,))),
        (extension(43, b"\4\x0a\x0a\3\4"), ClientHello(None, (), (0x0A0A, 0x0304))),
        (sni(host(b"a" * 256)), None),
        (sni(host(b"")), None),
        (sni(host(b".")), None),
        (sni(host(b"a..")), None),
        (sni(host(b"a b")), None),
        (sni(host(b"a\0.example")), None),
        (sni(host(b"b\xc3\xbc.example")), None),
        (sni(host(b"a"), host(b"a")), None),
        (sni(), None),
        (extension(0, b""), None),
        (extension(0, vector(2, host(b"a")) + b"\0"), None),
        (extension(0, vector(2, host(b"a")[:-1])), None),
        (alpn(), None),
        (alpn(b"h2", b""), None),
        (extension(16, b"\0\3\3h2"), None),
        (extension(43, b"\0"), None),
        (extension(43, b"\3\3\4\3"), None),
    ],
)
def test_extensions(extensions: bytes | None, found: ClientHello | None) -> None:
    """What the extensions say is found, and a malformed one spoils the hello."""
    assert read_client_hello(records(message(extensions))) == found


def test_the_reader_tells_short_from_unfit() -> None:
    """A field that may still come is short; one that the message has no room for does not fit."""
    reader = Reader(b"\1\2\3", 6)
    assert (reader.number(2), reader.done) == (0x0102, False)
    with pytest.raises(Short):
        reader.take(4)
    with pytest.raises(Misfit):
        reader.take(5)
    reader.narrow(9)
    with pytest.raises(Misfit):
        reader.take(5)
    reader.narrow(1)
    assert (reader.take(1), reader.done) == (b"\3", True)
    with pytest.raises(Misfit):
        reader.take(1)


@given(cut=st.integers(0, 600), sizes=st.lists(st.integers(1, 90), min_size=1, max_size=12))
def test_when_to_look_again(cut: int, sizes: list[int]) -> None:
    """While a hello is incomplete nothing can be told by bytes that are fewer than those to look again at."""
    whole = records(real("a.example", ("h2",))[5:], sizes)
    begun = whole[:cut]
    assume(read_client_hello(begun) is MORE)
    wanted = next_look(begun)
    assert wanted > len(begun)
    assert all(read_client_hello(whole[:size]) is MORE for size in range(len(begun), min(wanted, len(whole))))
