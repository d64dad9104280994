"""What a backend is told first."""

from __future__ import annotations

from random import Random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.core.proxy_greeting import Fact, Introduction, ProxyVersion, own_greeting
from balancer.core.proxy_protocol import ProxyHeader, ProxyReader
from balancer.core.proxy_tlvs import ProxyTLS, crc32c, tls_tlv
from balancer.core.secured import ClientCertificate, Secured
from balancer.core.session import Session
from balancer.interfaces import Kind

CLIENT, CALLED = ("192.0.2.7", 4711), ("10.0.0.1", 443)
NUMBERS: list[tuple[ProxyVersion, int]] = [("v1", 1), ("v2", 2)]
FACTS: tuple[Fact, ...] = ("authority", "alpn", "tls", "unique_id", "crc32c")
TLS: tuple[Fact, ...] = ("tls",)
SHOWN = ClientCertificate("CN=a", "CN=b", "1", (), "00", 0.0, 1.0, verified=True, common_name="a")


def session(client: tuple[str, int] = CLIENT, proxy: ProxyHeader | None = None) -> Session:
    """A connection, of which there may have been a header."""
    told = ProxyHeader(2) if proxy is None else proxy
    return Session(Kind.TCP, client, 0.0, server_name=told.server_name, alpn=told.alpn, proxy=told)


def read(greeting: bytes) -> ProxyHeader:
    """What a backend makes of it, for which it has to be a whole header and nothing else."""
    result = ProxyReader().receive(greeting)
    assert result is not None
    header, rest = result
    assert header is not None
    assert rest == b""
    return header


@pytest.mark.parametrize(("version", "number"), NUMBERS)
def test_a_client(version: ProxyVersion, number: int) -> None:
    """A header of the version asked for tells where the client is and where it connected to, and nothing unasked."""
    header = ProxyHeader(number, source=CLIENT, destination=CALLED, transport="tcp")
    named = session(proxy=ProxyHeader(2, tlvs=((1, b"h2"), (2, b"a.example"), (5, b"id"))))
    assert read(Introduction(version, Random(1)).of(named, CALLED)) == header


@pytest.mark.parametrize(("version", "number"), NUMBERS)
def test_a_client_without_an_address(version: ProxyVersion, number: int) -> None:
    """Of a client over a unix socket, and of one that called nobody knows whom, the header tells no address."""
    introduction = Introduction(version, Random(1))
    assert read(introduction.of(session(("", 0)), CALLED)) == ProxyHeader(number)
    assert read(introduction.of(session(), None)) == ProxyHeader(number)


@given(st.sets(st.sampled_from(FACTS)), st.sets(st.sampled_from([1, 2, 5])), st.booleans())
def test_facts(facts: set[Fact], known: set[int], extra: bool) -> None:
    """Those facts are told that are asked for and known, once each, with what is the same for all behind them."""
    values = {1: b"h2", 2: b"a.example", 5: b"id"}
    told = ProxyHeader(2, tlvs=tuple((kind, values[kind]) for kind in known))
    ours = ((0xE1, b"edge-1"),) if extra else ()
    header = read(Introduction("v2", Random(1), facts, ours).of(session(proxy=told), CALLED))
    assert (header.alpn == "h2") is ("alpn" in facts and 1 in known)
    assert (header.authority == "a.example") is ("authority" in facts and 2 in known)
    assert (header.unique_id is not None) is ("unique_id" in facts)
    assert header.first(0xE1) == (b"edge-1" if extra else None)
    assert len({kind for kind, _ in header.tlvs}) == len(header.tlvs)


def test_unique_ids() -> None:
    """Each connection has an id of its own, repeatable with the chance handed in, unless it came with one."""
    introductions = [Introduction("v2", Random(1), ["unique_id"]) for _ in range(2)]
    ids = [[read(one.of(session(), CALLED)).unique_id for _ in range(3)] for one in introductions]
    assert ids[0] == ids[1]
    assert {len(one or b"") for one in ids[0]} == {16}
    assert len(set(ids[0])) == 3
    told = ProxyHeader(2, tlvs=((5, b"theirs"),))
    assert read(introductions[0].of(session(proxy=told), CALLED)).unique_id == b"theirs"


def test_checksum() -> None:
    """The checksum is that of the whole header with its own field zeroed, and comes last (2.2.3)."""
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C, RFC 3720 B.4 has longer ones
    greeting = Introduction("v2", Random(1), ["crc32c"], ((0xE0, b"x"),)).of(session(), CALLED)
    assert greeting[-7:-4] == b"\x03\x00\x04"
    assert int.from_bytes(greeting[-4:]) == crc32c(greeting[:-4] + bytes(4))


def test_ourselves() -> None:
    """A health check is of no client: LOCAL in version 2, UNKNOWN in version 1."""
    assert own_greeting("v1") == b"PROXY UNKNOWN\r\n"
    assert read(own_greeting("v2")) == ProxyHeader(2, local=True)


@pytest.mark.parametrize(
    ("certificate", "told"),
    [
        (None, ProxyTLS(1, 1, version="TLSv1.3", cipher="X")),
        (SHOWN, ProxyTLS(7, 0, version="TLSv1.3", cn="a", cipher="X")),
        (attrs.evolve(SHOWN, common_name=""), ProxyTLS(7, 0, version="TLSv1.3", cipher="X")),
        (attrs.evolve(SHOWN, common_name="a" * 256), ProxyTLS(7, 0, version="TLSv1.3", cipher="X")),
        (attrs.evolve(SHOWN, verified=False), ProxyTLS(7, 1, version="TLSv1.3", cipher="X")),
    ],
)
def test_tls_that_ends_here(certificate: ClientCertificate | None, told: ProxyTLS) -> None:
    """A backend is told of version and cipher, and of a certificate by name only if it was verified."""
    secured = session()
    secured.become(secured=Secured("TLSv1.3", "X", certificate=certificate))
    header = read(Introduction("v2", Random(1), TLS).of(secured, CALLED))
    assert header.tls == told
    assert told.client_verified is (told.verify == 0)


def test_tls_that_ended_before() -> None:
    """What a header has told of TLS in front of us is handed on as it came; nothing where it told nothing."""
    before = ProxyTLS(3, 0, cn="a", others=((0x30, b"x"),))
    introduction = Introduction("v2", Random(1), TLS)
    assert read(introduction.of(session(proxy=ProxyHeader(2, tlvs=(tls_tlv(before),))), CALLED)).tls == before
    assert read(introduction.of(session(), CALLED)).tls is None
