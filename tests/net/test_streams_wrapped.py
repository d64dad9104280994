"""A relay whose transport is no socket but something around one, such as TLS: nothing goes round that."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

from balancer.core.deadlines import Deadlines
from balancer.net.clock import ReactorAlarm
from balancer.net.streams import End
from tests.net.lean import HOST, Lean
from tests.net.wires import Wire

TOLD = IPv4Address("TCP", "192.0.2.7", 7)


class Cipher(ProtocolWrapper):
    """Encrypts, after its fashion, and knows better than its socket who the peer is."""

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data.swapcase())  # type: ignore[no-untyped-call]  # as untyped as Twisted's own

    def write(self, data: bytes) -> None:
        super().write(data.swapcase())  # type: ignore[no-untyped-call]  # as untyped as Twisted's own

    def getPeer(self) -> IPv4Address:
        return TOLD


def wrapped(lean: Lean) -> tuple[End, Any]:
    """An end of a relay behind the cipher, and its plain peer."""
    end, wire = End(Deadlines(ReactorAlarm(Clock()))), Wire()
    factory: Any = WrappingFactory(lean.factory(lambda: end))
    factory.protocol, factory.noisy = Cipher, False
    port: Any = lean.reactor.listenTCP(0, factory, interface=HOST)
    lean.ports.append(port)
    lean.reactor.connectTCP(HOST, port.getHost().port, lean.factory(lambda: wire))
    lean.until(lambda: end.connected and wire.connected)
    return end, wire


def test_nothing_is_written_past_what_is_around_the_socket(lean: Lean) -> None:
    """What a relay writes is encrypted, and what it reads was."""
    end, wire = wrapped(lean)
    wire.say(b"QUESTION")
    lean.until(lambda: end.early)
    assert end.early == b"question"
    end.write(b"secret")
    lean.until(lambda: len(wire.heard) == 6)
    assert wire.heard == b"SECRET"


def test_what_is_around_the_socket_knows_the_peer(lean: Lean) -> None:
    """The peer's address is that which the transport tells, not the one of the socket in it."""
    assert wrapped(lean)[0].address == ("192.0.2.7", 7)
