"""A client's end of TLS whose bytes the test carries itself, in any pieces; does no I/O and trusts everybody."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from OpenSSL import SSL

from tests.net.authority import Leaf

CIPHERS = "ECDHE+AES256:@SECLEVEL=0"
TLS13_CIPHERS = "TLS_AES_256_GCM_SHA384"
VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
CHUNK = 1 << 16


@attrs.frozen
class Manner:
    """How to speak: of what version, offering which protocols, with which certificate of one's own."""

    version: str = "1.3"
    alpn: Sequence[bytes] = ()
    identity: Leaf | None = None


class Talker:
    """One end; `ending` is the reason of its end once it has: `close_notify`, or what OpenSSL says of an alert.

    `secrets` are the lines of a key log.
    """

    def __init__(self, name: str | None = None, manner: Manner = Manner(), session: SSL.Session | None = None) -> None:
        self.secrets: list[bytes] = []
        self.done, self.ending = False, ""
        self.tls = SSL.Connection(self._settings(manner), None)
        self.tls.set_connect_state()
        if name is not None:
            self.tls.set_tlsext_host_name(name.encode())
        if session is not None:
            self.tls.set_session(session)

    def _settings(self, manner: Manner) -> SSL.Context:
        settings = SSL.Context(SSL.TLS_METHOD)
        settings.set_min_proto_version(VERSIONS[manner.version])
        settings.set_max_proto_version(VERSIONS[manner.version])
        settings.set_cipher_list(CIPHERS.encode())
        settings.set_tls13_ciphersuites(TLS13_CIPHERS.encode())
        settings.set_keylog_callback(lambda _, line: self.secrets.append(line))
        if manner.alpn:
            settings.set_alpn_protos(list(manner.alpn))
        if manner.identity is not None:
            settings.use_certificate(manner.identity.certificate)
            settings.use_privatekey(manner.identity.key)
            for one in manner.identity.chain:
                settings.add_extra_chain_cert(one)
        return settings

    def begin(self) -> bytes:
        """What goes out first."""
        self.feed(b"")
        return self.take()

    def feed(self, data: bytes) -> bytes:
        """Hear that; return what it says. What is to be answered waits to be taken."""
        heard = b""
        if data:
            self.tls.bio_write(data)
        try:
            if not self.done:
                self.tls.do_handshake()
                self.done = True
            while not self.ending:
                heard += self.tls.recv(CHUNK)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.ending = "close_notify"
        except SSL.Error as error:
            self.ending = ", ".join(reason for _, _, reason in error.args[0]) or "cut"
        return heard

    def say(self, data: bytes) -> bytes:
        """The bytes that say that."""
        for at in range(0, len(data), CHUNK):
            self.tls.sendall(data[at : at + CHUNK])
        return self.take()

    def end(self) -> bytes:
        """The bytes of a close_notify."""
        self.tls.shutdown()
        return self.take()

    def take(self) -> bytes:
        """What is to go out now."""
        taken = b""
        try:
            while True:
                taken += self.tls.bio_read(CHUNK)
        except SSL.WantReadError:
            return taken


def in_records(flight: bytes, size: int) -> bytes:
    """The same handshake message, a single record in the clear, in records of so many bytes each."""
    head, payload = flight[:3], flight[5:]
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    return b"".join(head + len(piece).to_bytes(2) + piece for piece in pieces)
