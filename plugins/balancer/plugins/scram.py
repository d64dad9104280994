"""A client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding; refuses to know what carries it."""

from __future__ import annotations

import hashlib
import hmac
import stringprep
import unicodedata
from base64 import b64decode, b64encode
from binascii import Error
from functools import lru_cache
from typing import Final

from balancer.errors import CheckFailed

MECHANISM: Final = b"SCRAM-SHA-256"

ROUNDS: Final = 100_000
"""The most rounds of hashing that a server may ask for: nothing else happens meanwhile, some 50 ms. 4096 are usual."""

_UNBOUND: Final = b"n,,"


class Scram:
    """One proof that we know a password, and that the server does. `nonce` is never used twice.

    The user's name is left empty, as PostgreSQL takes that of its startup message.
    """

    def __init__(self, password: str, nonce: bytes, user: bytes = b"") -> None:
        self._password, self._nonce = _prepared(password), nonce
        self._bare = b"n=%s,r=%s" % (user, nonce)
        self._signature = b""

    def first(self) -> bytes:
        """What we open with."""
        return _UNBOUND + self._bare

    def final(self, answer: bytes) -> bytes:
        """Our proof, on what the server answered to that. Raises `CheckFailed` when that makes no sense."""
        salt, rounds, nonce = self._read(answer)
        salted = _salted(self._password, salt, rounds)
        ending = b"c=%s,r=%s" % (b64encode(_UNBOUND), nonce)
        signed = b",".join((self._bare, answer, ending))
        key = _keyed(salted, b"Client Key")
        signature = _keyed(hashlib.sha256(key).digest(), signed)
        self._signature = _keyed(_keyed(salted, b"Server Key"), signed)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return b"%s,p=%s" % (ending, b64encode(proof))

    def verify(self, answer: bytes) -> None:
        """Judge the server's proof. Raises `CheckFailed` unless it knows the password, too."""
        if not hmac.compare_digest(answer, b"v=" + b64encode(self._signature)):
            raise CheckFailed("it does not prove that it knows the password itself")

    def _read(self, answer: bytes) -> tuple[bytes, int, bytes]:
        fields = dict(part.partition(b"=")[::2] for part in answer.split(b","))
        nonce = fields.get(b"r", b"")
        try:
            salt, rounds = b64decode(fields[b"s"], validate=True), int(fields[b"i"])
        except (KeyError, ValueError, Error):
            raise CheckFailed("its part of SCRAM-SHA-256 makes no sense") from None
        if not nonce.startswith(self._nonce) or not 1 <= rounds <= ROUNDS:
            raise CheckFailed(f"its part of SCRAM-SHA-256 is not for us, or asks for {rounds} rounds; {ROUNDS} at most")
        return salt, rounds, nonce


@lru_cache(maxsize=64)
def _salted(password: bytes, salt: bytes, rounds: int) -> bytes:
    """The costly part, which is the same at every check."""
    return hashlib.pbkdf2_hmac("sha256", password, salt, rounds)


def _keyed(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _prepared(password: str) -> bytes:
    """SASLprep (RFC 4013 2.1, 2.2), by which spaces and forms of letters are all one."""
    kept = (letter for letter in password if not stringprep.in_table_b1(letter))
    mapped = "".join(" " if stringprep.in_table_c12(letter) else letter for letter in kept)
    return unicodedata.normalize("NFKC", mapped).encode()
