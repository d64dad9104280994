"""The socket of one UDP flow, connected to its backend: `core.flow.Upstream`; or of a question, to a DNS server.

Refuses to know who is balanced how.

It is read by any reactor that reads descriptors, and short: a datagram costs one call of ours beside the system's. It
is connected before anything is said, so the kernel lets nobody in but the backend.
"""

from __future__ import annotations

from collections.abc import Callable
from socket import AF_INET, AF_INET6, SOCK_DGRAM, socket
from typing import Any, Final, Protocol

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from balancer.net.datagram_port import MOST, REFUSALS

LARGEST: Final = 65536
"""Bytes to read at once: more than a datagram can have (RFC 768: 65535 with its header), so that none is cut short."""

PROBE: Final = 4
"""Turns with as many datagrams as were tried for, after which twice as many are tried for."""


class Asking(Protocol):
    """Who speaks to a place by such a socket."""

    def replied(self, data: bytes) -> None:
        """A datagram from there."""

    def refused(self) -> None:
        """The system says that nobody is there."""


@implementer(IReadDescriptor)
class FlowSocket:
    """A socket that speaks to that place, from the address `source` unless that is empty.

    Raises `OSError` when none can be had, the source is not ours, or the kernel knows no way to the place.
    """

    reads_errors = True
    """What the kernel has to tell of it comes with reading."""

    def __init__(self, reactor: Any, flow: Asking, place: tuple[str, int], source: str = "") -> None:
        self._reactor = reactor
        self.replied: Callable[[bytes], None] = flow.replied
        self.refused: Callable[[], None] = flow.refused
        self._socket = opened = socket(AF_INET6 if ":" in place[0] else AF_INET, SOCK_DGRAM)
        self._open, self._burst, self._full = True, 1, 0
        try:
            opened.setblocking(False)
            if source:
                opened.bind((source, 0))
            opened.connect(place)
            _forget_strangers(opened)
        except OSError:
            opened.close()
            raise
        self.send, self._recv, self.fileno = opened.send, opened.recv, opened.fileno
        reactor.addReader(self)

    def doRead(self) -> None:
        """Pass on the replies that are there, up to a bound."""
        recv, replied, count = self._recv, self.replied, 0
        try:
            while count < self._burst and self._open:
                data = recv(LARGEST)
                count += 1
                replied(data)
        except BlockingIOError:
            if 2 * count <= self._burst:
                self._burst = count or 1
        except OSError as error:
            if self.refused_by(error):
                self.refused()
        else:
            self._full += 1
            if self._full % PROBE == 0:
                self._burst = min(2 * count, MOST)

    def refused_by(self, error: OSError) -> bool:
        """See `Upstream.refused_by`."""
        return error.errno in REFUSALS

    def close(self) -> None:
        """See `Upstream.close`. Allowed any number of times."""
        if self._open:
            self._open = False
            self._reactor.removeReader(self)
            self._socket.close()

    def connectionLost(self, reason: Any) -> None:
        """The reactor, which has stopped to read, takes the socket for broken: stock ones do for an ICMP error.

        That may have been another socket's, which had this one's number a moment ago. So reading tells.
        """
        if self._open:
            self._reactor.addReader(self)
            self.doRead()

    def logPrefix(self) -> str:
        """What a log calls it."""
        return "UDP flow"


def _forget_strangers(connected: socket) -> None:
    """Drop what others sent in the moment between the socket's having a port and its being connected."""
    try:
        while True:
            connected.recv(1)
    except OSError:
        return
