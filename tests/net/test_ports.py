"""Accepting in bursts, races and shortages: whoever comes is served, or turned away, and nobody starves the loop."""

# ruff: noqa: SLF001  looks inside what it tests

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.tcp import _NullFileDescriptorReservation
from twisted.logger import LogEvent

from balancer.net.ports import MOST, REST, TCPPort
from tests.net.lean import HOST, Lean, Note


class Accepted:
    """A listening socket whose `_accept` first fails with those errors; `calls` counts."""

    def __init__(self, sock: socket.socket, *errors: int) -> None:
        self.calls = 0
        self._socket: Any = sock
        self._errors = list(errors)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def _accept(self) -> Any:
        """As a socket does."""
        self.calls += 1
        if self._errors:
            number = self._errors.pop(0)
            raise OSError(number, os.strerror(number))
        return self._socket._accept()


def test_a_burst_is_accepted_fairly(lean: Lean) -> None:
    """Of two hundred that come at once all are accepted, and never more in a turn than the bound."""
    notes: list[Note] = []

    def build() -> Note:
        notes.append(Note())
        return notes[-1]

    address = (HOST, lean.listen(build))
    lean.ports[0].socket.listen(250)
    with ExitStack() as clients:
        for _ in range(200):
            clients.enter_context(socket.create_connection(address))
        steps = []
        while len(notes) < 200:
            before = len(notes)
            lean.turn()
            steps.append(len(notes) - before)
        assert (sum(steps), max(steps), steps[0]) == (200, MOST, 1)


def test_one_alone_is_not_followed_by_a_vain_try(lean: Lean) -> None:
    """After a vain try the next connection takes one call; a wake-up for nothing is forgiven."""
    address = (HOST, lean.listen(Note))
    port = lean.ports[0]
    port.socket = sock = Accepted(port.socket)
    port.burst = MOST
    port.doRead()
    assert port.burst == 1
    with socket.create_connection(address):
        lean.until(lambda: port.sessionno == 1)
        assert sock.calls == 2


def test_an_aborted_connection_is_passed_over(lean: Lean) -> None:
    """A connection that its client took back before it was accepted does not keep the next from being served."""
    note = Note()
    address = (HOST, lean.listen(lambda: note))
    lean.ports[0].socket = Accepted(lean.ports[0].socket, errno.ECONNABORTED)
    with socket.create_connection(address):
        lean.until(lambda: note.events)
    assert lean.ports[0].resting is None


@pytest.mark.parametrize("number", [errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_a_shortage_makes_the_port_rest(lean: Lean, number: int) -> None:
    """When the system has nothing left, the port looks away for a moment, and then serves who waited."""
    note = Note()
    address = (HOST, lean.listen(lambda: note))
    port = lean.ports[0]
    port.socket = Accepted(port.socket, number)
    with socket.create_connection(address):
        lean.turn(2)
        assert port not in lean.reactor.getReaders()
        (call,) = lean.reactor.getDelayedCalls()
        assert 0 < call.getTime() - lean.reactor.seconds() <= REST
        call.reset(0)
        lean.until(lambda: note.events)
        assert lean.reactor.getDelayedCalls() == []


def test_without_descriptors_all_who_wait_are_turned_away(lean: Lean, told: list[LogEvent]) -> None:
    """In every shortage all who wait are turned away at once; the log tells of the 1st, 2nd, 4th and so on."""
    address = (HOST, lean.listen(Note))
    port = lean.ports[0]
    port.socket.listen(50)
    for _ in range(3):
        port.socket = Accepted(port.socket, errno.EMFILE)
        with ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection(address, 5)) for _ in range(20)]
            lean.until(lambda: port.resting)
            assert [client.recv(1) for client in clients] == [b""] * 20
        port.resting.reset(0)
        lean.until(lambda: not port.resting)
    lines = [str(event["line"]) for event in told if "line" in event]
    assert [line.rpartition(", ")[2] for line in lines] == [f"{2**n} so far" for n in range(6)]
    assert "connection turned away: Too many open files" in lines[0]


