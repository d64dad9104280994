"""Which certificates and keys belong together, however they lie in files, and what is told of those that do not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from balancer.net.tls.pairing import LONGEST_CHAIN, Passphrase, Read, read_pairs
from tests.net.authority import FUTURE, PAST, Authority, Leaf, pem

ROOT = Authority("root")
MIDDLE = ROOT.below("middle")
LOW = MIDDLE.below("low")
A, B, R = LOW.leaf("a.example"), LOW.leaf("b.example"), LOW.leaf("a.example", kind="rsa")


def wrote(folder: Path, **contents: bytes) -> list[str]:
    """Write files; return their paths in the order given."""
    for name, content in contents.items():
        (folder / f"{name}.pem").write_bytes(content)
    return [str(folder / f"{name}.pem") for name in contents]


def faults(read: Read) -> list[str]:
    """What is wrong, with the names of files alone."""
    return [line.rpartition("/")[2] if line.startswith("/") else line for line in read.faults]


def only(read: Read, leaf: Leaf) -> bool:
    """Whether that is all there is, with its whole chain and its own key."""
    (pair,) = read.pairs
    assert read.faults == []
    return (pair.certificate, pair.chain, pair.key.public_key()) == (
        leaf.certificate,
        leaf.chain,
        leaf.key.public_key(),
    )


@given(st.permutations([pem(A.certificate), A.key_pem(), LOW.pem, MIDDLE.pem, ROOT.pem]), st.sets(st.integers(1, 4)))
def test_however_the_blocks_lie(tmp_path_factory: pytest.TempPathFactory, order: list[bytes], cuts: set[int]) -> None:
    """In whatever order and files a certificate, its chain, its root and its key lie, they are found together."""
    ends = [0, *sorted(cuts), len(order)]
    files = {f"f{start}": b"\n".join(order[start:end]) for start, end in pairwise(ends)}
    assert only(read_pairs(wrote(tmp_path_factory.mktemp("files"), **files)), A)


def test_as_certbot_lays_files(tmp_path: Path) -> None:
    """A certificate that is in one file alone and in another with its chain is one, and both files are known."""
    chain = b"".join(map(pem, A.chain))
    files = wrote(tmp_path, cert=pem(A.certificate), chain=chain, fullchain=A.pem, privkey=A.key_pem())
    read = read_pairs(files)
    assert only(read, A)
    assert read.pairs[0].paths == (files[0], files[2])


def test_several_in_one_file(tmp_path: Path) -> None:
    """Certificates of several names and kinds of key are all taken, each with its own key."""
    every = (A, B, R)
    read = read_pairs(wrote(tmp_path, all=b"".join(one.pem + one.key_pem() for one in every)))
    assert read.faults == []
    assert [(one.certificate, one.key.public_key()) for one in read.pairs] == [
        (one.certificate, one.key.public_key()) for one in every
    ]


def test_one_that_signed_itself(tmp_path: Path) -> None:
    """A certificate that is signed by itself is taken as it is, even if it calls itself an authority."""
    own = ROOT.leaf("a.example", signed_by_itself=True)
    assert only(read_pairs(wrote(tmp_path, own=own.pem + own.key_pem())), own)


def test_the_chain_nearest_to_the_certificate(tmp_path: Path) -> None:
    """Where an issuer is there twice, vouched for by two others, the one in the certificate's own file is sent."""
    other = Authority("other")
    builder = x509.CertificateBuilder(other.certificate.subject, LOW.certificate.subject, LOW.key.public_key(), 1)
    builder = builder.not_valid_before(PAST).not_valid_after(FUTURE)
    usage = x509.BasicConstraints(ca=True, path_length=None)
    crossed = builder.add_extension(usage, critical=True).sign(other.key, SHA256())
    leaf = Leaf(A.certificate, A.key, (crossed,))
    assert only(read_pairs(wrote(tmp_path, chain=LOW.pem + MIDDLE.pem, site=leaf.pem + leaf.key_pem())), leaf)


def test_a_chain_is_no_longer_than_anybody_needs(tmp_path: Path) -> None:
    """Of a chain that goes on and on, no more is sent than a client would follow."""
    deep = ROOT
    for number in range(LONGEST_CHAIN + 2):
        deep = deep.below(f"below {number}")
    leaf = deep.leaf("a.example")
    assert only(
        read_pairs(wrote(tmp_path, site=leaf.pem + leaf.key_pem())),
        Leaf(leaf.certificate, leaf.key, leaf.chain[:LONGEST_CHAIN]),
    )


def test_an_issuer_in_name_alone(tmp_path: Path) -> None:
    """An authority that has the issuer's name and another key is no issuer, and is not sent."""
    other = Authority("low")
    files = wrote(tmp_path, site=pem(A.certificate) + other.pem + A.key_pem(), chain=LOW.pem + MIDDLE.pem)
    assert only(read_pairs(files), A)


