"""Records that no TLS library would send, sealed with the keys of a connection that a `Talker` has opened.

RFC 8446 sections 5.2, 7.1 and 7.2 for TLS 1.3; RFC 5246 sections 5 and 6.3 with RFC 5288 for TLS 1.2. From the first
one forged on, the talker itself must say no more.
"""

from __future__ import annotations

import hmac
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tests.net.tls.talking import Talker

ALERT, HANDSHAKE, DATA = 21, 22, 23
KEY_UPDATE = 24
HELLO_REQUEST = b"\0\0\0\0"


class Forger(Protocol):
    """What seals records of any kind."""

    def record(self, kind: int, payload: bytes) -> bytes:
        """One record."""


def expanded(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label without a context, by SHA-384."""
    label = b"tls13 " + label
    return HKDFExpand(SHA384(), size, size.to_bytes(2) + bytes([len(label)]) + label + b"\0").derive(secret)


class Forger13:
    """As TLS 1.3 seals."""

    def __init__(self, talker: Talker) -> None:
        lines = [line.split() for line in talker.secrets]
        self._use(next(bytes.fromhex(line[2].decode()) for line in lines if line[0] == b"CLIENT_TRAFFIC_SECRET_0"))

    def _use(self, secret: bytes) -> None:
        self._secret, self._count = secret, 0
        self._sealer, self._iv = AESGCM(expanded(secret, b"key", 32)), int.from_bytes(expanded(secret, b"iv", 12))

    def record(self, kind: int, payload: bytes) -> bytes:
        """One record."""
        inner = payload + bytes([kind])
        head = b"\x17\3\3" + (len(inner) + 16).to_bytes(2)
        sealed = self._sealer.encrypt((self._iv ^ self._count).to_bytes(12), inner, head)
        self._count += 1
        return head + sealed

    def rekeyed(self, *, asking: bool = False) -> bytes:
        """A KeyUpdate, which may ask for one in return."""
        made = self.record(HANDSHAKE, bytes([KEY_UPDATE, 0, 0, 1, asking]))
        self._use(expanded(self._secret, b"traffic upd", 48))
        return made


class Forger12:
    """As TLS 1.2 seals with AES-256-GCM."""

    def __init__(self, talker: Talker) -> None:
        randoms = talker.tls.server_random() + talker.tls.client_random()  # type: ignore[operator]  # never None by now
        block = prf(talker.tls.master_key() or b"", b"key expansion" + randoms, 72)
        self._sealer, self._salt = AESGCM(block[:32]), block[64:68]
        self._count = 1  # the first was the Finished

    def record(self, kind: int, payload: bytes) -> bytes:
        """One record."""
        count, head = self._count.to_bytes(8), bytes([kind]) + b"\3\3"
        self._count += 1
        sealed = self._sealer.encrypt(self._salt + count, payload, count + head + len(payload).to_bytes(2))
        return head + (len(sealed) + 8).to_bytes(2) + count + sealed


def prf(secret: bytes, seed: bytes, size: int) -> bytes:
    """The pseudorandom function of TLS 1.2 by SHA-384; the seed begins with its label."""
    made, link = b"", seed
    while len(made) < size:
        link = hmac.digest(secret, link, "sha384")
        made += hmac.digest(secret, link + seed, "sha384")
    return made[:size]
