"""The lean transports: one system call a turn, and Twisted's promises in the order in which Twisted makes them."""

# ruff: noqa: SLF001  looks inside what it tests

from __future__ import annotations

import socket
from typing import Any

import pytest

from balancer.net.transports import Stream, TCPClient, TCPServer, UNIXClient, UNIXServer
from tests.net.lean import HOST, CountedPoll, HalfNote, Lean, Note, Push

MEBIBYTE = 1 << 20
MARK: int = Stream.bufferSize
"""Bytes above which a producer is paused."""


class Counted:
    """A socket that counts what each call sends, none if refused, and takes at most `most` bytes a call."""

    def __init__(self, sock: socket.socket, most: int = 1 << 30) -> None:
        self.sends: list[int] = []
        self._socket, self._most = sock, most

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def send(self, data: bytes, flags: int = 0) -> int:
        """As a socket does."""
        self.sends.append(0)
        self.sends[-1] = self._socket.send(memoryview(data)[: self._most], flags)
        return self.sends[-1]


def test_writes_of_a_turn_leave_in_one_call(lean: Lean) -> None:
    """However many writes a turn makes, the kernel is called once, at its end, and epoll not at all."""
    server = Note()
    client = lean.pair(server)
    server.transport.socket = sock = Counted(server.transport.socket)
    lean.reactor._poller = poller = CountedPoll(lean.reactor._poller)
    for number in range(100):
        server.transport.write(b"%02d" % number)
    server.transport.writeSequence([b"and", b"more"])
    assert sock.sends == []
    lean.until(lambda: len(client.heard) == 207)
    assert (sock.sends, poller.changes) == ([207], 0)


def test_an_answer_leaves_in_the_turn_of_its_question(lean: Lean) -> None:
    """What is written while data is received is sent before the reactor polls again."""

    class Echo(Note):
        def dataReceived(self, data: bytes) -> None:
            self.transport.write(data)

    with lean.peer(Echo()) as plain:
        plain.sendall(b"x")
        turns = lean.reactor.turns
        lean.turn()
        assert (plain.recv(9), lean.reactor.turns - turns) == (b"x", 1)


def test_a_body_as_many_send_it_comes_with_its_head(lean: Lean) -> None:
    """Of 64 KiB with a head before them, when all is there, nothing is left for a second read."""
    server, data = Note(), bytes(4096 + 65536)
    with lean.peer(server) as plain:
        sock = server.transport.socket
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MEBIBYTE)
        plain.sendall(data)
        while len(sock.recv(len(data), socket.MSG_PEEK)) < len(data):
            pass
        lean.turn()
        assert (server.heard, server.events) == (data, ["made", "data"])


