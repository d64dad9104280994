"""A handshake in memory between an `SSL.Context` of ours and a client of the test's; knows nothing of sockets."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from cryptography import x509
from OpenSSL import SSL

from balancer.net.tls.verifying import Verdict
from tests.net.authority import Leaf

READ_CERTIFICATE = b"SSLv3/TLS read server certificate"


@attrs.define
class Meeting:
    """What came of a handshake: for the client what it was shown, for us what we know of it."""

    shown: x509.Certificate | None
    chain: int
    version: str
    cipher: str | None
    alpn: bytes
    staples: list[bytes]
    resumed: bool
    name: bytes | None
    verdict: Verdict
    error: str


class Client:
    """A client that keeps the session of its latest meeting and offers it again."""

    def __init__(
        self,
        *,
        version: int = SSL.TLS1_3_VERSION,
        ciphers: str = "",
        alpn: Sequence[bytes] = (),
        identity: Leaf | None = None,
    ) -> None:
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self._context.set_max_proto_version(version)
        if ciphers:
            self._context.set_cipher_list(ciphers.encode())
        if alpn:
            self._context.set_alpn_protos(list(alpn))
        if identity is not None:
            self._context.use_certificate(identity.certificate)
            self._context.use_privatekey(identity.key)
            for one in identity.chain:
                self._context.add_extra_chain_cert(one)
        self._states: list[bytes] = []
        self._context.set_info_callback(lambda connection, *_: self._states.append(connection.get_state_string()))
        self._staples: list[bytes] = []
        self._context.set_ocsp_client_callback(self._stapled)
        self._session: SSL.Session | None = None

    def meet(self, context: SSL.Context, name: str | None = "a.example") -> Meeting:
        """Shake hands, and say a word, which is when tickets come."""
        self._states.clear()
        self._staples.clear()
        verdict, error = Verdict(), ""
        theirs, ours = SSL.Connection(self._context, None), SSL.Connection(context, None)
        ours.set_app_data(verdict)
        ours.set_accept_state()
        theirs.set_connect_state()
        theirs.request_ocsp()
        if name is not None:
            theirs.set_tlsext_host_name(name.encode())
        if self._session is not None:
            theirs.set_session(self._session)
        try:
            shake(theirs, ours)
        except SSL.Error as failure:
            error = str(failure)
        self._session = theirs.get_session()
        for end in (theirs, ours):
            end.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)  # or the session could not be resumed
        return Meeting(
            shown=theirs.get_peer_certificate(as_cryptography=True),
            chain=len(theirs.get_peer_cert_chain(as_cryptography=True) or ()),
            version=ours.get_protocol_version_name(),
            cipher=ours.get_cipher_name(),
            alpn=theirs.get_alpn_proto_negotiated(),
            staples=[staple for staple in self._staples if staple],
            resumed=READ_CERTIFICATE not in self._states,
            name=ours.get_servername(),
            verdict=verdict,
            error=error,
        )

    def _stapled(self, _connection: SSL.Connection, data: bytes, _more: object) -> bool:
        self._staples.append(data)
        return True


def shake(theirs: SSL.Connection, ours: SSL.Connection) -> None:
    """Carry bytes to and fro until both are done, and one more. Raises `OpenSSL.SSL.Error`."""
    done: set[SSL.Connection] = set()
    for _ in range(8):
        for one, other in ((theirs, ours), (ours, theirs)):
            try:
                one.do_handshake()
                done.add(one)
            except SSL.WantReadError:
                pass
            carry(one, other)
    assert len(done) == 2
    ours.send(b".")
    carry(ours, theirs)
    theirs.recv(1)
    try:
        ours.recv(1)
    except SSL.WantReadError:
        return


def carry(one: SSL.Connection, other: SSL.Connection) -> None:
    """Carry what one has to say to the other."""
    try:
        other.bio_write(one.bio_read(1 << 16))
    except SSL.WantReadError:
        return
