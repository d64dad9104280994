"""Backends of PostgreSQL, which begin in the clear: TLS begins when they agree, and at no other time."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent

from balancer.config import TCPListener
from balancer.net.tls.asking import REQUEST, Asking
from tests.net.house import lines
from tests.net.tls.farther import Door, Trusted, fronted, in_the_clear
from tests.net.wires import Backends, Wire

WORDS = {
    b"N": "asked for TLS, it said that it has none",
    b"S\x16\x03": "asked for TLS, it sent more than its answer, which may be an attack",
    b"E\x00\x00\x00\x05": "asked for TLS, it gave no answer of PostgreSQL's",
}


class Agreeing(Wire):
    """One connection to a backend that agrees when it is asked, and speaks TLS from then on."""

    def __init__(self, door: Door) -> None:
        super().__init__()
        self.asked = b""
        self._door = door

    def dataReceived(self, data: bytes) -> None:
        if self.asked.endswith(REQUEST):
            super().dataReceived(data)
            return
        self.asked += data
        if self.asked.endswith(REQUEST):
            self.transport.write(b"S")
            self.transport.startTLS(self._door)


@pytest.mark.parametrize("greeting", [None, "v1"])
async def test_a_backend_that_agrees(reactor: Any, trusted: Trusted, greeting: Any) -> None:
    """It is asked after it was greeted, and then proves itself."""
    door = trusted.door()
    tls = trusted.tls(starttls="postgres")
    backends = Backends(lambda: Agreeing(door))
    listen = in_the_clear(reactor)
    async with fronted(reactor, TCPListener, listen, tls, send_proxy=greeting, backends=backends) as front:
        client = await front.client(b"startup")
        backend: Any = await front.calls.get()
        assert await backend.hear(7) == b"startup"
        backend.say(b"ready")
        assert await client.hear(5) == b"ready"
        assert backend.asked.endswith(REQUEST)
        assert backend.asked.startswith(b"PROXY ") is (greeting is not None)
        assert len(door.met) == 1


@pytest.mark.parametrize("answer", WORDS)
async def test_backends_that_do_not(reactor: Any, trusted: Trusted, told: list[LogEvent], answer: bytes) -> None:
    """Any other answer ends the attempt, and is told; nothing of the client's goes there in the clear."""
    tls = trusted.tls(starttls="postgres")
    async with fronted(reactor, TCPListener, in_the_clear(reactor), tls) as front:
        client = await front.client(b"startup")
        backend = await front.calls.get()
        assert await backend.hear(8) == REQUEST
        backend.say(answer)
        await client.end()
        assert not backend.heard
        assert WORDS[answer] in "\n".join(lines(told))
        assert front.active == 0


def test_a_backend_that_hangs_up() -> None:
    """An end instead of an answer is told as such."""
    failures: list[BaseException] = []
    transport = StringTransport()
    asking = Asking(failures.append, failures.append)
    asking.makeConnection(transport)  # type: ignore[no-untyped-call]  # Twisted's
    assert transport.value() == REQUEST
    asking.connectionLost()
    assert [str(one) for one in failures] == ["asked for TLS, it closed the connection"]
