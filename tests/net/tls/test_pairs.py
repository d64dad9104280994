"""What can be said of a certificate and its key."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from balancer.net.tls.pairs import Key, Pair, alternatives
from tests.net.authority import PAST, Authority

AUTHORITY = Authority()


def test_what_is_told() -> None:
    """Names are told as they are compared, addresses apart, and dates in seconds since 1970."""
    leaf = Authority("root").below().leaf("WWW.a.example", "*.b.example.", "192.0.2.1", "www.a.example")
    pair = Pair(("a.pem",), leaf.certificate, leaf.key, leaf.chain)
    assert pair.names == ("www.a.example", "*.b.example")
    assert pair.addresses == ("192.0.2.1",)
    assert (pair.begins, pair.ends - pair.begins) == (PAST.timestamp(), 36500 * 86400)
    assert pair.pem == leaf.pem
    assert len(pair.fingerprint) == 32


@pytest.mark.parametrize(
    ("key", "kind", "strength"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "ECDSA", "ECDSA secp384r1"),
        (rsa.generate_private_key(public_exponent=65537, key_size=2048), "RSA", "RSA 2048"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519", "Ed25519"),
        (ed448.Ed448PrivateKey.generate(), "Ed448", "Ed448"),
    ],
)
def test_kinds_of_keys(key: Key, kind: str, strength: str) -> None:
    """Each key has a kind, and a strength to tell."""
    pair = Pair((), AUTHORITY.leaf("a.example").certificate, key)
    assert (pair.kind, pair.strength) == (kind, strength)


def test_one_that_names_nobody() -> None:
    """A certificate without alternative names is for nobody, whatever its subject says."""
    assert list(alternatives(AUTHORITY.leaf(subject="a.example").certificate)) == []
    assert alternatives(AUTHORITY.leaf("a.example").certificate) == x509.SubjectAlternativeName(
        [x509.DNSName("a.example")]
    )
