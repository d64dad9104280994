"""The lean UDP port: fair under a flood, quiet when asked to be, open after refusals, and strict with addresses."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

import pytest
from twisted.internet.error import CannotListenError, InvalidAddressError, MessageLengthError
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import LogEvent
from twisted.python.failure import Failure

from balancer.net.datagram_port import MOST, PROBE
from tests.net.lean import HOST, Lean

TOO_LONG = bytes(65508)


class Ear(DatagramProtocol):
    """Notes what it hears, and how often it was refused."""

    noisy = False
    transport: Any

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, Any]] = []
        self.refusals = 0

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.heard.append((datagram, addr))

    def connectionRefused(self) -> None:
        self.refusals += 1


class Failing:
    """A socket whose call of that name first fails with those errors, 0 being none; `calls` counts."""

    def __init__(self, sock: Any, name: str, *errors: int) -> None:
        self.calls = 0
        self._socket, self._name, self._errors = sock, name, list(errors)

    def __getattr__(self, name: str) -> Any:
        return self._call if name == self._name else getattr(self._socket, name)

    def _call(self, *args: Any) -> Any:
        self.calls += 1
        number = self._errors.pop(0) if self._errors else 0
        if number:
            raise OSError(number, os.strerror(number))
        return getattr(self._socket, self._name)(*args)


def hear(lean: Lean, ear: Ear, count: int) -> None:
    """Let the reactor run until so many datagrams have been heard."""
    lean.until(lambda: len(ear.heard) >= count)


def opened(lean: Lean, ear: DatagramProtocol | None = None, interface: str = HOST) -> Any:
    """A lean port."""
    port = lean.reactor.listenUDP(0, ear or Ear(), interface)
    lean.ports.append(port)
    return port


def place(port: Any) -> tuple[str, int]:
    """Where a port can be reached."""
    host = port.getHost()
    return host.host, host.port


def unused() -> tuple[str, int]:
    """Where nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        host, port = probe.getsockname()
    return host, port


def test_a_flood_does_not_hold_up_the_loop(lean: Lean) -> None:
    """Of a thousand empty datagrams all are heard, and never more in a turn than the bound."""
    ear, sender = Ear(), opened(lean)
    port = opened(lean, ear)
    steps = []
    for total in range(200, 1200, 200):
        for _ in range(200):
            sender.write(b"", place(port))
        while len(ear.heard) < total:
            before = len(ear.heard)
            lean.turn()
            steps.append(len(ear.heard) - before)
    assert (sum(steps), max(steps)) == (1000, MOST)
    assert len(steps) < 50


def test_what_is_there_is_read_before_any_is_passed_on(lean: Lean) -> None:
    """A protocol hears the first of several datagrams only when all of the turn are read, and hears them in order."""

    class Counting(Ear):
        def datagramReceived(self, datagram: bytes, addr: Any) -> None:
            super().datagramReceived(datagram, sock.calls)

    ear, sender = Counting(), opened(lean)
    port = opened(lean, ear)
    port.socket = sock = Failing(port.socket, "recvfrom")
    port.burst = 4
    for number in range(4):
        sender.write(b"%d" % number, place(port))
    lean.turn()
    assert ear.heard == [(b"%d" % number, 4) for number in range(4)]


def test_what_was_read_before_an_error_is_heard(lean: Lean, logged_failures: list[LogEvent]) -> None:
    """A datagram that was read is passed on, whatever the next try to read says."""
    ear, sender = Ear(), opened(lean)
    port = opened(lean, ear)
    port.burst = 2
    sender.write(b"x", place(port))
    port.socket = Failing(port.socket, "recvfrom", 0, errno.EIO)
    lean.until(lambda: not port.connected)
    assert [data for data, _ in ear.heard] == [b"x"]
    logged_failures.clear()


def test_single_datagrams_are_rarely_followed_by_a_vain_try(lean: Lean) -> None:
    """Datagrams that come one by one take one call each, but for one try in `PROBE` whether there are more by now."""
    ear, sender = Ear(), opened(lean)
    port = opened(lean, ear)
    port.socket = sock = Failing(port.socket, "recvfrom")
    for number in range(4 * PROBE):
        sender.write(b"x", place(port))
        hear(lean, ear, number + 1)
    assert sock.calls <= 4 * PROBE + 4


def test_a_refusal_leaves_the_port_open(lean: Lean) -> None:
    """ICMP's answer to a connected port is told to its protocol, each time, and without being asked for by a write."""
    ear = Ear()
    port = opened(lean, ear)
    port.connect(*unused())
    port.write(b"x")
    lean.until(lambda: ear.refusals == 1)
    port.write(b"x")
    lean.until(lambda: ear.refusals == 2)
    assert port in lean.reactor.getReaders()


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ECONNREFUSED, errno.EACCES])
def test_unreachable_is_a_refusal_too(lean: Lean, number: int) -> None:
    """Whatever ICMP says is, of a connected port, a refusal, on reading as on writing, and never a traceback."""
    ear, other = Ear(), opened(lean)
    port = opened(lean, ear)
    real = port.socket
    port.socket = Failing(real, "recvfrom", number)
    port.doRead()
    assert ear.refusals == 0
    port.connect(*place(other))
    port.socket = Failing(real, "recvfrom", number)
    port.doRead()
    assert ear.refusals == 1
    port.socket = Failing(real, "send", number)
    port.write(b"x")
    assert ear.refusals == 2


