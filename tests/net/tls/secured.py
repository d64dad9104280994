"""A client of a balancer in memory that speaks TLS; knows nothing of what is tested."""

from __future__ import annotations

from tests.net.authority import Leaf
from tests.net.house import House
from tests.net.tls.talking import Manner, Talker


class Secured:
    """One connection, after its handshake: asks for that name, and shows that certificate if it is asked for one."""

    def __init__(self, house: House, name: str | None = "a.example", identity: Leaf | None = None) -> None:
        self.talker = Talker(name, Manner(alpn=(b"http/1.1",), identity=identity))
        self.speaker = house.client()
        self._heard = self._carried(self.talker.begin())

    def say(self, data: bytes) -> None:
        """Send, and let everything happen that follows."""
        self._heard += self._carried(self.talker.say(data))

    def hear(self) -> bytes:
        """What came since the last time."""
        heard, self._heard = self._heard + self._carried(b""), b""
        return heard

    def _carried(self, data: bytes) -> bytes:
        """Carry bytes to and fro until nobody has any more to say; return what was heard."""
        self.speaker.say(data)
        heard = b""
        while came := self.speaker.hear():
            heard += self.talker.feed(came)
            self.speaker.say(self.talker.take())
        return heard
