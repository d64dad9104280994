"""What versions and ciphers of TLS are spoken, by the names of profiles; refuses to know on which side.

None of them has compression, renegotiation, or anything before TLS 1.2.
"""

from __future__ import annotations

from typing import Final

import attrs
from OpenSSL import SSL

VERSIONS: Final = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}

_AEAD: Final = ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
_CBC: Final = ("AES128-SHA256", "AES256-SHA384", "AES128-SHA", "AES256-SHA")
_SUITES: Final = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


def _ephemeral(ciphers: tuple[str, ...]) -> tuple[str, ...]:
    """With forward secrecy, ECDSA before RSA: it costs whoever signs a tenth."""
    return tuple(f"ECDHE-{kind}-{cipher}" for kind in ("ECDSA", "RSA") for cipher in ciphers)


@attrs.frozen
class Profile:
    """The lowest version, the ciphers of TLS 1.2 in order, and those of TLS 1.3, which are a list of their own."""

    minimum: str = "1.2"
    ciphers: tuple[str, ...] = _ephemeral(_AEAD)
    suites: tuple[str, ...] = _SUITES

    def instruct(self, context: SSL.Context) -> None:
        """Have a context hold to it. Raises `OpenSSL.SSL.Error` where OpenSSL knows none of the ciphers."""
        context.set_min_proto_version(VERSIONS[self.minimum])
        context.set_cipher_list(":".join(self.ciphers).encode())
        context.set_tls13_ciphersuites(":".join(self.suites).encode())
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # 32 KiB less for each connection that is idle


PROFILES: Final = {
    "modern": Profile(),
    "compatible": Profile(ciphers=(*_ephemeral(_AEAD), *_ephemeral(_CBC))),
    "strict": Profile("1.3"),
}
"""`compatible` adds what clients of TLS 1.2 without AEAD need, still with forward secrecy."""


def profile_of(name: str, minimum: str | None, ciphers: str | None) -> Profile:
    """A profile with changes: another lowest version, and ciphers as OpenSSL lists them, joined by colons."""
    chosen = PROFILES[name]
    given = ciphers.split(":") if ciphers else []
    suites = tuple(cipher for cipher in given if cipher.startswith("TLS_"))
    older = tuple(cipher for cipher in given if not cipher.startswith("TLS_"))
    return Profile(minimum or chosen.minimum, older or chosen.ciphers, suites or chosen.suites)
