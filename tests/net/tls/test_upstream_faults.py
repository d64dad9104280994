"""Why TLS with a backend comes to nothing: told in words in the log, in a word to the client, on real sockets."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.logger import LogEvent

from balancer.config import HTTPListener, TCPListener
from balancer.errors import UpstreamCertificateRefused, UpstreamTLSFailed
from balancer.net.tls.upstream_faults import handshake_fault, wrong_name
from balancer.net.tls.verifying import Verdict
from tests.net.authority import EXPIRED, FUTURE, NOT_YET, PAST, Authority, named
from tests.net.house import lines, request
from tests.net.tls.farther import TLS12, Door, Trusted, behind, fronted, in_the_clear
from tests.net.wires import HOST, Wire

FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"valid": EXPIRED}, "it has expired"),
    "not yet valid": ({"valid": NOT_YET}, "it is not valid yet"),
    "self-signed": ({"signed_by_itself": True}, "it is signed by itself"),
    "for clients": ({"purposes": (ExtendedKeyUsageOID.CLIENT_AUTH,)}, "it is not for this purpose"),
}
"""What a certificate can be, and what is said of that."""


def told_of(client: Wire) -> bytes:
    """The word by which the client was told."""
    return bytes(client.heard).lower().partition(b"x-balancer-reason: ")[2].partition(b"\r\n")[0]


async def refused(front: Any, told: list[LogEvent], status: bytes, reason: bytes) -> str:
    """The line of the log about a request that came to nothing, which its client was told by that status and word."""
    client = await front.client(request())
    await client.until(lambda wire: bool(told_of(wire)) and wire.heard.endswith(b"\n"))
    assert client.heard.startswith(b"HTTP/1.1 " + status)
    assert told_of(client) == reason
    assert front.active == 0
    return "\n".join(lines(told))


@pytest.mark.parametrize("fault", FAULTS)
async def test_certificates_that_prove_nothing(
    reactor: Any, trusted: Trusted, told: list[LogEvent], fault: str
) -> None:
    """What is wrong with a certificate is told in words, and the request is answered with a word of its own."""
    settings, words = FAULTS[fault]
    door = trusted.door(**settings)
    async with fronted(reactor, HTTPListener, behind(reactor, door), trusted.tls(), reason_header=True) as front:
        line = await refused(front, told, b"502", b"upstream-certificate")
        assert f"its certificate is not accepted: {words}" in line


async def test_an_authority_that_nobody_knows(reactor: Any, trusted: Trusted, told: list[LogEvent]) -> None:
    """A certificate of somebody else's proves nothing."""
    door = Door(Authority("Somebody").leaf(HOST))
    async with fronted(reactor, HTTPListener, behind(reactor, door), trusted.tls(), reason_header=True) as front:
        line = await refused(front, told, b"502", b"upstream-certificate")
        assert "its certificate is not accepted: its issuer is not known" in line


async def test_a_certificate_that_was_revoked(reactor: Any, trusted: Trusted, told: list[LogEvent]) -> None:
    """One that is on its authority's list proves nothing, and others do."""
    leaf = trusted.authority.leaf(HOST)
    crl = trusted.folder / "list.crl"
    crl.write_bytes(trusted.authority.crl(leaf))
    tls = trusted.tls(crl=crl)
    async with fronted(reactor, HTTPListener, behind(reactor, Door(leaf)), tls, reason_header=True) as front:
        line = await refused(front, told, b"502", b"upstream-certificate")
        assert "its certificate is not accepted: it is revoked" in line
    async with fronted(reactor, TCPListener, behind(reactor, trusted.door()), tls) as front:
        await front.client(b"ping")
        await (await front.calls.get()).hear(4)


@pytest.mark.parametrize("version", [TLS12, SSL.TLS1_3_VERSION])
async def test_a_certificate_for_another_name(
    reactor: Any, trusted: Trusted, told: list[LogEvent], version: int
) -> None:
    """It is said whose the certificate is, and whose it should be."""
    door = trusted.door("a.example", "*.b.example", "10.1.2.3", version=version)
    async with fronted(reactor, HTTPListener, behind(reactor, door), trusted.tls(), reason_header=True) as front:
        line = await refused(front, told, b"502", b"upstream-certificate")
        assert f"its certificate is for a.example, *.b.example, 10.1.2.3, not for {HOST}" in line


async def test_who_does_not_look(reactor: Any, trusted: Trusted) -> None:
    """Without verification anybody may answer."""
    door = Door(Authority("Somebody").leaf("c.example", valid=EXPIRED))
    tls = trusted.tls(ca=None, verify=False)
    async with fronted(reactor, TCPListener, behind(reactor, door), tls) as front:
        await front.client(b"ping")
        await (await front.calls.get()).hear(4)