def test_a_large_write_is_not_copied(lean: Lean) -> None:
    """Of 16 MiB that the kernel takes piecemeal the transport keeps the very object, and all of it arrives in order."""
    server = Note()
    client = lean.pair(server)
    server.transport.socket = sock = Counted(server.transport.socket, 1 << 16)
    data = bytes(range(256)) * (16 * MEBIBYTE // 256)
    server.transport.write(data)
    lean.reactor.iterate(0)
    assert server.transport.dataBuffer is data
    assert server.transport.buffered == len(data) - sum(sock.sends)
    lean.until(lambda: len(client.heard) == len(data))
    assert (client.heard == data, server.transport.buffered, lean.reactor.getWriters()) == (True, 0, [])


def test_a_kernel_that_refuses_is_not_asked_again(lean: Lean) -> None:
    """While epoll is to tell when there is room, further writes make no system call."""
    server = Note()
    with lean.peer(server):
        server.transport.socket = sock = Counted(server.transport.socket)
        server.transport.write(bytes(8 * MEBIBYTE))
        lean.turn(3)
        before = list(sock.sends)
        server.transport.write(b"more")
        lean.turn(3)
        assert sock.sends == before


def test_a_pull_producer_is_asked_once_for_each_write(lean: Lean) -> None:
    """A producer that writes when asked is asked again when all is sent, and not otherwise."""
    server = Note()
    client = lean.pair(server)

    class Pull:
        asked = 0

        def resumeProducing(self) -> None:
            self.asked += 1
            server.transport.write(bytes(100_000))
            if self.asked == 20:
                server.transport.unregisterProducer()
                server.transport.loseConnection()

        def stopProducing(self) -> None:
            raise AssertionError("it had finished")

    server.transport.registerProducer(pull := Pull(), streaming=False)
    lean.until(lambda: client.events[-1] == "eof")
    assert (pull.asked, len(client.heard)) == (20, 2_000_000)


def test_a_push_producer_is_paused_and_resumed_in_turn(lean: Lean) -> None:
    """Over the mark it is paused, when all is sent resumed, and below the mark left alone."""
    server = Note()
    client = lean.pair(server)
    server.transport.registerProducer(push := Push(), streaming=True)
    server.transport.write(bytes(MARK))
    lean.turn()
    assert push.told == []
    server.transport.write(bytes(MARK + 1))
    assert push.told == ["pause"]
    lean.until(lambda: len(client.heard) == 2 * MARK + 1)
    assert push.told == ["pause", "resume"]
    server.transport.abortConnection()
    lean.turn()
    assert push.told == ["pause", "resume", "stop"]


def test_only_bytes_are_written(lean: Lean) -> None:
    """What is not bytes is refused at once, as it is by Twisted."""
    server = Note()
    lean.pair(server)
    for other in ("text", bytearray(b"x")):
        with pytest.raises(TypeError):
            server.transport.write(other)


def test_texts_for_the_log(lean: Lean) -> None:
    """A connection tells the log of its protocol, number and peer, also when it is closed."""
    server = Note()
    client = lean.pair(server)
    port = lean.ports[0].getHost().port
    transport = server.transport
    assert (transport.logPrefix(), repr(transport)) == (f"Note,0,{HOST}", f"<Note #0 on {port}>")
    assert (type(transport), type(client.transport)) == (TCPServer, TCPClient)
    client.transport.abortConnection()
    lean.until(lambda: server.lost)
    assert repr(transport) == f"<closed #0 on {port}>"


def test_unix_sockets_are_as_prompt(lean: Lean, tmp_path: Any) -> None:
    """Over a unix socket bytes pass both ways, a pause holds, and both ends are ours."""
    server, client = Note(), HalfNote()
    lean.ports.append(lean.reactor.listenUNIX(str(tmp_path / "s"), lean.factory(lambda: server)))
    lean.reactor.connectUNIX(str(tmp_path / "s"), lean.factory(lambda: client))
    lean.until(lambda: server.events and client.events)
    client.transport.write(bytes(MEBIBYTE))
    lean.until(lambda: len(server.heard) == MEBIBYTE)
    server.transport.write(b"answer")
    server.transport.pauseProducing()
    client.transport.write(b"more")
    lean.until(lambda: client.heard == b"answer")
    server.transport.doRead()
    assert len(server.heard) == MEBIBYTE
    assert isinstance(server.transport, UNIXServer)
    assert isinstance(client.transport, UNIXClient)


def test_small_writes_go_out_at_once_on_every_way(lean: Lean) -> None:
    """Nagle's algorithm is off for who was accepted, for who was called, and for who was handed over."""
    accepted, called, adopted = Note(), Note(), Note()
    port = lean.listen(lambda: accepted)
    lean.reactor.connect_directly((HOST, port), called, None)
    lean.until(lambda: accepted.events and called.events)
    with socket.create_server((HOST, 0)) as door, socket.create_connection(door.getsockname()) as near:
        near.setblocking(False)
        lean.reactor.adoptStreamConnection(near.fileno(), near.family, lean.factory(lambda: adopted))
        lean.keep(called, adopted)
        assert all(one.transport.getTcpNoDelay() for one in (accepted, called, adopted))


def test_small_writes_go_out_at_once_on_what_waited_for_a_port(lean: Lean) -> None:
    """Nagle's algorithm is off, too, for who connected to a listening socket before that was handed over."""
    waited = Note()
    with socket.create_server((HOST, 0)) as door, socket.create_connection(door.getsockname()):
        door.setblocking(False)
        lean.ports.append(lean.reactor.adoptStreamPort(door.fileno(), door.family, lean.factory(lambda: waited)))
        lean.until(lambda: waited.events)
        lean.keep(waited)
        assert waited.transport.getTcpNoDelay()


def test_who_is_handed_over_may_be_unwelcome(lean: Lean) -> None:
    """A connection for which there is no protocol is closed, and that is all."""
    with socket.create_server((HOST, 0)) as door, socket.create_connection(door.getsockname()) as near:
        near.setblocking(False)
        assert lean.reactor.adoptStreamConnection(near.fileno(), near.family, lean.factory(lambda: None)) is None