def test_a_broken_socket_closes_the_port(lean: Lean, logged_failures: list[LogEvent]) -> None:
    """Another error on reading is logged and closes the port, and the protocol is stopped."""
    ear = Ear()
    stopped: list[bool] = []
    vars(ear)["stopProtocol"] = lambda: stopped.append(True)
    port, sender = opened(lean, ear), opened(lean)
    sender.write(b"x", place(port))
    port.socket = Failing(port.socket, "recvfrom", errno.EIO)
    lean.until(lambda: stopped)
    assert (port.connected, [event["log_failure"].type for event in logged_failures]) == (0, [OSError])
    logged_failures.clear()


def test_an_error_in_the_protocol_leaves_the_port_open(lean: Lean, logged_failures: list[LogEvent]) -> None:
    """What a protocol raises on a datagram is logged, and the next datagram heard."""

    class Wrong(Ear):
        def datagramReceived(self, datagram: bytes, addr: Any) -> None:
            super().datagramReceived(datagram, addr)
            if len(self.heard) == 1:
                raise ValueError(datagram)

    ear, sender = Wrong(), opened(lean)
    port = opened(lean, ear)
    for _ in range(2):
        sender.write(b"x", place(port))
    lean.until(lambda: len(ear.heard) == 2)
    assert [event["log_failure"].type for event in logged_failures] == [ValueError]
    logged_failures.clear()


def test_nothing_is_heard_after_the_end(lean: Lean) -> None:
    """A port that is closed while it reads reads no more."""

    class Closing(Ear):
        def datagramReceived(self, datagram: bytes, addr: Any) -> None:
            super().datagramReceived(datagram, addr)
            self.transport.stopReading()
            self.transport.connectionLost(Failure(ConnectionResetError()))

    ear, sender = Closing(), opened(lean)
    port = opened(lean, ear)
    port.burst = MOST
    for _ in range(3):
        sender.write(b"x", place(port))
    lean.turn(3)
    assert len(ear.heard) == 1


def test_only_addresses_are_written_to(lean: Lean) -> None:
    """What is no address, or none of the port's family, is refused by name, and nothing is resolved."""
    port, port6 = opened(lean), opened(lean, interface="::1")
    for sender, host in ((port, "localhost"), (port, "::1"), (port6, "127.0.0.1")):
        with pytest.raises(InvalidAddressError):
            sender.write(b"x", (host, 9))
    with pytest.raises(PermissionError):
        port.write(b"x", ("<broadcast>", 9))


def test_what_the_kernel_refuses_is_raised(lean: Lean) -> None:
    """Too long a datagram and an impossible port are errors of the caller; an old refusal, unconnected, is none."""
    port = opened(lean)
    with pytest.raises(MessageLengthError):
        port.write(TOO_LONG, unused())
    with pytest.raises(OSError, match="Invalid argument"):
        port.write(b"", (HOST, 0))
    port.socket = Failing(port.socket, "sendto", errno.ECONNREFUSED)
    assert port.write(b"", unused()) is None
    port.connect(*unused())
    with pytest.raises(MessageLengthError):
        port.write(TOO_LONG)
    port.socket = Failing(port.socket, "send", errno.ENOBUFS)
    with pytest.raises(OSError, match="No buffer space"):
        port.write(b"")


def test_senders_are_host_and_port(lean: Lean) -> None:
    """Over IPv6 as over IPv4 the sender is told as a pair."""
    for interface in (HOST, "::1"):
        ear = Ear()
        port, sender = opened(lean, ear, interface), opened(lean, interface=interface)
        sender.write(b"x", place(port))
        hear(lean, ear, 1)
        assert ear.heard == [(b"x", place(sender))]


def test_the_log_is_told_by_the_noisy_only(lean: Lean, told: list[LogEvent]) -> None:
    """A port says that it starts and that it is closed, unless its protocol is not noisy."""
    for noisy in (False, True):
        ear = Ear()
        ear.noisy = noisy
        port = opened(lean, ear)
        number = port.getHost().port
        port.stopListening()
        lean.turn(2)
    said = [event["log_text"] for event in told if "protocol" not in event["log_text"]]  # the protocol's own
    assert said == [f"Ear starting on {number}", f"(UDP Port {number} Closed)"]


def test_a_busy_port_is_an_error(lean: Lean) -> None:
    """A port that is taken, or of an address that is not ours, cannot be listened on, and nothing stays open."""
    taken = opened(lean)
    for number, interface in ((taken.getHost().port, HOST), (0, "192.0.2.1")):
        with pytest.raises(CannotListenError):
            lean.reactor.listenUDP(number, Ear(), interface)
    assert len(lean.reactor.getReaders()) == 2
