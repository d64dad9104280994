"""Notes why a peer's certificate is not accepted, in words; refuses to know what a verdict leads to.

Whoever makes a connection gives it a `Verdict` as its application data. The chain, its dates, its purpose and its
revocation are OpenSSL's to judge.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

import attrs
from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1, X509, dump_certificate

DEPTH: Final = 8
"""Certificates between a peer's own and the one that is trusted, at most."""

_WORDS: Final = {
    2: "its issuer's certificate is missing",
    3: "there is no revocation list of its issuer",
    7: "its signature is wrong",
    9: "it is not valid yet",
    10: "it has expired",
    11: "the revocation list is not valid yet",
    12: "the revocation list has expired",
    18: "it is signed by itself, and not trusted",
    19: "its chain ends in a root that is not trusted",
    20: "its issuer is not known",
    21: "its issuer is not known",
    22: "its chain is too long",
    23: "it is revoked",
    24: "its issuer is no authority",
    25: "its chain is longer than an issuer allows",
    26: "it is not for this purpose",
    62: "it is for another name",
    66: "its key is too weak",
    67: "the key of its issuer is too weak",
    68: "its signature uses a digest that is too weak",
}
"""What the errors of X509_verify_cert mean, by their numbers (OpenSSL's x509_vfy.h)."""


@attrs.define
class Verdict:
    """What was found wrong first with the peer's certificate, if anything."""

    error: str = ""


def in_words(number: int, depth: int) -> str:
    """What is wrong, of the certificate itself, or of one that leads from it to what is trusted."""
    words = _WORDS.get(number, f"verification error {number}")
    return words if depth == 0 else f"{words} (issuer {depth} of its chain)"


def noting(*, lenient: bool, largest: float = inf) -> Callable[[SSL.Connection, X509, int, int, int], bool]:
    """A callback for `SSL.Context.set_verify`: a fault is noted, and ends the handshake unless it is lenient.

    A certificate of more than `largest` bytes ends it in any case.
    """

    def verify(connection: SSL.Connection, certificate: X509, number: int, depth: int, accepted: int) -> bool:
        if depth == 0 and largest < inf and len(dump_certificate(FILETYPE_ASN1, certificate)) > largest:
            connection.get_app_data().error = f"it is larger than {largest} bytes"
            return False
        if accepted:
            return True
        verdict: Verdict = connection.get_app_data()
        verdict.error = verdict.error or in_words(number, depth)
        return lenient

    return verify
