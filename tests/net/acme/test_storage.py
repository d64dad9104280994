"""The folder of a certificate: closed to others, whole after any crash, one at a time, and nothing left behind."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from acme.crypto_util import make_csr
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from balancer.net.acme.obtaining import new_key
from balancer.net.acme.storage import Locked, Storage, described
from tests.net.acme.office import DAY, NOW, Press


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """One that is open."""
    made = Storage(str(tmp_path / "ca"), str(tmp_path / "ca" / "a.example"))
    made.open()
    return made


def mode(path: Path) -> int:
    """Who may do what with it."""
    return stat.S_IMODE(path.stat().st_mode)


def made(*names: str, kind: str = "ecdsa") -> tuple[bytes, bytes]:
    """A key and a certificate."""
    key = new_key(kind)
    return key, Press().signed(x509.load_pem_x509_csr(make_csr(key, list(names))))


def test_it_is_closed_to_others(tmp_path: Path, storage: Storage) -> None:
    """Folders and files are for their owner alone, whatever the umask."""
    before = os.umask(0)
    try:
        storage.account_key(lambda: b"key")
        storage.keep(*made("a.example"))
        storage.prove("http-01", "token", "proof")
    finally:
        os.umask(before)
    folder = tmp_path / "ca"
    assert {mode(path) for path in [folder, *folder.rglob("*")] if path.is_dir()} == {0o700}
    assert {mode(path) for path in folder.rglob("*") if path.is_file()} == {0o600}


def test_all_that_is_made_is_closed(tmp_path: Path) -> None:
    """The folder above is made closed to others, too, and left as it is if it is there."""
    Storage(str(tmp_path / "new" / "ca"), str(tmp_path / "new" / "ca" / "a.example")).open()
    assert mode(tmp_path / "new") == 0o700
    (tmp_path / "new").chmod(0o755)
    Storage(str(tmp_path / "new" / "ca"), str(tmp_path / "new" / "ca" / "a.example")).open()
    assert mode(tmp_path / "new") == 0o755


def test_one_that_is_open_to_others(tmp_path: Path, storage: Storage) -> None:
    """A folder that others may look into is refused, and named."""
    (tmp_path / "ca").chmod(0o750)
    with pytest.raises(PermissionError, match="others may look into it") as caught:
        storage.open()
    assert caught.value.filename == str(tmp_path / "ca")


def test_the_key_of_the_account_is_made_once(storage: Storage) -> None:
    """The first who asks has it made, and all others get the same."""
    assert storage.account_key(lambda: b"first") == b"first"
    assert storage.account_key(lambda: b"second") == b"first"


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_a_certificate_is_kept(tmp_path: Path, storage: Storage, kind: str) -> None:
    """What is kept is found again, described, in one file with its key first."""
    assert storage.held() is None
    key, chain = made("a.example", "B.example", kind=kind)
    storage.keep(key, chain)
    held = storage.held()
    assert held is not None
    assert (sorted(held.names), held.key) == (["a.example", "b.example"], kind)
    assert (held.begin, held.end) == (NOW, NOW + 90 * DAY)
    assert held.pem == chain
    assert (tmp_path / "ca" / "a.example" / "certificate.pem").read_bytes() == key + chain


def test_a_crash_leaves_the_old_one(tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the new certificate is on the disk as a whole the old one is there, and the next try does not mind."""
    storage.keep(*made("a.example"))
    before = storage.held()

    def crash(_descriptor: int) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", crash)
        with pytest.raises(OSError, match="no space"):
            storage.keep(*made("a.example"))
    assert storage.held() == before
    storage.keep(*made("a.example"))
    assert storage.held() != before
    assert [path.name for path in (tmp_path / "ca" / "a.example").iterdir()] == ["certificate.pem"]


@pytest.mark.parametrize("data", [b"", b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate(tmp_path: Path, storage: Storage, data: bytes) -> None:
    """A file that cannot be read as a certificate is as good as none."""
    (tmp_path / "ca" / "a.example" / "certificate.pem").write_bytes(data)
    assert storage.held() is None


def test_others_of_a_kind() -> None:
    """A certificate without names is none, and one with another kind of key is described as such."""
    signer, nobody, begin = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.fromtimestamp(NOW, UTC)
    public = Ed25519PrivateKey.generate().public_key()
    bare = x509.CertificateBuilder(nobody, nobody, public, 1, begin, begin + timedelta(days=1))
    with pytest.raises(ValueError, match="has no names"):
        described(bare.sign(signer, SHA256()).public_bytes(Encoding.PEM))
    named = bare.add_extension(x509.SubjectAlternativeName([x509.DNSName("a")]), critical=False)
    assert described(named.sign(signer, SHA256()).public_bytes(Encoding.PEM)).key == "other"


def test_one_at_a_time(tmp_path: Path, storage: Storage) -> None:
    """While somebody obtains nobody else does, in this process or another; afterwards anybody may."""
    other = Storage(str(tmp_path / "ca"), str(tmp_path / "ca" / "a.example"))
    with storage.obtaining(), pytest.raises(Locked), other.obtaining():
        raise AssertionError
    with other.obtaining(), pytest.raises(Locked), storage.obtaining():
        raise AssertionError
    with pytest.raises(KeyError), other.obtaining():
        raise KeyError
    with storage.obtaining():
        pass


def test_proofs(storage: Storage) -> None:
    """A proof can be told while a certificate is obtained, by any who shares the folder, and never afterwards."""
    storage.prove("http-01", "left-by-a-crash", "proof")
    with storage.obtaining():
        assert storage.proof("http-01", "left-by-a-crash") is None
        storage.prove("http-01", "token", "proof")
        assert storage.proof("http-01", "token") == "proof"
        assert storage.proof("tls-alpn-01", "token") is None
    assert storage.proof("http-01", "token") is None


@pytest.mark.parametrize("name", ["../account.pem", "", ".", "..", ".token.new", "a/b", "a\0", "x" * 254, "é"])
def test_names_lead_nowhere_else(storage: Storage, name: str) -> None:
    """A name that is none is neither looked for nor written."""
    storage.account_key(lambda: b"secret")
    assert storage.proof("http-01", name) is None
    with pytest.raises(ValueError, match="token is none"):
        storage.prove("http-01", name, "proof")
