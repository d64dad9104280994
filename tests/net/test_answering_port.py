"""Answers of ports that are bound to all addresses: from the one that was called, of which backends are told."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import sys
from typing import Any

import pytest
from twisted.internet.protocol import DatagramProtocol

from balancer.core.proxy_protocol import encode_v2
from balancer.net.answering_port import AnsweringPort
from balancer.net.shared_ports import shared_port
from tests.net.datagram_house import House
from tests.net.lean import HOST, Lean

OTHER = "127.0.0.2"
ANYWHERE, ANYWHERE_6 = "0.0.0.0", "::"


class Ear(DatagramProtocol):
    """Notes what it hears."""

    noisy = False

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, Any]] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.heard.append((datagram, addr))


class Told:
    """A socket that has one datagram, and that said of it."""

    def __init__(self, address: Any, told: Any) -> None:
        self._datagram = b"x", told, 0, address
        self.sent: list[Any] = []

    def recvmsg(self, size: int, space: int) -> Any:
        return self._datagram

    def sendmsg(self, *args: Any) -> None:
        self.sent.append(args)


def started(lean: Lean, port: Any) -> Any:
    """A port that is read."""
    port.startListening()
    lean.ports.append(port)
    return port


def opened(lean: Lean, interface: str = ANYWHERE) -> Any:
    """A port of any number."""
    return started(lean, AnsweringPort(0, Ear(), interface, 8192, lean.reactor))


@pytest.mark.parametrize(
    ("interface", "called"),
    [(ANYWHERE, HOST), (ANYWHERE, OTHER), (ANYWHERE_6, OTHER), (ANYWHERE_6, "::1"), ("", OTHER)],
)
async def test_replies_come_from_where_they_were_asked_for(reactor: Any, interface: str, called: str) -> None:
    """A client of a listener on all addresses, of one family or both, hears from the address that it called."""
    async with House(reactor, interface=interface) as house:
        house.peer(echo=True)
        client, listener = house.peer(interface="::1" if ":" in called else HOST), house.start()
        for data in (b"x", b""):
            client.transport.write(data, (called, listener.port))
            assert await client.heard.get() == (data, (called, listener.port))
        assert (listener.active, next(listener.look()).client[1]) == (1, client.transport.getHost().port)


async def test_who_calls_two_addresses_has_two_flows(reactor: Any) -> None:
    """A client that sends to two addresses from one port hears from each of them."""
    async with House(reactor, interface=ANYWHERE) as house:
        house.peer(echo=True)
        client, listener = house.peer(), house.start()
        for called in (HOST, OTHER, HOST):
            client.transport.write(called.encode(), (called, listener.port))
            assert await client.heard.get() == (called.encode(), (called, listener.port))
        assert listener.active == 2


@pytest.mark.parametrize("called", [OTHER, "::1"])
async def test_backends_are_told_what_was_called(reactor: Any, called: str) -> None:
    """The PROXY header has the address that the client called, not the one that the port is bound to."""
    async with House(reactor, interface=ANYWHERE_6 if ":" in called else ANYWHERE) as house:
        house.send_proxy = True
        backend = house.peer(echo=True)
        client, listener = house.peer(interface="::1" if ":" in called else HOST), house.start()
        client.transport.write(b"x", (called, listener.port))
        place = client.transport.getHost()
        header = encode_v2((place.host, place.port), (called, listener.port), transport="udp")
        assert (await backend.heard.get())[0] == header + b"x"


def test_a_port_of_one_address_asks_nothing(lean: Lean) -> None:
    """Bound to one address, or on a system that is not Linux, a port tells host and port alone, and answers."""
    port = opened(lean, HOST)
    sender = opened(lean, HOST)
    number = port.getHost().port
    sender.answer(b"x", (HOST, number))
    lean.until(lambda: port.protocol.heard)
    ((_, client),) = port.protocol.heard
    assert client == (HOST, sender.getHost().port)
    port.answer(b"y", client)
    lean.until(lambda: sender.protocol.heard)
    assert sender.protocol.heard == [(b"y", (HOST, number))]


def test_elsewhere_than_on_linux(lean: Lean, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system that is not Linux, a port asks nothing."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert opened(lean).take is None


@pytest.mark.parametrize("interface", [ANYWHERE, ANYWHERE_6])
def test_a_shared_port_knows_it_too(lean: Lean, interface: str) -> None:
    """A port that is shared between processes tells what was called."""
    port = started(lean, shared_port(AnsweringPort, lean.reactor, (interface, 0), Ear(), 8192))
    sender = opened(lean, HOST)
    sender.answer(b"x", (OTHER, port.getHost().port))
    lean.until(lambda: port.protocol.heard)
    ((_, client),) = port.protocol.heard
    assert client[2][-4:] == bytes([127, 0, 0, 2])


def test_a_zone_belongs_to_the_address(lean: Lean) -> None:
    """A sender whose address is of a link alone is told with its zone, without which it could not be answered."""
    port = opened(lean, ANYWHERE_6)
    real, port.socket = port.socket, Told(("fe80::1", 53, 0, 2), [(41, 50, bytes(15) + b"\1" + bytes(4))])
    port.doRead()
    port.socket = real
    assert port.protocol.heard == [(b"x", ("fe80::1%2", 53, bytes(15) + b"\1"))]


@pytest.mark.parametrize("called", [b"\xfe\x80" + bytes(13) + b"\1\2\0\0\0", b"\xfd\0" + bytes(13) + b"\1"])
def test_an_interface_belongs_to_an_address_of_a_link(lean: Lean, called: bytes) -> None:
    """An answer from an address of a link alone leaves by the interface it came by; from others, by whichever leads."""
    port = opened(lean, ANYWHERE_6)
    told = Told(("::1", 53, 0, 0), [(41, 50, (called + b"\2\0\0\0")[:20])])
    real, port.socket = port.socket, told
    port.doRead()
    ((_, client),) = port.protocol.heard
    port.answer(b"y", client)
    port.socket = real
    assert client == ("::1", 53, called)
    assert told.sent == [((b"y",), ((41, 50, called.ljust(20, b"\0")),), 0, ("::1", 53))]


@pytest.mark.parametrize("told", [[], [(41, 50, b"\xff\x02" + bytes(13) + b"\1" + bytes(4))]])
def test_what_nobody_can_answer_from(lean: Lean, told: Any) -> None:
    """When an address of many was called, or the system does not tell, the choice is the kernel's."""
    port = opened(lean, ANYWHERE_6)
    real, port.socket = port.socket, Told(("::1", 53, 0, 0), told)
    port.doRead()
    port.socket = real
    assert port.protocol.heard == [(b"x", ("::1", 53, bytes(16)))]
    port.answer(b"x", ("::1", 9, bytes(16)))


def test_an_answer_after_the_end_is_an_error(lean: Lean) -> None:
    """Once the port is closed an answer raises `OSError`, as for any datagram that is not taken."""
    port = opened(lean)
    answer = port.answer
    lean.ports.remove(port)
    port.stopListening()
    lean.turn(2)
    with pytest.raises(OSError, match="descriptor"):
        answer(b"x", (HOST, 9, bytes(4)))
