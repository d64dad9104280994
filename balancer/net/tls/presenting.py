"""Makes the `SSL.Context` in which certificates are presented to clients; refuses to choose between certificates."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from secrets import token_bytes
from tempfile import NamedTemporaryFile
from typing import Any, Final, Literal

import attrs
from OpenSSL import SSL

from balancer.net.tls.credentials import Credentials, Unusable
from balancer.net.tls.pairs import Pair
from balancer.net.tls.profiles import Profile
from balancer.net.tls.reasons import reasons
from balancer.net.tls.trust import Trust
from balancer.net.tls.verifying import DEPTH, noting

Clients = Literal["none", "optional", "required"]

LARGEST: Final = 1 << 13
"""Bytes of a client's certificate. What a stranger may fill it with takes sixty times as much memory, and time."""

_VERIFY: Final = {
    "optional": SSL.VERIFY_PEER,
    "required": SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
}


class Presented(SSL.Context):
    """Where the certificate that clients are shown `expires`, in seconds since 1970; of several, the first to do so."""

    expires: float


@attrs.frozen(eq=False)
class Manner:
    """How certificates are presented, whichever they are.

    A client that names no host, or one that no certificate is for, is shown the one for `default`, or the first; if
    `strict` it is refused. `alpn` are the protocols to agree on one of, the best first. `clients` says whose
    certificates are asked for. A session can be resumed for `lifetime` seconds. `keylog` takes each line of secrets.
    `wall` tells the seconds since 1970.
    """

    profile: Profile
    wall: Callable[[], float]
    default: str | None = None
    strict: bool = False
    alpn: tuple[bytes, ...] = ()
    clients: Clients = "none"
    lifetime: float = 7200.0
    keylog: Callable[[bytes], None] | None = None


def presented(manner: Manner, credentials: Credentials, pairs: Sequence[Pair]) -> Presented:
    """A context for clients that are shown one of these, which differ in the kind of their keys.

    Raises `OpenSSL.SSL.Error` for what OpenSSL does not take, and `OSError` where no temporary file can be written.
    """
    context = Presented(SSL.TLS_SERVER_METHOD)
    context.expires = min(pair.ends for pair in pairs)
    manner.profile.instruct(context)
    context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # sessions are in tickets, which take no memory here
    context.set_session_id(token_bytes(16))
    context.set_timeout(ceil(manner.lifetime))
    context.set_tlsext_servername_callback(_known)
    for pair in pairs:
        _show(context, pair)
    if manner.alpn:
        context.set_alpn_select_callback(_selecting(manner.alpn))
    if any(pair.fingerprint in credentials.staples for pair in pairs):
        context.set_ocsp_server_callback(_stapling(manner, credentials, pairs))
    if manner.clients != "none" and credentials.trust is not None:
        _ask(context, manner.clients, credentials.trust)
    if manner.keylog is not None:
        keep = manner.keylog
        context.set_keylog_callback(lambda _connection, line: keep(line))
    return context


def prove(manner: Manner, credentials: Credentials) -> None:
    """See that each certificate can be presented. Raises `Unusable`."""
    faults = list(_unknown(manner.profile))
    if faults:
        raise Unusable(faults)
    for pair in credentials.pairs:
        try:
            presented(manner, credentials, [pair])
        except (SSL.Error, OSError) as error:
            faults.append(unpresentable(pair, error))
    if faults:
        raise Unusable(faults)


def _unknown(profile: Profile) -> Iterator[str]:
    """What is wrong with its ciphers, which would be wrong with each certificate."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    for take, ciphers, like in (
        (context.set_cipher_list, profile.ciphers, "ECDHE+AESGCM"),
        (context.set_tls13_ciphersuites, profile.suites, "TLS_AES_128_GCM_SHA256"),
    ):
        given = ":".join(ciphers)
        try:
            take(given.encode())
        except SSL.Error:
            yield f"ciphers: OpenSSL offers none of {given!r}; give names that it has, such as {like!r}"


def _show(context: SSL.Context, pair: Pair) -> None:
    """Have a context show a certificate; only out of a file does OpenSSL take a chain for each kind of key."""
    with _file_of(pair.pem) as path:
        context.use_certificate_chain_file(path)
    context.use_privatekey(pair.key)


@contextmanager
def _file_of(data: bytes) -> Iterator[str]:
    """The path of a file that holds this; in memory if it can be, or a full disk would keep clients out."""
    in_memory = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("balancer"), "wb") if in_memory else NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}" if in_memory else str(file.name)


def _known(_connection: SSL.Connection) -> None:
    """Take the server name, as it is, so that OpenSSL knows it of a resumed session of TLS 1.2, too."""


def _ask(context: SSL.Context, clients: Clients, trust: Trust) -> None:
    """Have a context ask clients for certificates.

    Where they are optional, no session is resumed: a resumed one says no more why its certificate was not accepted.
    """
    context.set_verify(_VERIFY[clients], noting(lenient=clients == "optional", largest=LARGEST))
    context.set_verify_depth(DEPTH)
    trust.instruct(context)
    for authority in trust.authorities:
        context.add_client_ca(authority)
    if clients == "optional":
        context.set_options(SSL.OP_NO_TICKET)


def _selecting(protocols: tuple[bytes, ...]) -> Callable[[SSL.Connection, list[bytes]], bytes]:
    """Picks the best protocol that the client speaks, too; one that speaks none is told so (RFC 7301 3.2)."""
    none = f"the client offers none of {b', '.join(protocols).decode()}"

    def select(_connection: SSL.Connection, offered: list[bytes]) -> bytes:
        for protocol in protocols:
            if protocol in offered:
                return protocol
        raise SSL.Error([("ALPN", "", none)])  # as OpenSSL's own, which Twisted takes to pieces

    return select


def _stapling(
    manner: Manner, credentials: Credentials, pairs: Iterable[Pair]
) -> Callable[[SSL.Connection, Any], bytes]:
    """Answers with the OCSP answer for the certificate that the client is shown, as long as it holds."""
    staples = {
        pair.certificate: staple for pair in pairs if (staple := credentials.staples.get(pair.fingerprint)) is not None
    }

    def answer(connection: SSL.Connection, _data: Any) -> bytes:
        shown = connection.get_certificate(as_cryptography=True)
        staple = None if shown is None else staples.get(shown)
        return staple.data if staple is not None and staple.holds(manner.wall()) else b""

    return answer


def unpresentable(pair: Pair, error: SSL.Error | OSError) -> str:
    """That `presented` has failed with a certificate, and what OpenSSL or the system says is wrong."""
    system = error.strerror or str(error) if isinstance(error, OSError) else ""
    why = system or ", ".join(reasons(error)) or "OpenSSL does not say why"
    return f"{pair.paths[0]}: cannot be presented: {why}"
