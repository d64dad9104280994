"""The tests' own authority signs what OpenSSL, which it knows nothing of, takes or refuses for the reason meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_crl, ocsp
from OpenSSL.crypto import X509, X509Store, X509StoreContext, X509StoreContextError, X509StoreFlags

from tests.net.authority import EXPIRED, NOT_YET, Authority, Leaf

ROOT = Authority()
BETWEEN = ROOT.below()


def verdict(leaf: Leaf, *lists: bytes) -> str:
    """What OpenSSL says against a leaf; nothing if it is good."""
    store = X509Store()
    store.add_cert(X509.from_cryptography(ROOT.certificate))
    for one in lists:
        store.add_crl(load_pem_x509_crl(one))
    store.set_flags(X509StoreFlags.X509_STRICT | (X509StoreFlags.CRL_CHECK if lists else 0))
    chain = [X509.from_cryptography(one) for one in leaf.chain]
    try:
        X509StoreContext(store, X509.from_cryptography(leaf.certificate), chain).verify_certificate()
    except X509StoreContextError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("make", [ROOT.leaf, BETWEEN.leaf])
def test_good(make: Callable[..., Leaf]) -> None:
    """A leaf of the root or of an intermediate holds."""
    assert verdict(make("a.example", "192.0.2.1", "a@example.com", "spiffe://example/a", kind="rsa")) == ""


def test_bad() -> None:
    """A leaf that is to be bad is so for that reason."""
    assert verdict(ROOT.leaf("a", valid=EXPIRED)) == "certificate has expired"
    assert verdict(ROOT.leaf("a", valid=NOT_YET)).startswith("certificate is not yet valid")
    assert verdict(ROOT.leaf("a", signed_by_itself=True)) == "self-signed certificate"
    assert verdict(Authority().leaf("a")) != ""
    assert ROOT.leaf("a", kind="weak").key.key_size == 1024


def test_revoked() -> None:
    """A leaf on the list is revoked, and another is not; the OCSP answer says the same."""
    bad, good = ROOT.leaf("bad"), ROOT.leaf("good")
    assert verdict(bad, ROOT.crl(bad)) == "certificate revoked"
    assert verdict(good, ROOT.crl(bad)) == ""
    told = [ocsp.load_der_ocsp_response(ROOT.ocsp(leaf, revoked=leaf is bad)) for leaf in (bad, good)]
    assert [one.certificate_status for one in told] == [ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.GOOD]


def test_files(tmp_path: Path) -> None:
    """What is stored is the chain from the leaf on, and the key, which a passphrase closes."""
    leaf = BETWEEN.leaf("a.example")
    together = Path(leaf.store(tmp_path)).read_bytes()
    assert together.startswith(leaf.pem)
    assert together.count(b"BEGIN CERTIFICATE") == 2
    certificate, key = leaf.store_apart(tmp_path, passphrase=b"sesame")
    assert Path(certificate).read_bytes() == leaf.pem
    assert load_pem_private_key(Path(key).read_bytes(), b"sesame").public_key() == leaf.key.public_key()
    assert Path(ROOT.store(tmp_path)).read_bytes() == ROOT.pem
