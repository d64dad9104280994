"""Which certificates and keys of PEM files belong together, what is sent with each, and what is wrong with them.

A key is a certificate's if their public keys are the same, wherever the two are; an issuer is one whose signature is
right. It refuses to look at the time: dates are for whoever presents a certificate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from balancer.net.tls.files import Block, Unreadable, blocks
from balancer.net.tls.pairs import KINDS, Key, Pair, alternatives
from balancer.net.tls.parsing import certificate_in

Passphrase = Callable[[str], str | bytes]
"""Told the path of a file, answers with what its encrypted key is opened with."""

LEAST_RSA: Final = 2048
"""Bits of an RSA key; OpenSSL takes none with fewer (its security level 2)."""

LONGEST_CHAIN: Final = 8
"""Certificates that are sent with one's own, at most."""


@attrs.define(eq=False)
class Read:
    """What was found in files: `pairs`, in order, and all that is wrong, a line for each."""

    pairs: list[Pair] = attrs.field(factory=list)
    faults: list[str] = attrs.field(factory=list)


def read_pairs(files: Iterable[str], passphrase: Passphrase | None = None) -> Read:
    """The certificates in these files that have a key in one of them.

    What is neither certificate nor key is passed over, and so are authorities' certificates without a key, and keys
    without a certificate as long as each certificate has its own. A key that cannot be read may be that of any
    certificate, so which of them has none is told once all keys can be.
    """
    read = Read()
    every = list(_every_block(files, read.faults))
    certificates = _certificates(every, read.faults)
    before = len(read.faults)
    keys = _keys(every, passphrase, read.faults)
    shut = len(read.faults) > before
    issuers = [one for one in certificates if _is_authority(one)]
    for certificate, paths in certificates.items():
        key = keys.get(_public(certificate.public_key()))
        if key is not None and not (_is_authority(certificate) and not alternatives(certificate)):
            near = [one for one in issuers if paths[0] in certificates[one]]
            pair = Pair(tuple(paths), certificate, key[1], tuple(_chain(certificate, [*near, *issuers])))
            read.pairs.append(pair)
            read.faults += _unfit(pair)
        elif key is None and not _is_authority(certificate) and not shut:
            read.faults.append(_keyless(certificate, paths[0], [path for path, _ in keys.values()]))
    return read


def _every_block(files: Iterable[str], faults: list[str]) -> Iterator[Block]:
    for file in files:
        try:
            yield from blocks(file)
        except Unreadable as error:
            faults.append(str(error))


def _certificates(every: Iterable[Block], faults: list[str]) -> dict[x509.Certificate, list[str]]:
    """Each certificate, and the files that it is in."""
    certificates = defaultdict[x509.Certificate, list[str]](list)
    for block in every:
        if block.label == "CERTIFICATE":
            try:
                certificates[certificate_in(block)].append(block.path)
            except Unreadable as error:
                faults.append(str(error))
    return certificates


def _keys(every: Iterable[Block], passphrase: Passphrase | None, faults: list[str]) -> dict[bytes, tuple[str, Key]]:
    """The keys, and the files that they are in, by their public halves."""
    keys: dict[bytes, tuple[str, Key]] = {}
    for block in every:
        if block.label.endswith("PRIVATE KEY"):
            try:
                key = _key(block, passphrase)
                keys.setdefault(_public(key.public_key()), (block.path, key))
            except Unreadable as error:
                faults.append(str(error))
    return keys


def _key(block: Block, passphrase: Passphrase | None) -> Key:
    """The key in a block. Raises `Unreadable`, with nothing in it that is secret."""
    encrypted = block.label.startswith("ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in block.data
    secret = _secret(block.path, passphrase) if encrypted else None
    try:
        key = load_pem_private_key(block.data, secret)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        if encrypted:
            raise Unreadable(f"{block.path}: the passphrase does not open its key; correct what is answered") from error
        raise Unreadable(f"{block.path}: its key is malformed; make it anew, with a certificate for it") from error
    if not isinstance(key, Key):
        raise Unreadable(f"{block.path}: its key is of no kind for TLS; give one of {', '.join(KINDS.values())}")
    return key


def _secret(path: str, passphrase: Passphrase | None) -> bytes:
    """What opens the key in a file. Raises `Unreadable`."""
    if passphrase is None:
        raise Unreadable(f"{path}: its key is encrypted; give passphrase=..., a function that is told the path")
    try:
        answer = passphrase(path)
    except Exception as error:
        raise Unreadable(f"{path}: passphrase failed with {type(error).__name__}; correct it") from error
    if not isinstance(answer, str | bytes) or not answer:
        raise Unreadable(f"{path}: passphrase answered with no text; have it answer what opens the key")
    return answer.encode() if isinstance(answer, str) else answer


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _chain(certificate: x509.Certificate, issuers: list[x509.Certificate]) -> Iterator[x509.Certificate]:
    """What leads from a certificate towards its root, in order; the root itself, which whoever trusts it has, not."""
    at = certificate
    for _ in range(LONGEST_CHAIN):
        issuer = next((one for one in issuers if one.subject == at.issuer and _has_issued(one, at)), None)
        if issuer is None or issuer.subject == issuer.issuer:
            return
        yield issuer
        at = issuer


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _keyless(certificate: x509.Certificate, path: str, keys: list[str]) -> str:
    """What is wrong with a certificate that no key is for."""
    known = f"the key in {keys[0]} is for another one" if keys else "there is no key at all"
    return f"{path}: there is no key for the certificate of {_subject(certificate)}, {known}; give its key as well"


def _unfit(pair: Pair) -> Iterator[str]:
    """What is wrong with a certificate that has its key."""
    if isinstance(pair.key, rsa.RSAPrivateKey) and pair.key.key_size < LEAST_RSA:
        yield f"{pair.paths[0]}: its RSA key has {pair.key.key_size} bits; make one with at least {LEAST_RSA}"


def _subject(certificate: x509.Certificate) -> str:
    """Whose it is, in a few words."""
    names = alternatives(certificate).get_values_for_type(x509.DNSName)
    return names[0] if names else certificate.subject.rfc4514_string() or "nobody"
