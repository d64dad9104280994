"""Looking at a connection before it is used, on real sockets."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import closing
from socket import AF_INET, SO_LINGER, SOCK_STREAM, SOL_SOCKET, create_connection, socket

import pytest
from OpenSSL import SSL

from balancer.net.quiet import quiet
from tests.net.wires import HOST


class Transport:
    """As much of one as is looked at."""

    tls: Mute
    transport: Transport

    def __init__(self, handle: object) -> None:
        self._handle = handle

    def getHandle(self) -> object:
        return self._handle


@pytest.fixture
def ends() -> Iterator[tuple[socket, socket]]:
    """The two ends of a TCP connection, ours first."""
    with closing(socket(AF_INET, SOCK_STREAM)) as port:
        port.bind((HOST, 0))
        port.listen()
        with closing(create_connection(port.getsockname())) as ours, closing(port.accept()[0]) as theirs:
            ours.setblocking(False)
            yield ours, theirs


def test_a_connection_at_rest(ends: tuple[socket, socket]) -> None:
    """Nothing has come, however often it is asked."""
    assert quiet(Transport(ends[0]))
    assert quiet(Transport(ends[0]))


def test_a_connection_that_was_closed(ends: tuple[socket, socket]) -> None:
    """An end that has arrived is seen."""
    ends[1].close()
    assert not quiet(Transport(ends[0]))


def test_a_connection_that_was_reset(ends: tuple[socket, socket]) -> None:
    """So is a reset."""
    ends[1].setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    ends[1].close()
    assert not quiet(Transport(ends[0]))


def test_bytes_that_nobody_asked_for(ends: tuple[socket, socket]) -> None:
    """So are bytes, and they stay where they are."""
    ends[1].send(b"poison")
    assert not quiet(Transport(ends[0]))
    assert ends[0].recv(9) == b"poison"


@pytest.mark.parametrize("transport", [object(), Transport(None)])
def test_what_is_no_socket(transport: object) -> None:
    """What cannot be looked at is taken to be at rest."""
    assert quiet(transport)


class Mute:
    """OpenSSL with something to say about its next bytes."""

    def __init__(self, said: object) -> None:
        self._said = said

    def recv(self, _size: int, _flags: int) -> object:
        if isinstance(self._said, Exception):
            raise self._said
        return self._said


@pytest.mark.parametrize(
    ("said", "rests"),
    [
        (SSL.WantReadError(), True),
        (b"x", False),
        (SSL.ZeroReturnError(), False),
        (SSL.SysCallError(104, "reset"), False),
    ],
)
def test_over_tls(ends: tuple[socket, socket], said: object, rests: bool) -> None:
    """OpenSSL is asked, for what is in the socket may concern it alone."""
    transport = Transport(ends[0])
    transport.tls = Mute(said)
    ends[1].send(b"a ticket")
    assert quiet(transport) is rests


def test_over_tls_on_memory(ends: tuple[socket, socket]) -> None:
    """Where OpenSSL has no socket, what is in that cannot be told apart, and counts, as does what it has taken."""
    above = Transport(None)
    above.tls, above.transport = Mute(SSL.WantReadError()), Transport(ends[0])
    assert quiet(above)
    above.tls = Mute(b"x")
    assert not quiet(above)
    above.tls = Mute(SSL.WantReadError())
    ends[1].send(b"a ticket")
    assert not quiet(above)
