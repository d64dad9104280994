"""What a backend and the balancer prove to each other over TLS, and for how long that holds."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from balancer.config import HTTPListener, TCPListener
from balancer.errors import UpstreamCertificateRefused
from balancer.net.tls.dialing import SESSIONS, Secure
from balancer.net.tls.upstream_contexts import Terms, connecting
from tests.net.house import answer, lines, request
from tests.net.tls.farther import TLS12, TLS13, Trusted, behind, fronted

VERSIONS = pytest.mark.parametrize("version", [TLS12, TLS13])


@VERSIONS
async def test_we_prove_ourselves(reactor: Any, trusted: Trusted, version: int) -> None:
    """A backend that asks for it sees our certificate, with what it was signed by."""
    between = trusted.authority.below("Between")
    own = between.leaf("balancer.example").store(trusted.folder, "own")
    door = trusted.door(version=version)
    door.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    door.context.load_verify_locations(trusted.ca)
    async with fronted(reactor, TCPListener, behind(reactor, door), trusted.tls(certificate=own)) as front:
        await front.client(b"ping")
        await (await front.calls.get()).hear(4)
        shown = door.met[0].get_peer_certificate(as_cryptography=True)
        assert shown is not None
        assert shown.subject.rfc4514_string() == "CN=balancer.example"


@VERSIONS
async def test_files_are_read_again(reactor: Any, trusted: Trusted, version: int) -> None:
    """With other files an idle connection is closed, and the next goes on with no session of before."""
    door = trusted.door(version=version)
    async with fronted(reactor, HTTPListener, behind(reactor, door), trusted.tls()) as front:
        for _ in range(2):
            client = await front.client(request())
            backend = await front.calls.get()
            await backend.until(lambda wire: wire.heard.endswith(b"\r\n\r\n"))
            backend.say(answer(b"hello"))
            await client.until(lambda wire: wire.heard.endswith(b"hello"))
            (files,) = front.assembly.reloads.values()
            files.now()
            await backend.end()
        assert (len(door.met), door.proofs) == (2, 2)


def secure(trusted: Trusted, clock: Clock, *expected: str) -> Secure:
    """How a backend is spoken to that must have one of these names."""
    return Secure(connecting(Terms(ca=trusted.ca)), clock=clock, expected=expected)


def shaken(ours: SSL.Connection, theirs: SSL.Connection) -> None:
    """Have the two shake hands, in memory, and ours hear a first word."""
    theirs.set_accept_state()
    for _ in range(4):
        for one in (ours, theirs):
            with suppress(SSL.WantReadError):
                one.do_handshake()
            pour(ours, theirs)
            pour(theirs, ours)
    theirs.send(b"x")
    pour(theirs, ours)
    assert ours.recv(1) == b"x"
    ours.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)  # as every transport of ours ends


def pour(source: SSL.Connection, sink: SSL.Connection) -> None:
    """Hand over what one has to say to the other."""
    with suppress(SSL.WantReadError):
        sink.bio_write(source.bio_read(1 << 16))


@VERSIONS
def test_sessions_have_an_end(trusted: Trusted, version: int) -> None:
    """After a while the certificate is looked at again, though sessions led from one to the next."""
    door, clock = trusted.door("a.example", version=version), Clock()
    subject = secure(trusted, clock, "a.example")
    proofs = []
    for _ in range(5):
        ours = subject.make(None)
        shaken(ours, door.serverConnectionForTLS(None))
        subject.judge(ours)
        subject.learn(ours)
        proofs.append(door.proofs)
        clock.advance(SESSIONS / 3)
    assert proofs == [1, 1, 1, 2, 2]


@VERSIONS
@pytest.mark.parametrize("name", ["a.example", "10.0.0.1", "2001:db8::1", "x.b.example"])
def test_any_name_will_do(trusted: Trusted, version: int, name: str) -> None:
    """One of the names expected is enough, be it a name or an address of either family; on resumption, too."""
    door = trusted.door("a.example", "*.b.example", "10.0.0.1", "2001:db8::1", version=version)
    subject = secure(trusted, Clock(), "other.example", name)
    for _ in range(2):
        ours = subject.make(None)
        shaken(ours, door.serverConnectionForTLS(None))
        subject.judge(ours)
        subject.learn(ours)
    assert door.proofs == 1
    with pytest.raises(UpstreamCertificateRefused, match=r"not for other.example or y.x.b.example"):
        secure(trusted, Clock(), "other.example", "y.x.b.example").judge(ours)


@VERSIONS
async def test_we_prove_nothing(reactor: Any, trusted: Trusted, told: list[LogEvent], version: int) -> None:
    """A backend that asks in vain says so, in TLS 1.3 only when all seems well."""
    door = trusted.door(version=version)
    door.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    async with fronted(reactor, HTTPListener, behind(reactor, door), trusted.tls()) as front:
        client = await front.client(request())
        await client.until(lambda wire: wire.heard.endswith(b"\n"))
        words = "it ended the TLS handshake: handshake failure" if version == TLS12 else "the backend ended TLS: "
        assert words in "\n".join(lines(told))


def test_no_certificate_at_all(trusted: Trusted) -> None:
    """Who shows none, as some ciphers have it, is nobody who was expected."""
    subject = secure(trusted, Clock(), "a.example")
    with pytest.raises(UpstreamCertificateRefused, match="it shows no certificate"):
        subject.judge(subject.make(None))