async def test_what_is_no_tls(reactor: Any, trusted: Trusted, told: list[LogEvent]) -> None:
    """A backend that answers in the clear is said to do so."""
    async with fronted(reactor, HTTPListener, in_the_clear(reactor), trusted.tls(), reason_header=True) as front:
        client = await front.client(request())
        backend = await front.calls.get()
        await backend.hear(1)
        backend.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await client.until(lambda wire: bool(told_of(wire)))
        assert told_of(client) == b"upstream-tls"
        assert "what it speaks there is no TLS" in "\n".join(lines(told))


async def test_a_backend_that_hangs_up(reactor: Any, trusted: Trusted, told: list[LogEvent]) -> None:
    """A backend that closes without a word is said to do so."""
    async with fronted(reactor, HTTPListener, in_the_clear(reactor), trusted.tls(), reason_header=True) as front:
        client = await front.client(request())
        backend = await front.calls.get()
        await backend.hear(1)
        backend.transport.loseConnection()
        await client.until(lambda wire: bool(told_of(wire)))
        assert told_of(client) == b"upstream-tls"
        assert "it closed the connection during the TLS handshake" in "\n".join(lines(told))


async def test_what_the_backend_says(reactor: Any, trusted: Trusted, told: list[LogEvent]) -> None:
    """The alert by which a backend ends a handshake is told."""
    tls = trusted.tls(minimum="1.3")
    door = trusted.door(version=TLS12)
    async with fronted(reactor, HTTPListener, behind(reactor, door), tls, reason_header=True) as front:
        line = await refused(front, told, b"502", b"upstream-tls")
        assert "it ended the TLS handshake: protocol version" in line


async def test_a_backend_that_says_nothing(reactor: Any, trusted: Trusted, told: list[LogEvent]) -> None:
    """The handshake is a part of connecting, and has no more time than that."""
    pool = {"connect_timeout": 0.3}
    silent = in_the_clear(reactor)
    async with fronted(reactor, HTTPListener, silent, trusted.tls(), pool=pool, reason_header=True) as front:
        await refused(front, told, b"504", b"connect-timeout")
        backend = await front.calls.get()
        await backend.until(lambda wire: wire.finished or bool(wire.ending))


def test_faults_in_words() -> None:
    """A certificate comes first; then what OpenSSL says, if anything; else the connection just ended."""
    fault = handshake_fault(SSL.Error([("SSL routines", "", "certificate verify failed")]), Verdict("it has expired"))
    assert type(fault) is UpstreamCertificateRefused
    assert str(fault) == "its certificate is not accepted: it has expired"
    cases: dict[str, list[Exception]] = {
        "it closed the connection during the TLS handshake": [
            SSL.SysCallError(-1, "Unexpected EOF"),
            SSL.ZeroReturnError(),
            SSL.Error(),
            SSL.Error([("SSL routines", "", "unexpected eof while reading")]),
            ConnectionDone(),
        ],
        "what it speaks there is no TLS": [SSL.Error([("SSL routines", "", "wrong version number")])],
        "it ended the TLS handshake: handshake failure": [
            SSL.Error([("SSL routines", "", "ssl/tls alert handshake failure")])
        ],
        "TLS failed: no ciphers available": [SSL.Error([("SSL routines", "", "no ciphers available")])],
    }
    for words, reasons in cases.items():
        for reason in reasons:
            assert str(handshake_fault(reason, Verdict())) == words
            assert type(handshake_fault(reason, Verdict())) is UpstreamTLSFailed


def test_names_in_words() -> None:
    """Of many names a few are told, and of none that there is none."""
    authority = Authority()
    many = authority.leaf(*(f"{number}.example" for number in range(7))).certificate
    listed = "0.example, 1.example, 2.example, 3.example, 4.example and 2 more"
    assert str(wrong_name(many, ["a", "b"])) == f"its certificate is for {listed}, not for a or b"
    none = authority.leaf(subject="a").certificate
    assert str(wrong_name(none, ["a"])) == "its certificate is for no name at all, not for a"


def test_names_that_make_no_sense() -> None:
    """A certificate whose names cannot be read is for none."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(named("a"), named("a"), key.public_key(), 1, PAST, FUTURE)
    names = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"garbage")
    garbled = builder.add_extension(names, critical=False).sign(key, SHA256())
    assert str(wrong_name(garbled, ["a"])) == "its certificate is for no name at all, not for a"
