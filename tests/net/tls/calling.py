"""Clients of a house that speak TLS, carried by hand; checks nothing."""

from __future__ import annotations

from collections.abc import Sequence

from tests.net.authority import Leaf
from tests.net.house import House
from tests.net.tls.talking import Manner, Talker


class Caller:
    """A client that has connected, perhaps said something in the clear, and done its handshake as far as it comes."""

    def __init__(
        self,
        house: House,
        name: str | None = None,
        *,
        before: bytes = b"",
        alpn: Sequence[bytes] = (),
        identity: Leaf | None = None,
        cut: int = 0,
    ) -> None:
        """It shows `identity` if a certificate is asked for; its first bytes come `cut` at a time, or all at once."""
        self.talker, self.heard = Talker(name, Manner(alpn=alpn, identity=identity)), b""
        self.wire = house.client(before)
        self.answer = self.wire.hear()
        hello = self.talker.begin()
        for at in range(0, len(hello), cut or len(hello)):
            self.wire.say(hello[at : at + (cut or len(hello))])
        house.network.advance(1)
        self.listen()

    def say(self, data: bytes) -> None:
        """Send, and hear what is said to that."""
        self.wire.say(self.talker.say(data))
        self.listen()

    def listen(self) -> None:
        """Take what came, and answer what TLS wants answered."""
        while data := self.wire.hear():
            self.heard += self.talker.feed(data)
            if out := self.talker.take():
                self.wire.say(out)

    def hear(self) -> bytes:
        """What came since the last time."""
        self.listen()
        heard, self.heard = self.heard, b""
        return heard

    @property
    def shown(self) -> str:
        """The name in the certificate that it was shown."""
        certificate = self.talker.tls.get_peer_certificate(as_cryptography=True)
        assert certificate is not None
        return str(certificate.subject.rfc4514_string()).removeprefix("CN=")


def visitor(house: House, identity: Leaf | None = None) -> Caller:
    """One who asks for a.example and speaks HTTP, and who shows that certificate if asked for one."""
    return Caller(house, "a.example", alpn=(b"http/1.1",), identity=identity)
