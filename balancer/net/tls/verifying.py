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

from balancer.core.certificate_faults import in_words

DEPTH: Final = 8
"""Certificates between a peer's own and the one that is trusted, at most."""


@attrs.define
class Verdict:
    """What was found wrong first with the peer's certificate, if anything."""

    error: str = ""


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
