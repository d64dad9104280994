"""What OpenSSL is told of all the backends of a pool: whom to believe, what to offer, what to prove ourselves with.

What is wrong with a file is one line that names it. Refuses to know which backend is meant.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import attrs
from OpenSSL import SSL

from balancer.net.tls.files import CERTIFICATES, Unreadable, found
from balancer.net.tls.pairing import Passphrase, read_pairs
from balancer.net.tls.pairs import Pair
from balancer.net.tls.profiles import profile_of
from balancer.net.tls.trust import read_trust
from balancer.net.tls.verifying import DEPTH, noting

PROFILE: Final = "compatible"
"""Backends are often older than clients, and whoever could choose a weak cipher on the way there has nothing of it."""


@attrs.frozen
class Terms:
    """On what terms TLS is spoken with backends; see `balancer.UpstreamTLS`. Without `ca` the system's store counts."""

    ca: str | None = None
    crl: str | None = None
    certificate: tuple[str, ...] = ()
    passphrase: Passphrase | None = attrs.field(default=None, repr=False)
    alpn: tuple[str, ...] = ()
    verify: bool = True
    minimum: str = "1.2"
    ciphers: str | None = None
    keylog: str | None = None


def connecting(terms: Terms) -> SSL.Context:
    """A context in which to connect on these terms.

    Raises `Unreadable` for a file that is of no use, and for ciphers that nobody knows.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    try:
        profile_of(PROFILE, terms.minimum, terms.ciphers).instruct(context)
    except SSL.Error as error:
        raise Unreadable(f"ciphers: OpenSSL knows none of {terms.ciphers!r}; give names that it has") from error
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # they are kept for each backend by itself
    if terms.verify:
        _believe(context, terms)
    if terms.certificate:
        _prove(context, _own(terms))
    if terms.alpn:
        context.set_alpn_protos([protocol.encode() for protocol in terms.alpn])
    if terms.keylog is not None:
        context.set_keylog_callback(_key_log(terms.keylog))
    return context


def _believe(context: SSL.Context, terms: Terms) -> None:
    """Say whose signatures count."""
    read_trust([terms.ca] if terms.ca else [], [terms.crl] if terms.crl else []).instruct(context)
    if terms.ca is None:
        context.set_default_verify_paths()
    context.set_verify_depth(DEPTH)
    context.set_verify(SSL.VERIFY_PEER, noting(lenient=False))


def _own(terms: Terms) -> Pair:
    """The certificate that we have ourselves. Raises `Unreadable`."""
    read = read_pairs(found(terms.certificate, CERTIFICATES), terms.passphrase)
    if read.faults:
        raise Unreadable(read.faults[0])
    if len(read.pairs) != 1:
        paths = ", ".join(terms.certificate)
        how_many = "no certificate with its key" if not read.pairs else "several certificates with their keys"
        raise Unreadable(f"{paths}: holds {how_many}; give the files of one")
    return read.pairs[0]


def _prove(context: SSL.Context, pair: Pair) -> None:
    context.use_certificate(pair.certificate)
    context.use_privatekey(pair.key)
    for issuer in pair.chain:
        context.add_extra_chain_cert(issuer)


def _key_log(path: str) -> Callable[[SSL.Connection, bytes], None]:
    """What writes secrets to a file, which only we may read. Raises `Unreadable`."""

    def write(_connection: SSL.Connection, line: bytes) -> None:
        with open(path, "ab", opener=_private) as file:
            file.write(line + b"\n")

    try:
        with open(path, "ab", opener=_private):
            return write
    except OSError as error:
        raise Unreadable(
            f"{path}: cannot be written: {error.strerror}; give a file that the balancer may write"
        ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
