"""Twisted's UDP port, made fair, quiet and short.

It reads a bounded number of datagrams a turn, so that a flood (of empty ones even, which Twisted counts as nothing)
does not starve the loop; reports ICMP errors of a connected port as `connectionRefused`, and does not close for them;
says nothing to the log for a protocol that is not `noisy`; and checks an address with one call. Everything else is
Twisted's, and every promise of `IUDPTransport` is kept.
"""

# ruff: noqa: N802  Twisted's names, and what its classes keep to themselves
# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Callable
from errno import EACCES, ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, ENONET, ENOPROTOOPT, EPROTO
from socket import AF_INET6, inet_pton
from typing import Any, Final

from twisted.internet import base, udp
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.logger import Logger
from twisted.python import log

LOG: Final = Logger()

MOST: Final = 64
"""Datagrams to read in one turn."""

PROBE: Final = 8
"""Datagrams that came one by one, after which more are tried for."""

REFUSALS: Final = frozenset({EACCES, ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ENONET, ENOPROTOOPT, EPROTO})
"""What a connected port hears of ICMP (icmp(7)): nobody is there, for one reason or another.

`EACCES` is how ICMPv6 says that a firewall or a route forbids it (RFC 4443 3.1).
"""


class DatagramPort(udp.Port):
    """A UDP socket."""

    d: Any
    fileno: Any
    protocol: Any
    socket: Any

    take: Callable[[int], Any] | None = None
    """What reads a datagram and its sender, when that is not the socket's `recvfrom`."""

    burst = 1
    """Datagrams to try for at once: more while there are more, so that one alone is not followed by a vain try."""
    single = 0
    """How many came alone, as far as was tried."""

    reads_errors = True
    """What ICMP tells of it comes with reading."""

    def doRead(self) -> None:
        """Read what is there, up to a bound, and then pass it on.

        In that order, because whoever is woken by what the first datagram leads to finds the others' there, too, and
        need not be woken again.
        """
        take, size, taken = self.take or self.socket.recvfrom, self.maxPacketSize, list[Any]()
        try:
            for _ in range(self.burst):
                taken.append(take(size))
        except BlockingIOError:
            self.burst = len(taken) or 1
        except OSError as error:
            self._pass_on(taken)
            self._unreadable(error)
            return
        else:
            self.single += len(taken) == 1
            if len(taken) > 1 or self.single % PROBE == 0:
                self.burst = min(2 * len(taken), MOST)
        self._pass_on(taken)

    def _pass_on(self, taken: list[Any]) -> None:
        """Tell the protocol, until it closes the port."""
        receive = self._receive_v6 if self.addressFamily == AF_INET6 else self.protocol.datagramReceived
        for data, address in taken:
            try:
                receive(data, address)
            except BaseException:  # noqa: BLE001  a datagram is a connection of its own
                LOG.failure("unhandled error in {culprit!r}", culprit=self.protocol)
            if not self.connected:
                return

    def _receive_v6(self, data: bytes, address: Any) -> None:
        """The zone of an address that is of a link alone belongs to it (RFC 4007 11): nobody is reached without."""
        host, port, _, zone, *called = address
        self.protocol.datagramReceived(data, (f"{host}%{zone}" if zone else host, port, *called))

    def _unreadable(self, error: OSError) -> None:
        if error.errno not in REFUSALS:
            raise error
        if self._connectedAddr:
            self.protocol.connectionRefused()

    def write(self, datagram: bytes, addr: Any = None) -> Any:
        """Send one datagram.

        Raises `MessageLengthError`, `OSError` when the kernel does not take it, and `InvalidAddressError` for what is
        no address of this port's family. What ICMP says of a connected port is told to its protocol instead.
        """
        if self._connectedAddr is not None:
            return self._write_connected(datagram, addr)
        try:
            inet_pton(self.addressFamily, addr[0])
        except (OSError, TypeError):
            return super().write(datagram, addr)  # which knows the exceptions, and the right complaint
        try:
            return self.socket.sendto(datagram, addr)
        except OSError as error:
            if error.errno == EMSGSIZE:
                raise MessageLengthError("message too long") from error
            if error.errno != ECONNREFUSED:  # that is of some earlier datagram, to whomever
                raise
        return None

    def _write_connected(self, datagram: bytes, addr: Any) -> Any:
        assert addr in (None, self._connectedAddr)
        try:
            return self.socket.send(datagram)
        except OSError as error:
            if error.errno == EMSGSIZE:
                raise MessageLengthError("message too long") from error
            if error.errno not in REFUSALS:
                raise
        return self.protocol.connectionRefused()

    def _bindSocket(self) -> None:
        """Bind, unless the socket was handed over bound. Raises `CannotListenError`."""
        sock, self._preexistingSocket = self._preexistingSocket, None
        self.socket = self._bound() if sock is None else sock
        self.fileno = self.socket.fileno
        self._realPortNumber = self.socket.getsockname()[1]
        self.connected = 1
        self._say(f"{self._getLogPrefix(self.protocol)} starting on {self._realPortNumber}")

    def _bound(self) -> Any:
        sock = None
        try:
            sock = self.createInternetSocket()
            sock.bind((self.interface, self.port))
        except OSError as error:
            if sock is not None:
                sock.close()
            raise CannotListenError(self.interface, self.port, error) from error
        return sock

    def connectionLost(self, reason: Any = None) -> None:
        """The port is closed, by whomever."""
        self._say(f"(UDP Port {self._realPortNumber} Closed)")
        self._realPortNumber = None
        base.BasePort.connectionLost(self, reason)
        self.protocol.doStop()
        self.socket.close()
        del self.socket, self.fileno
        if hasattr(self, "d"):  # as Twisted's `stopListening` leaves it
            self.d.callback(None)
            del self.d

    def _say(self, message: str) -> None:
        if getattr(self.protocol, "noisy", True):
            log.msg(message)
