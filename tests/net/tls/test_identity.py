"""What is told of a client after its handshake: all that it showed, and nothing that it did not."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier
from OpenSSL import SSL
from OpenSSL.crypto import X509

from balancer.core.hello import ClientHello
from balancer.core.secured import ClientCertificate, Secured
from balancer.net.tls.identity import UNJUDGED, UNREADABLE, certificate_of, secured_by
from tests.net.authority import FUTURE, PAST, Authority, Leaf, new_key

DER = Encoding.DER
ROOT = Authority("Root")
BELOW = ROOT.below("Below")
SITE = ROOT.leaf("site.example")


@attrs.define
class Judged:
    """The application data of a connection."""

    error: str = ""


def shown(context: SSL.Context, leaf: Leaf) -> None:
    """Have a side show a certificate."""
    context.use_certificate(leaf.certificate)
    context.use_privatekey(leaf.key)
    for one in leaf.chain:
        context.add_extra_chain_cert(one)


def listening() -> SSL.Context:
    """A side that asks clients for certificates and takes any, with what is wrong noted."""

    def note(connection: SSL.Connection, _certificate: X509, number: int, _depth: int, fine: int) -> bool:
        if not fine and isinstance(connection.get_app_data(), Judged):
            connection.get_app_data().error = f"error {number}"
        return True

    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    shown(context, SITE)
    store = context.get_cert_store()
    assert store is not None
    store.add_cert(X509.from_cryptography(ROOT.certificate))
    context.set_verify(SSL.VERIFY_PEER, note)
    context.set_session_id(b"test")
    context.set_alpn_select_callback(lambda _connection, offered: offered[0])
    return context


def shaken(
    leaf: Leaf | None,
    context: SSL.Context | None = None,
    *,
    name: bytes | None = None,
    before: SSL.Connection | None = None,
    judged: Any = None,
) -> tuple[SSL.Connection, SSL.Connection]:
    """Our side and the client's after the handshake of one that shows this and asks for that, or resumes."""
    ours = SSL.Connection(context or listening(), None)
    ours.set_app_data(Judged() if judged is None else judged)
    ours.set_accept_state()
    calling = SSL.Context(SSL.TLS_CLIENT_METHOD) if before is None else before.get_context()
    if leaf is not None:
        shown(calling, leaf)
    if name is not None:
        calling.set_alpn_protos([b"http/1.1"])
    theirs = SSL.Connection(calling, None)
    theirs.set_connect_state()
    if name is not None:
        theirs.set_tlsext_host_name(name)
    if before is not None:
        session = before.get_session()
        assert session is not None
        theirs.set_session(session)
    for _ in range(4):
        for one, other in ((theirs, ours), (ours, theirs)):
            moved(one, other)
    ours.send(b"hello")
    moved(ours, theirs)
    assert theirs.recv(5) == b"hello"  # and the tickets of TLS 1.3 before it
    return ours, theirs


def moved(one: SSL.Connection, other: SSL.Connection) -> None:
    """Let one side go on, and hand over what it says."""
    with suppress(SSL.WantReadError):
        one.do_handshake()
    with suppress(SSL.WantReadError):
        other.bio_write(one.bio_read(1 << 16))


def told(leaf: Leaf | None, **settings: Any) -> ClientCertificate | None:
    """What is told of the certificate of a client that shows this."""
    return certificate_of(shaken(leaf, **settings)[0])


def odd(*extensions: x509.ExtensionType, **subject: str) -> Leaf:
    """A certificate signed by itself with such a subject and such extensions."""
    key = new_key()
    oids = {"cn": NameOID.COMMON_NAME, "o": NameOID.ORGANIZATION_NAME}
    name = x509.Name([x509.NameAttribute(oids[key], value) for key, value in subject.items()])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 0xAB, PAST, FUTURE)
    for one in extensions:
        builder = builder.add_extension(one, critical=False)
    return Leaf(builder.sign(key, SHA256()), key)


def test_what_is_agreed_on() -> None:
    """Version, cipher, server name and protocol are those of the connection."""
    ours, _ = shaken(None, name=b"Site.Example.")
    secured = secured_by(ours)
    assert secured == Secured("TLSv1.3", secured.cipher, "site.example", "http/1.1")
    assert secured.cipher.startswith("TLS_")


def test_the_name_in_the_hello_comes_first() -> None:
    """Where the hello was read, the name is the one in it, or none, whatever OpenSSL has kept with a session."""
    ours, _ = shaken(None, name=b"site.example")
    assert secured_by(ours, ClientHello("other.example")).server_name == "other.example"
    assert secured_by(ours, ClientHello()).server_name is None


