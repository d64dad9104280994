"""What OpenSSL is told of all the backends of a pool: whom to believe, what to offer, what to prove ourselves with.

What is wrong with a file is one line that names it. Refuses to know which backend is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
from OpenSSL import SSL

from balancer.net.tls.credentials import Sources, Unusable
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
    """On what terms TLS is spoken with backends; see `balancer.UpstreamTLS`. `keylog` takes each line of secrets."""

    ca: str | None = None
    crl: str | None = None
    certificate: tuple[str, ...] = ()
    passphrase: Passphrase | None = attrs.field(default=None, repr=False)
    alpn: tuple[str, ...] = ()
    verify: bool = True
    minimum: str = "1.2"
    ciphers: str | None = None
    keylog: Callable[[bytes], None] | None = None

    @property
    def sources(self) -> Sources:
        """The files that it is made of."""
        return Sources(
            self.certificate,
            authorities=() if self.ca is None else (self.ca,),
            lists=() if self.crl is None else (self.crl,),
        )


def connecting(terms: Terms) -> SSL.Context:
    """A context in which to connect on these terms.

    Raises `Unusable` for a file that is of no use, and for ciphers that nobody knows.
    """
    try:
        return _connecting(terms)
    except Unreadable as error:
        raise Unusable([str(error)]) from error


def _connecting(terms: Terms) -> SSL.Context:
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
        add = terms.keylog
        context.set_keylog_callback(lambda _connection, line: add(line))
    return context


def _believe(context: SSL.Context, terms: Terms) -> None:
    """Say whose signatures count."""
    read_trust([terms.ca] if terms.ca else [], [terms.crl] if terms.crl else []).instruct(context)
    if terms.ca is None:
        context.set_default_verify_paths()
    context.set_verify_depth(DEPTH)
    context.set_verify(SSL.VERIFY_PEER, noting(lenient=False))


def _own(terms: Terms) -> Pair:
    """The certificate that we have ourselves. Raises `Unreadable` and `Unusable`."""
    read = read_pairs(found(terms.certificate, CERTIFICATES), terms.passphrase)
    if read.faults:
        raise Unusable(read.faults)
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
