"""OpenSSL with a `Talker` for a client, in memory, after the handshake."""

from __future__ import annotations

from contextlib import suppress

from OpenSSL import SSL

from tests.net.authority import Authority
from tests.net.tls.talking import Manner, Talker

LEAF = Authority().leaf("a.example")


def opened(version: str) -> tuple[Talker, SSL.Connection]:
    """Both sides; the server refuses to renegotiate."""
    settings = SSL.Context(SSL.TLS_METHOD)
    settings.set_options(SSL.OP_NO_RENEGOTIATION)
    settings.use_certificate(LEAF.certificate)
    settings.use_privatekey(LEAF.key)
    server, talker = SSL.Connection(settings, None), Talker("a.example", Manner(version))
    server.set_accept_state()
    server.bio_write(talker.begin())
    while not talker.done:
        with suppress(SSL.WantReadError):
            server.do_handshake()
        talker.feed(server.bio_read(1 << 16))
        if answer := talker.take():
            server.bio_write(answer)
    with suppress(SSL.WantReadError):
        server.do_handshake()
    return talker, server
