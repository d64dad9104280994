"""The lean reactor: what is due is done in time, errors stay where they arise, and sockets of every kind are ours."""

# ruff: noqa: SLF001  looks inside what it tests

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from twisted.application.reactors import getReactorTypes
from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import UnsupportedAddressFamily
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import LogEvent
from twisted.python.failure import Failure

from balancer.net.datagram_port import DatagramPort
from balancer.net.ports import TCPPort, UNIXPort
from balancer.net.transports import TCPServer, UNIXServer
from tests.net.lean import HOST, HalfNote, Lean, Note


class Descriptor(FileDescriptor):
    """A socket as a bare descriptor; `read` is called when it is readable."""

    def __init__(self, lean: Lean, sock: socket.socket, read: Callable[[], Any]) -> None:
        super().__init__(lean.reactor)
        self.number = sock.fileno()
        vars(self)["doRead"] = read
        self.lost: list[str] = []

    def fileno(self) -> int:
        return self.number

    def connectionLost(self, reason: Failure) -> None:
        self.lost.append(type(reason.value).__name__)


def test_what_a_settlement_causes_is_not_slept_over(lean: Lean) -> None:
    """A timer that is set when a timer's writes are sent, as by a close, is due before the reactor sleeps."""
    server = Note()
    rung: list[str] = []
    vars(server)["connectionLost"] = lambda _: lean.reactor.callLater(0, rung.append, "rung")
    with lean.peer(server):
        lean.turn(2)
        lean.reactor.callLater(0, server.transport.loseConnection)
        begin = lean.reactor.seconds()
        lean.reactor.iterate(10)
        lean.reactor.iterate(0)
    assert rung == ["rung"]
    assert lean.reactor.seconds() - begin < 5


def test_a_broken_end_does_not_hold_up_the_others(lean: Lean, logged_failures: list[LogEvent]) -> None:
    """When `connectionLost` raises, that is logged, and the others that were written to in the turn still send."""
    broken, right = Note(), Note()
    lean.pair(broken)
    client = lean.pair(right)

    def raises(_reason: Failure) -> None:
        raise ValueError("at the end")

    vars(broken)["connectionLost"] = raises
    broken.transport.loseConnection()
    right.transport.write(b"x")
    lean.until(lambda: client.heard)
    assert [event["log_failure"].type for event in logged_failures] == [ValueError]
    logged_failures.clear()


def test_an_error_in_a_settlement_ends_that_connection(lean: Lean, logged_failures: list[LogEvent]) -> None:
    """When a producer raises while it is asked for more, its connection ends for that reason."""
    server = Note()
    lean.pair(server)

    class Raising:
        def pauseProducing(self) -> None:
            """Twisted asks too much."""

        def resumeProducing(self) -> None:
            raise ValueError("nothing to produce")

        def stopProducing(self) -> None:
            """The connection has ended."""

    server.transport.registerProducer(Raising(), streaming=True)
    server.transport.write(bytes(1 << 17))
    lean.until(lambda: server.lost)
    assert server.events == ["made", "ValueError"]
    assert len(logged_failures) == 1
    logged_failures.clear()


def test_a_stale_end_is_not_believed(lean: Lean) -> None:
    """An end that epoll told of a descriptor that has been closed and given out anew in the turn ends nothing."""
    server = HalfNote()
    with lean.peer(server) as plain:
        lean.reactor._unusual(server.transport, server.transport.fileno(), select.EPOLLHUP)
        plain.sendall(b"x")
        lean.until(lambda: server.heard)
        assert not server.lost


def test_an_end_of_a_connection_that_writes_is_believed(lean: Lean) -> None:
    """A connection that reads nothing and waits to write hears of the peer's reset."""
    server = HalfNote()
    with lean.peer(server):
        server.transport.pauseProducing()
        server.transport.write(bytes(8 << 20))
        lean.turn()
    lean.until(lambda: server.lost)
    assert server.events == ["made", "ConnectionLost"]


def test_a_descriptor_that_is_gone_is_dropped(lean: Lean) -> None:
    """A selectable whose `fileno` is -1 is told that its descriptor went away, and nothing is read."""
    near, far = socket.socketpair()
    with near, far:
        descriptor = Descriptor(lean, near, lambda: pytest.fail("read"))
        lean.reactor.addReader(descriptor)
        descriptor.number = -1
        far.send(b"x")
        lean.turn()
        assert (descriptor.lost, descriptor in lean.reactor.getReaders()) == (["ConnectionFdescWentAway"], False)


