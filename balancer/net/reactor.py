"""A lean epoll reactor: Twisted's, with a monotonic clock, short dispatch, and writing at the end of each turn.

An event that says only "readable" or only "writable", as nearly all do, is handled without the logging wrapper; an
error in it is logged and ends that connection alone, as ever. After each event the transports it wrote to send (see
`net.transports`), so that an answer leaves in the turn in which it was made and nothing waits for a second poll. While
it runs, a watchdog names what stands in its way. Knows nothing of balancing.
"""

# ruff: noqa: N802, N803, SLF001  Twisted's names, and what its classes keep to themselves
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from select import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP
from socket import AF_INET, AF_INET6, AF_UNIX
from typing import Any, Final, TypeVar

from twisted.internet import main
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionFdescWentAway, UnsupportedAddressFamily
from twisted.logger import Logger
from twisted.python import log

from balancer.net.connecting import Connecting
from balancer.net.datagram_port import DatagramPort
from balancer.net.ports import TCPPort, UNIXPort
from balancer.net.prompt import Prompt
from balancer.net.transports import TCPConnector, TCPServer, UNIXConnector, UNIXServer
from balancer.net.watchdog import Watchdog

AnyPort = TypeVar("AnyPort", TCPPort, UNIXPort, DatagramPort)

BATCH: Final = 512
"""Events to take from the kernel at once: enough to share the price of a poll, few enough to stay fair to timers."""

NO_DESCRIPTOR: Final = ConnectionFdescWentAway("File descriptor lost")

READING: Final = EPOLLIN | EPOLLRDHUP
"""What a transport waits for to read: bytes, and to know with the last of them that they are the last."""

LAST_READS: Final = frozenset({READING, READING | EPOLLHUP, EPOLLIN | EPOLLHUP})
"""Something to read, with the end behind it, of that direction or of both."""

LOG: Final = Logger()
UNHANDLED: Final = "unhandled error in {culprit!r}"


