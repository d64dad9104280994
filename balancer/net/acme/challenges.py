"""Answers what an authority asks of a name while a certificate is obtained; refuses to know who obtains it, and why.

Over HTTP (RFC 8555 8.3) these are a matcher and a filter of a route, over TLS (RFC 8737) a certificate of its own kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import SSL

from balancer.core.hello import ClientHello
from balancer.errors import ServerNameRefused
from balancer.interfaces import Filter, Found, Matcher, Reply
from balancer.net.acme.storage import Storage
from balancer.net.tls.accepting import PROOF
from balancer.net.tls.terminating import Contexts

WELL_KNOWN: Final = "/.well-known/acme-challenge"
HTTP, ALPN = "http-01", "tls-alpn-01"
_IDENTIFIER: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")  # RFC 8737 6.1
_OCTETS: Final = b"\x04\x20"  # the head of an OCTET STRING of 32 bytes
_LONG: Final = timedelta(days=3650)
_BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)


class Asked(Matcher):
    """Takes the requests for what is to be proved just now, and captures the proof."""

    prefixes = (WELL_KNOWN,)

    def __init__(self, storages: Sequence[Storage]) -> None:
        self._storages = storages

    def matches(self, session: Any) -> Found:
        """Look for the token in the folders of all certificates that are proved by HTTP."""
        request = session.request
        where, _, token = request.path.rpartition("/")
        if where != WELL_KNOWN or request.method not in {"GET", "HEAD"}:
            return False
        proofs = (storage.proof(HTTP, token) for storage in self._storages)
        return next(({"proof": proof} for proof in proofs if proof is not None), False)

    def __repr__(self) -> str:
        return "ACME challenge"


class Told(Filter):
    """Answers with the proof that was captured."""

    answers: ClassVar[bool] = True

    def request(self, head: Any, session: Any) -> Reply:
        """See `IFilter`."""
        proof = session.captures["proof"].encode()
        return Reply(200, proof, (("content-type", "application/octet-stream"),))


class ProvingContexts:
    """Those of a listener, with a certificate beside them for whoever asks `names` to be proved."""

    needs_hello = True

    def __init__(self, inner: Contexts, names: Sequence[str], storage: Storage) -> None:
        self._inner, self._names, self._storage = inner, frozenset(names), storage
        self._made: dict[str, tuple[str, SSL.Context]] = {}

    def choose(self, hello: ClientHello | None) -> SSL.Context:
        """What to answer a client with. Raises `ServerNameRefused` if there is nothing for it."""
        if hello is None or hello.alpn != (PROOF,):
            return self._inner.choose(hello)
        name = hello.server_name
        proof = self._storage.proof(ALPN, name) if name in self._names else None
        if name is None or proof is None:
            raise ServerNameRefused(f"nothing is to be proved of {name!r} just now")
        if self._made.get(name, ("", None))[0] != proof:
            self._made[name] = proof, _proving(name, proof)
        return self._made[name][1]


def _proving(name: str, proof: str) -> SSL.Context:
    """What proves a name by TLS: a certificate of nobody's with the digest of the proof in it (RFC 8737 3)."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    digest = _OCTETS + sha256(proof.encode()).digest()
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), _BEGIN, _BEGIN + _LONG)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        .add_extension(x509.UnrecognizedExtension(_IDENTIFIER, digest), critical=True)
        .sign(key, SHA256())
    )
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.set_min_proto_version(SSL.TLS1_2_VERSION)
    made.use_certificate(certificate)
    made.use_privatekey(key)
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    made.set_alpn_select_callback(lambda _connection, _offered: PROOF.encode())
    return made