def test_what_was_removed_in_the_turn_hears_nothing(lean: Lean) -> None:
    """Of two that are readable at once, the first may remove the second, which then is not read."""
    pairs = [socket.socketpair() for _ in range(2)]
    read: list[Descriptor] = []

    def first_come(me: int) -> None:
        read.append(descriptors[me])
        lean.reactor.removeReader(descriptors[1 - me])

    descriptors = [Descriptor(lean, near, partial(first_come, me)) for me, (near, _) in enumerate(pairs)]
    for descriptor, (_, far) in zip(descriptors, pairs, strict=True):
        lean.reactor.addReader(descriptor)
        far.send(b"x")
    lean.turn()
    assert (len(read), lean.reactor.removeAll()) == (1, read)
    for sock in sum(pairs, ()):
        sock.close()


def test_one_may_be_ended_for_a_reason(lean: Lean) -> None:
    """`disconnect` ends both directions, or only reading when that is what found the end."""
    for reading, events in ((True, ["made", "eof"]), (False, ["made", "ConnectionDone"])):
        server = HalfNote()
        lean.pair(server)
        lean.reactor.disconnect(server.transport, CONNECTION_DONE, reading=reading)
        assert server.events == events


def test_a_new_connection_is_closed_with_the_others(lean: Lean) -> None:
    """`removeAll`, as at the end of the reactor, finds a connection that epoll has not been told of yet."""
    server = Note()
    with socket.create_connection((HOST, lean.listen(lambda: server))):
        found: list[Any] = []
        vars(server)["connectionMade"] = lambda: found.extend(lean.reactor.removeAll())
        lean.until(lambda: found)
        assert server.transport in found
        lean.reactor.addReader(lean.reactor.waker)
        lean.ports.pop().connectionLost(Failure(CONNECTION_DONE))


def test_streams_are_adopted_as_ours(lean: Lean) -> None:
    """Connected sockets that are handed over, internet or unix, get lean transports, which carry bytes."""
    with socket.create_server((HOST, 0)) as listener:
        far = socket.create_connection(listener.getsockname())
        pairs = [(listener.accept()[0], far), socket.socketpair()]
    for (near, far), kind in zip(pairs, (TCPServer, UNIXServer), strict=True):
        with near, far:
            note = HalfNote()
            near.setblocking(False)
            transport = lean.reactor.adoptStreamConnection(near.fileno(), near.family, lean.factory([note].pop))
            far.sendall(b"x")
            lean.hear(note, 1)
            assert type(transport) is kind
            assert "HalfNote" in repr(transport)


def test_ports_are_adopted_as_ours(lean: Lean, tmp_path: Any) -> None:
    """Bound sockets that are handed over get lean ports."""
    with socket.create_server((HOST, 0)) as internet, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "s"))
        unix.listen()
        for sock, kind in ((internet, TCPPort), (unix, UNIXPort)):
            note = Note()
            sock.setblocking(False)
            port = lean.reactor.adoptStreamPort(sock.fileno(), sock.family, lean.factory([note].pop))
            lean.ports.append(port)
            with socket.socket(sock.family) as plain:
                plain.connect(sock.getsockname())
                plain.sendall(b"x")
                lean.hear(note, 1)
            assert type(port) is kind


def test_datagram_ports_are_adopted_as_ours(lean: Lean) -> None:
    """A bound UDP socket that is handed over gets a lean port; what is no internet socket is refused everywhere."""
    protocol = DatagramProtocol()
    protocol.noisy = False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        sock.setblocking(False)
        port = lean.reactor.adoptDatagramPort(sock.fileno(), sock.family, protocol)
        lean.ports.append(port)
        assert (type(port), port.getHost().port) == (DatagramPort, sock.getsockname()[1])
    for adopt in (lean.reactor.adoptStreamPort, lean.reactor.adoptStreamConnection, lean.reactor.adoptDatagramPort):
        with pytest.raises(UnsupportedAddressFamily):
            adopt(0, socket.AF_PACKET, None)


def test_its_clock_never_goes_back(lean: Lean) -> None:
    """Its seconds are those of the monotonic clock."""
    before, _ = lean.reactor.seconds(), os.times()
    assert 0 <= lean.reactor.seconds() - before < 60


PROGRAM = """
import balancer.net.reactor
balancer.net.reactor.install()
from twisted.internet import reactor
import threading
def look():
    print(type(reactor).__name__, [thread.name for thread in threading.enumerate() if thread.daemon])
    reactor.stop()
reactor.callLater(0, look)
reactor.run()
"""


def test_it_is_installed_and_watched() -> None:
    """`install` makes it the reactor of the process, and while it runs a watchdog does too."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "BalancerReactor ['watchdog']\n"


def test_twist_knows_it() -> None:
    """`twist --reactor=balancer` finds it."""
    kinds: list[Any] = [kind for kind in getReactorTypes() if kind.shortName == "balancer"]
    assert [kind.moduleName for kind in kinds] == ["balancer.net.reactor"]
