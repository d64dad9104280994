"""Whom a peer's certificate must come from: certificates of authorities, and lists of what they have revoked.

Refuses to judge a certificate: that is OpenSSL's to do, with what is put in its store here.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags

from balancer.net.tls.files import AUTHORITIES, LISTS, Block, Unreadable, blocks, found
from balancer.net.tls.parsing import certificate_in, list_in


@attrs.frozen(eq=False)
class Trust:
    """Authorities, and their revocation lists; with a list, every certificate of a chain must be covered by one."""

    authorities: tuple[x509.Certificate, ...]
    lists: tuple[x509.CertificateRevocationList, ...] = ()

    def instruct(self, context: SSL.Context) -> None:
        """Have a context trust these."""
        store = context.get_cert_store()
        assert store is not None
        for authority in self.authorities:
            store.add_cert(X509.from_cryptography(authority))
        for one in self.lists:
            store.add_crl(one)
        if self.lists:
            store.set_flags(X509StoreFlags.CRL_CHECK | X509StoreFlags.CRL_CHECK_ALL)


def read_trust(authorities: Iterable[str], lists: Iterable[str] = ()) -> Trust:
    """The certificates in the files of these paths, and the revocation lists in those. Raises `Unreadable`."""
    trusted = dict.fromkeys(one for path in authorities for one in _authorities(path))
    return Trust(tuple(trusted), tuple(one for path in lists for one in _lists(path)))


def _blocks(path: str, endings: frozenset[str], label: str) -> list[Block]:
    """The blocks of that kind in the files of a path."""
    every = (block for file in found([path], endings) for block in blocks(file))
    return [block for block in every if block.label == label]


def _authorities(path: str) -> list[x509.Certificate]:
    certificates = [certificate_in(block) for block in _blocks(path, AUTHORITIES, "CERTIFICATE")]
    if not certificates:
        raise Unreadable(f"{path}: holds no certificate; give the authority's own, as PEM")
    return certificates


def _lists(path: str) -> list[x509.CertificateRevocationList]:
    lists = [list_in(block) for block in _blocks(path, LISTS, "X509 CRL")]
    if not lists:
        raise Unreadable(f"{path}: holds no revocation list; give the authority's, as PEM")
    return lists