class Sockets(EPollReactor):
    """What makes sockets."""

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> TCPPort:
        """See `IReactorTCP`."""
        return _started(TCPPort(port, factory, backlog, interface, self))

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None
    ) -> TCPConnector:
        """See `IReactorTCP`."""
        connector = TCPConnector(host, port, factory, timeout, bindAddress, self)
        connector.connect()
        return connector

    def connect_directly(
        self, place: tuple[str, int], protocol: Any, failed: Callable[[OSError], None], source: str = ""
    ) -> Connecting | None:
        """Connect a protocol to an address by the short way; None when it is a name, which only Twisted resolves.

        `source` is our own address, empty for the system's choice. `failed` is called if that comes to nothing later.
        Raises `OSError` when it does at once.
        """
        return Connecting(self, place, protocol, failed, source) if _is_address(place[0]) else None

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> DatagramPort:
        """See `IReactorUDP`."""
        return _started(DatagramPort(port, protocol, interface, maxPacketSize, self))

    def listenUNIX(
        self, address: Any, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: int = 0
    ) -> UNIXPort:
        """See `IReactorUNIX`."""
        return _started(UNIXPort(address, factory, backlog, mode, self, wantPID))

    def connectUNIX(self, address: Any, factory: Any, timeout: float = 30, checkPID: int = 0) -> UNIXConnector:
        """See `IReactorUNIX`."""
        connector = UNIXConnector(address, factory, timeout, self, checkPID)
        connector.connect()
        return connector

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """See `IReactorSocket`."""
        if addressFamily == AF_UNIX:
            return _started(UNIXPort._fromListeningDescriptor(self, fileDescriptor, factory))
        _check_internet(addressFamily)
        return _started(TCPPort._fromListeningDescriptor(self, fileDescriptor, addressFamily, factory))

    def adoptStreamConnection(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """See `IReactorSocket`."""
        if addressFamily == AF_UNIX:
            return UNIXServer._fromConnectedSocket(fileDescriptor, factory, self)
        _check_internet(addressFamily)
        transport = TCPServer._fromConnectedSocket(fileDescriptor, addressFamily, factory, self)
        if transport is not None and transport.connected:
            transport.setTcpNoDelay(True)  # see `TCPServer`
        return transport

    def adoptDatagramPort(
        self, fileDescriptor: int, addressFamily: int, protocol: Any, maxPacketSize: int = 8192
    ) -> Any:
        """See `IReactorSocket`."""
        _check_internet(addressFamily)
        return _started(
            DatagramPort._fromListeningDescriptor(self, fileDescriptor, addressFamily, protocol, maxPacketSize)
        )


class BalancerReactor(Sockets):
    """The reactor `balancer`, as in `twist --reactor=balancer`."""

    seconds = staticmethod(time.monotonic)  # noqa: TID251  whence the clock comes that all others are given

    def __init__(self) -> None:
        self.turn: list[Any] = []
        """Transports with something to do before this turn ends."""
        self.ending = False
        """Whether what is read now is the last that a connection has to say."""
        self.turns = 0
        """How many times it has polled; what the watchdog looks at."""
        super().__init__()
        self.reads: set[int] = self._reads
        self.writes: set[int] = self._writes

    def mainLoop(self) -> None:
        """Poll until stopped."""
        watchdog = Watchdog(self)
        watchdog.start()
        try:
            super().mainLoop()
        finally:
            watchdog.stop()

    def doPoll(self, timeout: float | None) -> None:  # noqa: C901  a call for each event would cost as much as the rest
        """Wait for events, at most `timeout` seconds, and handle each."""
        if self.turn:
            self._end_turn()
            timeout = 0  # what that has led to, a timer or a stop, is due before any sleep
        selectables = self._selectables
        events = self._poller.poll(-1 if timeout is None else timeout, min(len(selectables), BATCH) or 1)
        self.turns += 1
        for fd, event in events:
            selectable = selectables.get(fd)
            if selectable is None:
                continue
            try:
                if selectable.fileno() == -1:
                    why: Any = NO_DESCRIPTOR
                elif event == EPOLLIN:
                    why = selectable.doRead()
                elif event == EPOLLOUT:
                    why = selectable.doWrite()
                elif event in LAST_READS:
                    why = self._read_to_end(selectable)
                else:
                    why = None
                    self._unusual(selectable, fd, event)
            except BaseException:  # noqa: BLE001  whatever a protocol raises ends its connection, and no other
                why = sys.exc_info()[1]
                LOG.failure(UNHANDLED, culprit=selectable)
            if why:
                self.disconnect(selectable, why, reading=bool(event & EPOLLIN))
        if self.turn:
            self._end_turn()

    doIteration = doPoll  # type: ignore[assignment]  # as Twisted has it, with the other name for the argument

    def addReader(self, reader: Any) -> None:
        """See `IReactorFDSet`."""
        if isinstance(reader, Prompt):
            reader.wants_read = True
        super().addReader(reader)

    def removeReader(self, reader: Any) -> None:
        """See `IReactorFDSet`."""
        if isinstance(reader, Prompt):
            reader.wants_read = False
        super().removeReader(reader)

    def watch(self, transport: Any, fd: int) -> None:
        """Look for something to read there, which was not done before: `addReader` for what is known to be a socket."""
        if fd in self.writes:
            self._poller.modify(fd, READING | EPOLLOUT)
        else:
            self._poller.register(fd, READING)
            self._selectables[fd] = transport
        self.reads.add(fd)

    def unwatch(self, _transport: Any, fd: int) -> None:
        """Look for nothing to read there any more."""
        if fd in self.writes:
            self.reads.remove(fd)
            self._poller.modify(fd, EPOLLOUT)
        else:
            self.forget(fd)

    def forget(self, fd: int) -> None:
        """Look for nothing there any more."""
        if self._selectables.pop(fd, None) is not None:
            self._poller.unregister(fd)
            self.reads.discard(fd)
            self.writes.discard(fd)

    def getReaders(self) -> list[Any]:
        """See `IReactorFDSet`; what was asked for in this turn counts."""
        self._watch_all()
        return list(super().getReaders())

    def removeAll(self) -> list[Any]:
        """See `IReactorFDSet`; the same."""
        self._watch_all()
        return list(super().removeAll())

    def _watch_all(self) -> None:
        for transport in self.turn:
            transport.watch()

    def _read_to_end(self, selectable: Any) -> Any:
        """Read what is there and the end behind it in one turn, so that the last bytes and the end go on together."""
        self.ending = True
        try:
            why = selectable.doRead()
            if why is None and getattr(selectable, "wants_read", False):
                why = selectable.doRead()
        finally:
            self.ending = False
        return why

    def _end_turn(self) -> None:
        """Let every transport that was written to send; what they cause in turn waits for the next."""
        turn, self.turn = self.turn, []
        for transport in turn:
            try:
                why = transport.settle()
            except BaseException:  # noqa: BLE001  as above
                why = sys.exc_info()[1]
                LOG.failure(UNHANDLED, culprit=transport)
            if why:
                self.disconnect(transport, why)

    def _unusual(self, selectable: Any, fd: int, event: int) -> None:
        """Several things at once, or an end: Twisted's to take apart."""
        if not event & EPOLLIN and event & (EPOLLERR | EPOLLHUP):
            if getattr(selectable, "reads_errors", False):
                event = EPOLLIN  # an ICMP error; reading tells which
            elif not _ended(fd):
                return
        log.callWithLogger(selectable, self._doReadOrWrite, selectable, fd, event)

    def disconnect(self, selectable: Any, why: BaseException = main.CONNECTION_LOST, *, reading: bool = False) -> None:
        """End a connection for that reason; if `reading` found it, the other direction may live on."""
        try:
            if isinstance(selectable, TCPServer):
                selectable.lose(why, reading=reading)
            else:
                self._disconnectSelectable(selectable, why, reading)
        except BaseException:  # noqa: BLE001  as above
            LOG.failure(UNHANDLED, culprit=selectable)


@lru_cache(maxsize=1024)
def _is_address(host: str) -> bool:
    """Whether it is an IP address, and no name. Asked for every connection, of the same few."""
    return bool(isIPAddress(host) or isIPv6Address(host))


def _ended(fd: int) -> bool:
    """Whether that is true of the descriptor now: in this turn it may have been closed and given out anew."""
    probe = select.poll()
    probe.register(fd, 0)
    return bool(probe.poll(0))


def _started(port: AnyPort) -> AnyPort:
    port.startListening()
    return port


def _check_internet(family: int) -> None:
    if family not in {AF_INET, AF_INET6}:
        raise UnsupportedAddressFamily(family)


def install() -> None:
    """Make it the reactor of this process. Raises `ReactorAlreadyInstalledError`."""
    main.installReactor(BalancerReactor())