def test_a_certificate_from_before_extensions(tmp_path: Path) -> None:
    """A certificate that says nothing of itself is no authority, and is taken with its key."""
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, A.key.public_key(), 1, PAST, FUTURE)
    plain = Leaf(builder.sign(A.key, SHA256()), A.key)
    assert only(read_pairs(wrote(tmp_path, site=plain.pem + plain.key_pem())), plain)


def test_authorities_and_stray_keys_are_passed_over(tmp_path: Path) -> None:
    """Authorities, with a key or without, other blocks, and keys for nothing are no fault."""
    authority = ROOT.pem + Leaf(ROOT.certificate, ROOT.key).key_pem()
    other = b"-----BEGIN DH PARAMETERS-----\nMIIB\n-----END DH PARAMETERS-----\n"
    files = wrote(tmp_path, ca=authority, dh=other, stray=B.key_pem(), site=A.pem + A.key_pem())
    assert only(read_pairs(files), A)


def old_style(leaf: Leaf, passphrase: bytes) -> bytes:
    """The key as OpenSSL wrote them before PKCS #8."""
    return leaf.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(passphrase))


@pytest.mark.parametrize("answer", ["secret", b"secret"])
@pytest.mark.parametrize("key", [A.key_pem(b"secret"), old_style(A, b"secret")], ids=["new", "old"])
def test_encrypted_keys(tmp_path: Path, key: bytes, answer: str | bytes) -> None:
    """An encrypted key is opened with what the passphrase says for its file, as text or as bytes."""
    files, asked = wrote(tmp_path, crt=A.pem, key=key), list[str]()

    def passphrase(path: str) -> str | bytes:
        asked.append(path)
        return answer

    assert only(read_pairs(files, passphrase), A)
    assert asked == [files[1]]


def failing(_path: str) -> str:
    """A passphrase that cannot be had."""
    raise LookupError("secret")


@pytest.mark.parametrize(
    ("passphrase", "line"),
    [
        (None, "its key is encrypted; give passphrase=..., a function that is told the path"),
        (lambda _: "wrong", "the passphrase does not open its key; correct what is answered"),
        (lambda _: "", "passphrase answered with no text; have it answer what opens the key"),
        (lambda _: None, "passphrase answered with no text; have it answer what opens the key"),
        (failing, "passphrase failed with LookupError; correct it"),
    ],
)
def test_keys_that_stay_shut(tmp_path: Path, passphrase: Passphrase | None, line: str) -> None:
    """Why an encrypted key could not be opened is told, with nothing in it that is secret."""
    read = read_pairs(wrote(tmp_path, crt=A.pem, key=A.key_pem(b"secret")), passphrase)
    assert faults(read) == [f"key.pem: {line}"]
    assert "secret" not in "".join(read.faults)


DSA = dsa.generate_private_key(2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
WEAK = LOW.leaf("a.example", kind="weak")
NO_KEY = "there is no key for the certificate of"


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        (
            {"crt": A.pem},
            [f"crt.pem: {NO_KEY} a.example, there is no key at all; give its key as well"],
        ),
        (
            {"crt": LOW.leaf().pem},
            [f"crt.pem: {NO_KEY} CN=nobody, there is no key at all; give its key as well"],
        ),
        (
            {"crt": A.pem, "key": B.key_pem()},
            [f"crt.pem: {NO_KEY} a.example, the key in key.pem is for another one; give its key as well"],
        ),
        ({"site": WEAK.pem + WEAK.key_pem()}, ["site.pem: its RSA key has 1024 bits; make one with at least 2048"]),
        ({"key": DSA}, ["key.pem: its key is of no kind for TLS; give one of ECDSA, Ed25519, Ed448, RSA"]),
        (
            {"key": b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"},
            ["key.pem: its key is malformed; make it anew, with a certificate for it"],
        ),
        ({"empty": b""}, ["empty.pem: holds no PEM block; convert it, such as with openssl x509 -inform der -in "]),
    ],
)
def test_what_does_not_fit(tmp_path: Path, files: dict[str, bytes], lines: list[str]) -> None:
    """What is wrong with a certificate or key is told in a line that names its file and says what to do."""
    read = read_pairs(wrote(tmp_path, **files))
    assert [line.replace(f"{tmp_path}/", "").replace("-in empty.pem", "-in ") for line in read.faults] == lines


def test_a_malformed_certificate(tmp_path: Path) -> None:
    """A certificate that cannot be read is told, and spoils no other."""
    broken = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    read = read_pairs(wrote(tmp_path, broken=broken, site=A.pem + A.key_pem()))
    assert [pair.certificate for pair in read.pairs] == [A.certificate]
    assert faults(read)[0].startswith("broken.pem: a certificate in it is malformed (")