def test_with_nothing_in_reserve_they_wait(lean: Lean, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a descriptor in reserve nobody can be turned away, and the port rests."""
    monkeypatch.setattr("twisted.internet.tcp._reservedFD", _NullFileDescriptorReservation())
    note = Note()
    address = (HOST, lean.listen(lambda: note))
    port = lean.ports[0]
    port.socket = Accepted(port.socket, errno.EMFILE)
    with socket.create_connection(address):
        lean.until(lambda: port.resting)
        port.resting.reset(0)
        lean.until(lambda: note.events)


def test_a_port_may_be_stopped_at_rest(lean: Lean) -> None:
    """A port that is stopped while it rests does not wake up."""
    address = (HOST, lean.listen(Note))
    port = lean.ports[0]
    port.socket = Accepted(port.socket, errno.ENFILE)
    with socket.create_connection(address):
        lean.turn(2)
        rest = port.resting
        stopped: list[Any] = []
        port.stopListening().addCallback(stopped.append)
        lean.until(lambda: stopped)
    assert (rest.active(), port.connected) == (False, False)


@pytest.mark.parametrize("resets", [False, True])
def test_a_refused_client_is_closed(lean: Lean, resets: bool) -> None:
    """When the factory has no protocol the connection is closed, or reset if it says so; the next is served."""
    answers: list[Note | None] = [note := Note(), None]
    address = (HOST, lean.listen(answers.pop))
    lean.ports[0].factory.resets = resets
    with socket.create_connection(address) as first, socket.create_connection(address):
        lean.until(lambda: note.events)
        assert first.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == (errno.ECONNRESET if resets else 0)
        assert first.recv(1) == b""


def test_a_broken_factory_breaks_one_connection(lean: Lean, logged_failures: list[LogEvent]) -> None:
    """What a factory raises, an error of the system even, is logged and closes that connection; the port goes on."""
    note = Note()

    def build() -> Note:
        if not logged_failures:
            raise OSError(errno.EMFILE, "no file left for the factory")
        return note

    address = (HOST, lean.listen(build))
    with socket.create_connection(address) as first, socket.create_connection(address):
        lean.until(lambda: note.events)
        assert (first.recv(1), lean.ports[0].resting) == (b"", None)
    assert [event["log_failure"].type for event in logged_failures] == [OSError]
    logged_failures.clear()


def test_a_broken_protocol_breaks_one_connection(lean: Lean, logged_failures: list[LogEvent]) -> None:
    """What `connectionMade` raises is logged and ends that connection for that reason; the port goes on."""

    class Wrong(Note):
        def connectionMade(self) -> None:
            super().connectionMade()
            raise ValueError("not like this")

    notes: list[Note] = [right := Note(), wrong := Wrong()]
    address = (HOST, lean.listen(notes.pop))
    with socket.create_connection(address), socket.create_connection(address):
        lean.until(lambda: right.events)
    assert wrong.events == ["made", "ValueError"]
    assert [event["log_failure"].type for event in logged_failures] == [ValueError]
    logged_failures.clear()


def test_a_link_local_client_is_told_with_its_interface(lean: Lean) -> None:
    """The address of an IPv6 client names the interface where that is part of it (RFC 4007), and only then."""
    hosts: list[str] = []
    factory = lean.factory(lambda: None)
    factory.buildProtocol = lambda address: hosts.append(address.host)
    port = TCPPort(0, factory, 5, "::1", lean.reactor)
    loopback = socket.if_nametoindex("lo")
    for host, scope in (("::1", 0), ("fe80::1", loopback)):
        near, far = socket.socketpair()
        with near, far:
            port._take(near, (host, 7, 0, scope))
    assert hosts == ["::1", "fe80::1%lo"]


@pytest.mark.parametrize("blind", [False, True])
def test_a_factory_that_serves_anybody_is_told_of_nobody(lean: Lean, blind: bool) -> None:
    """An address is made for the factories that may ask for it, and for no others."""
    told: list[Any] = []
    factory = lean.factory(lambda: None)
    factory.buildProtocol = told.append
    if blind:
        factory.asks_nobody = True
    port = lean.reactor.listenTCP(0, factory, interface=HOST)
    lean.ports.append(port)
    with socket.create_connection((HOST, port.getHost().port)) as client:
        lean.until(lambda: told)
        assert told == ([None] if blind else [IPv4Address("TCP", *client.getsockname())])


PROGRAM = """
import os, resource, time
from balancer.net.reactor import install
install()
from twisted.internet import protocol, reactor
class Clock(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(b"%.3f" % time.process_time())
factory = protocol.Factory.forProtocol(Clock)
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
print(port.getHost().port, flush=True)
reactor.run()
"""


def test_without_descriptors_it_does_not_spin() -> None:
    """A process without descriptors turns clients away at almost no cost, and serves again when it has some."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE) as process, ExitStack() as clients:
        assert process.stdout is not None
        address = (HOST, int(process.stdout.readline()))
        served = [clients.enter_context(socket.create_connection(address, 5)) for _ in range(40)]
        before = processor_seconds(served[0])
        for _ in range(5):  # each waits for a rest
            with socket.create_connection(address, 5) as client:
                assert client.recv(1) == b""
        spent = processor_seconds(served[0]) - before
        for client in served[1:20]:
            client.close()
        with socket.create_connection(address, 5) as client:
            assert processor_seconds(client) > 0
        process.terminate()
    assert spent < REST


def processor_seconds(client: socket.socket) -> float:
    """Ask the process how much of the processor it has used."""
    client.sendall(b"?")
    return float(client.recv(99))
