"""What an authority is told when it asks: over HTTP and over TLS, while something is to be proved, and never else."""

from __future__ import annotations

import contextlib
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from OpenSSL import SSL

from balancer.core.hello import ClientHello
from balancer.core.messages import RequestHead
from balancer.core.session import Session
from balancer.errors import ServerNameRefused
from balancer.interfaces import Kind
from balancer.net.acme.challenges import Asked, ProvingContexts, Told
from balancer.net.acme.storage import Storage

TOKEN = "DGyRejmCefe7v4NfDGDKfA"
PROOF = f"{TOKEN}.thumbprint"


@pytest.fixture
def storages(tmp_path: Path) -> list[Storage]:
    """Two folders; nothing is to be proved in either."""
    made = [Storage(str(tmp_path), str(tmp_path / name)) for name in ("a.example", "b.example")]
    tmp_path.chmod(0o700)
    for one in made:
        one.open()
    return made


def request(path: str, method: str = "GET") -> Session:
    """A session of one request."""
    head = RequestHead(method, path, "a.example", fields=())
    return Session(Kind.HTTP, ("192.0.2.1", 1), 0.0, head)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_over_http(storages: list[Storage], method: str) -> None:
    """Whoever asks for a token of any of the folders is told its proof, as plain bytes."""
    asked, session = Asked(storages), request(f"/.well-known/acme-challenge/{TOKEN}?x", method)
    assert asked.matches(session) is False
    storages[1].prove("http-01", TOKEN, PROOF)
    found = asked.matches(session)
    assert found == {"proof": PROOF}
    session.become(captures=found)
    answer = Told().request(session.request, session)
    assert (answer.status, answer.body) == (200, PROOF.encode())
    assert answer.fields == (("content-type", "application/octet-stream"),)
    assert repr(asked) == "ACME challenge"


@pytest.mark.parametrize(
    ("path", "method"),
    [
        (f"/.well-known/acme-challenge/{TOKEN}", "POST"),
        ("/.well-known/acme-challenge/", "GET"),
        ("/.well-known/acme-challenge/other", "GET"),
        (f"/.well-known/acme-challenge/x/{TOKEN}", "GET"),
        (f"/{TOKEN}", "GET"),
        ("*", "OPTIONS"),
    ],
)
def test_other_requests(storages: list[Storage], path: str, method: str) -> None:
    """All other requests are left to other routes."""
    storages[0].prove("http-01", TOKEN, PROOF)
    assert Asked(storages).matches(request(path, method)) is False


class Inner:
    """The contexts that others get."""

    needs_hello = False

    def __init__(self) -> None:
        self.context = SSL.Context(SSL.TLS_SERVER_METHOD)

    def choose(self, hello: ClientHello | None) -> SSL.Context:
        """The same for all."""
        return self.context


def shaken(server: SSL.Context, name: str, protocols: list[bytes]) -> SSL.Connection:
    """A client that has shaken hands with a server in memory."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_alpn_protos(protocols)
    client, far = SSL.Connection(context, None), SSL.Connection(server, None)
    client.set_tlsext_host_name(name.encode())
    client.set_connect_state()
    far.set_accept_state()
    for _ in range(4):
        for one, other in ((client, far), (far, client)):
            with contextlib.suppress(SSL.WantReadError):
                one.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(1 << 16))
    return client


def test_over_tls(storages: list[Storage]) -> None:
    """Whoever asks for acme-tls/1 alone gets a certificate for the name with the digest of its proof (RFC 8737 3)."""
    contexts = ProvingContexts(Inner(), ["a.example"], storages[0])
    assert contexts.needs_hello
    storages[0].prove("tls-alpn-01", "a.example", PROOF)
    chosen = contexts.choose(ClientHello("a.example", ("acme-tls/1",)))
    client = shaken(chosen, "a.example", [b"acme-tls/1"])
    assert client.get_alpn_proto_negotiated() == b"acme-tls/1"
    shown = client.get_peer_certificate(as_cryptography=True)
    assert shown is not None
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName("a.example")]
    proof = shown.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31"))
    assert proof.critical
    assert isinstance(proof.value, x509.UnrecognizedExtension)
    assert proof.value.value == b"\x04\x20" + sha256(PROOF.encode()).digest()
    assert contexts.choose(ClientHello("a.example", ("acme-tls/1",))) is chosen
    storages[0].prove("tls-alpn-01", "a.example", "another")
    assert contexts.choose(ClientHello("a.example", ("acme-tls/1",))) is not chosen


@pytest.mark.parametrize("name", ["a.example", "b.example", None])
def test_nothing_to_prove(storages: list[Storage], name: str | None) -> None:
    """Whoever asks for a proof of which there is none, or of a name that is not among ours, is refused."""
    contexts = ProvingContexts(Inner(), ["a.example"], storages[0])
    storages[0].prove("tls-alpn-01", "b.example", PROOF)
    with pytest.raises(ServerNameRefused, match="nothing is to be proved of"):
        contexts.choose(ClientHello(name, ("acme-tls/1",)))


@pytest.mark.parametrize("protocols", [(), ("http/1.1",), ("acme-tls/1", "http/1.1")])
def test_others_over_tls(storages: list[Storage], protocols: tuple[str, ...]) -> None:
    """All others are served as ever."""
    inner = Inner()
    contexts = ProvingContexts(inner, ["a.example"], storages[0])
    storages[0].prove("tls-alpn-01", "a.example", PROOF)
    assert contexts.choose(ClientHello("a.example", protocols)) is inner.context
    assert contexts.choose(None) is inner.context
