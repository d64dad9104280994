"""A transport that settles with the kernel once a turn: what it has to do waits on a list until the turn ends.

See `net.transports`, which says why. Refuses to know what kind of socket it is.
"""


# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import FileDescriptor


class Prompt(FileDescriptor):
    """A transport that settles at the end of the turn. Stands before Twisted's own among the bases of a transport."""

    reactor: Any
    listed = False
    """Whether it is on the reactor's list of this turn."""
    held = False
    """Whether it is kept from reading, whatever its protocol wants."""
    read_asked = False
    """Whether something was said about reading that epoll does not know."""
    wants_read = False
    wants_write = False

    def startReading(self) -> None:
        """Read from the end of the turn on; while connecting, at once."""
        self.wants_read = self.read_asked = True
        self._list(self.reactor.addReader)

    def stopReading(self) -> None:
        """Read nothing after this turn; of a connection that is lost, nothing at once."""
        self.wants_read, self.read_asked = False, True
        if hasattr(self, "socket"):  # else it is gone, and the reactor would look for it among all it has
            self._list(self.reactor.removeReader)

    def hold(self, *, held: bool) -> None:
        """Read nothing while held, without a change to what the protocol wants."""
        if self.held is not held:
            self.held, self.read_asked = held, True
            if self.connected:
                self._list(self.reactor.removeReader)

    def startWriting(self) -> None:
        """There is something to do on the writing side."""
        self.wants_write = True
        self._list(self.reactor.addWriter)

    def stopWriting(self) -> None:
        """There is nothing to do on the writing side."""
        self.wants_write = False
        if self.fileno() in self.reactor.writes:
            super().stopWriting()

    def settle(self) -> Any:
        """The turn ends: write, and tell epoll what has changed. Returns why the connection is lost, or None."""
        self.listed = False
        why = None
        if self.wants_write:
            self.wants_write = False
            why = self.doWrite() if self.connected else None
        if self.read_asked and not why:
            self.watch()
        return why

    def watch(self) -> None:
        """Tell epoll whether to look for something to read."""
        self.read_asked = False
        reads = self.wants_read and not self.held
        if self.connected:
            fd = self.fileno()
            if reads is not (fd in self.reactor.reads):
                (self.reactor.watch if reads else self.reactor.unwatch)(self, fd)

    def doRead(self) -> Any:
        """Read, unless that was stopped in this turn."""
        return super().doRead() if self.wants_read else None

    def doWrite(self) -> Any:
        """One step as Twisted does it; epoll tells when the next is due, if there is one."""
        why = super().doWrite()
        if not why and self.buffered:
            self.reactor.addWriter(self)
        return why

    @property
    def buffered(self) -> int:
        """Bytes that the kernel has not taken."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def _list(self, at_once: Callable[[Any], None]) -> None:
        """Before the connection stands, and while it is being lost, nothing can wait."""
        if not self.connected:
            at_once(self)
        elif not self.listed:
            self.listed = True
            self.reactor.turn.append(self)
