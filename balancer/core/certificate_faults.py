"""What is wrong with a certificate, in words; refuses to judge one."""

from __future__ import annotations

from typing import Final

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


def in_words(number: int, depth: int) -> str:
    """What is wrong, of the certificate itself, or of one that leads from it to what is trusted."""
    words = _WORDS.get(number, f"verification error {number}")
    return words if depth == 0 else f"{words} (issuer {depth} of its chain)"
