"""Which way TLS is begun on what kind of transport."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from balancer.net.tls.beginning import begin
from balancer.net.tls.memory import MemoryTLS
from balancer.net.tls.stream import TLSStream
from tests.net.lean import HOST, HalfNote, Lean
from tests.net.tls.ends import Opening, accepting, connecting


@pytest.mark.parametrize("early", [b"", b"\x16"])
def test_bytes_that_were_read_take_the_way_through_memory(lean: Lean, early: bytes) -> None:
    """OpenSSL reads the socket itself if nobody has read from it, and else is given what was read."""
    server = HalfNote()
    with lean.peer(server) as plain:
        opening = Opening(HalfNote(), accepting(), lean.reactor, memory=False, accepts=True)
        opening._begun = True  # noqa: SLF001  the test does it
        begin(server.transport, opening, opening.make, early, clock=lean.reactor)
        assert type(opening.transport) is (MemoryTLS if early else TLSStream)
        plain.send(b"\x15\x03\x01\x00\x02\x02\x00")
        lean.until(lambda: opening.note.events)
        assert opening.note.events == ["Error"]


@pytest.mark.parametrize("much", [False, True])
def test_what_was_written_in_the_clear_goes_first(lean: Lean, much: bool) -> None:
    """Bytes written just before TLS begins are heard before its first record, even if the socket takes no more now."""
    server, said = HalfNote(), b"S" * (16 << 20 if much else 1)
    with lean.peer(server) as plain:
        opening = Opening(HalfNote(), connecting(), lean.reactor, memory=False, accepts=False)
        opening._begun = True  # noqa: SLF001  the test does it
        server.transport.write(said)
        begin(server.transport, opening, opening.make, clock=lean.reactor)
        assert type(opening.transport) is (MemoryTLS if much else TLSStream)
        plain.setblocking(False)
        heard = bytearray()

        def all_of_it() -> bool:
            with suppress(BlockingIOError):
                heard.extend(plain.recv(1 << 20))
            return len(heard) > len(said)

        lean.until(all_of_it)
        assert heard[: len(said)] == said
        assert heard[len(said)] == 0x16


def test_a_peer_that_is_gone_at_once(lean: Lean) -> None:
    """A handshake that fails before anything was heard is told to whoever began it, once."""
    server, client, told = HalfNote(), HalfNote(), list[Any]()
    opening = Opening(server, accepting(), lean.reactor, memory=False, accepts=True)
    port = lean.listen(lambda: opening)
    asks = Opening(client, connecting(), lean.reactor, memory=False, accepts=False)
    plain = asks.make
    asks.make = lambda sock: _broken(plain(sock))  # type: ignore[method-assign]  # stands in for it
    lean.reactor.connect_directly((HOST, port), asks, told.append)
    lean.until(lambda: server.events and client.events)
    assert (client.events, server.events, told) == (["ZeroDivisionError"], ["SysCallError"], [])


def _broken(_tls: Any) -> Any:
    class Broken:
        def do_handshake(self) -> None:
            raise ZeroDivisionError

        def set_shutdown(self, _state: int) -> None:
            """As it wants."""

    return Broken()