def test_the_end_of_what_was_shown() -> None:
    """When the certificate ends that the client was shown is what its context says, if it says anything."""
    ours, _ = shaken(None)
    assert secured_by(ours).expires is None
    context: Any = ours.get_context()
    context.expires = 5.0
    assert secured_by(ours).expires == 5.0


def test_what_is_not_agreed_on() -> None:
    """A client that asked for no name and offered no protocol has none."""
    secured = secured_by(shaken(None)[0])
    assert (secured.server_name, secured.alpn, secured.certificate) == (None, None, None)


def test_a_certificate() -> None:
    """Its names, number, time and fingerprint are told as others write them, and by whom it was verified."""
    leaf = BELOW.leaf(
        "a.example", "spiffe://site/billing", "a@example.com", "192.0.2.7", "2001:db8::7", subject="billing"
    )
    found, certificate = told(leaf), leaf.certificate
    assert found == ClientCertificate(
        "CN=billing",
        "CN=Below",
        f"{certificate.serial_number:x}",
        ("DNS:a.example", "URI:spiffe://site/billing", "email:a@example.com", "IP:192.0.2.7", "IP:2001:db8::7"),
        certificate.fingerprint(SHA256()).hex(),
        PAST.timestamp(),
        FUTURE.timestamp(),
        verified=True,
        common_name="billing",
        encoded=certificate.public_bytes(DER),
        chain=(BELOW.certificate.public_bytes(DER),),
    )


def test_a_certificate_of_the_root_itself() -> None:
    """Where nothing stands between it and what is trusted, the chain is empty."""
    found = told(ROOT.leaf("a.example"))
    assert found is not None
    assert (found.verified, found.chain) == (True, ())


def test_one_that_is_not_verified() -> None:
    """It is told with what is wrong, without a chain, for what it says is nobody's word but its own."""
    found = told(BELOW.leaf("a.example", signed_by_itself=True))
    assert found is not None
    assert (found.verified, found.chain, found.subject) == (False, (), "CN=a.example")
    assert found.error.startswith("error ")


def test_what_nobody_has_judged_is_not_verified() -> None:
    """Without a verdict a certificate counts as wrong."""
    found = told(ROOT.leaf("a.example"), judged="none")
    assert found is not None
    assert (found.verified, found.error) == (False, UNJUDGED)


def test_a_resumed_session_keeps_the_certificate() -> None:
    """A client that resumes is who it was, though it shows no certificate again and there is no chain to tell."""
    context, leaf = listening(), BELOW.leaf("a.example")
    ours, theirs = shaken(leaf, context)
    again, _ = shaken(None, context, before=theirs)
    before, after = certificate_of(ours), certificate_of(again)
    assert before is not None
    assert after == attrs.evolve(before, chain=())


@pytest.mark.parametrize(
    ("leaf", "subject", "common_name", "names"),
    [
        (odd(cn="Jörg, Müller", o='a"b\\c'), 'O=a\\"b\\\\c,CN=Jörg\\, Müller', "Jörg, Müller", ()),
        (odd(), "", "", ()),
        (odd(x509.SubjectAlternativeName([x509.RegisteredID(ObjectIdentifier("1.2.3"))]), cn="a"), "CN=a", "a", ()),
    ],
)
def test_odd_certificates(leaf: Leaf, subject: str, common_name: str, names: tuple[str, ...]) -> None:
    """Subjects are written as in RFC 4514, and alternative names of other kinds are passed over."""
    found = told(leaf)
    assert found is not None
    assert (found.subject, found.common_name, found.names) == (subject, common_name, names)
    assert found.serial == "ab"


def test_what_cannot_be_read() -> None:
    """A certificate with names that are none is not verified, whoever signed it, and nothing of it is believed."""
    broken = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30\x03\x82\x05a")
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(ROOT.certificate.subject, name, key.public_key(), 1, PAST, FUTURE)
    leaf = Leaf(builder.add_extension(broken, critical=False).sign(ROOT.key, SHA256()), key)
    found = told(leaf, judged=SimpleNamespace(error=""))
    assert found is not None
    assert (found.verified, found.error, found.chain) == (False, UNREADABLE, ())
    assert (found.subject, found.names) == ("", ())
    assert found.fingerprint == leaf.certificate.fingerprint(SHA256()).hex()
