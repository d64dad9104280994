"""A local socket that takes lines and returns lines, bounded in every way; refuses to know what they mean.

Its file is open to its owner alone from the moment it is there. That of a process which has died is replaced.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from errno import EACCES, EADDRINUSE, ECONNREFUSED, EEXIST, ENOENT
from pathlib import Path
from typing import Any, Final

import attrs
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, IReadDescriptor
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from balancer.core.deadlines import Deadline, Deadlines
from balancer.core.lines import Lines
from balancer.errors import ControlRefused
from balancer.net.peers import Peer

LONGEST: Final = 1 << 16
"""Bytes of a line."""

IDLE: Final = 30.0
"""Seconds after its last line in which a connection must say another, or take what it asked for."""

MOST: Final = 8
"""Connections at once; one more is closed as it comes."""

NOT_THE_OWNER: Final = 0o177
"""What is masked out of the mode of the socket's file, so that it is 0600."""

REST: Final = 1.0
"""Seconds to let go by when nothing can be accepted for want of descriptors."""


@implementer(IHalfCloseableProtocol)
class ControlConnection(Peer):
    """One connection: answers one line a turn, while what was answered is taken."""

    _deadline: Deadline

    def __init__(self, desk: Desk) -> None:
        self._desk, self._lines = desk, Lines(LONGEST)
        self._full = self._resting = self._over = False

    def connectionMade(self) -> None:
        """Somebody wants something."""
        super().connectionMade()
        self._desk.connections.add(self)
        self._deadline = self._desk.deadlines.after(IDLE, self.abort)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed."""
        super().connectionLost(reason)
        self._over = True
        self._deadline.cancel()
        self._desk.connections.discard(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes of lines; while it closes they are dropped."""
        if not self._over:
            self._lines.receive(data)
            self._go_on()

    def readConnectionLost(self) -> None:
        """No more lines come; those that are here are answered."""
        super().readConnectionLost()
        self._go_on()

    def pressure(self, *, high: bool) -> None:
        """What was answered is not read fast enough, or is again."""
        self._full = high
        if not high:
            self._go_on()

    def _go_on(self) -> None:
        """Answer the next line, if it is here and its turn has come, and read no other meanwhile."""
        if self._full or self._resting or self._over:
            return
        try:
            line = self._lines.next()
        except ControlRefused as error:
            self.write(self._desk.refuse(error))
            self._close()
            return
        if line is not None:
            self._answer(line)
        elif self.half_closed:
            self._close()
        else:
            self.resume()

    def _answer(self, line: bytes) -> None:
        self._deadline.move(IDLE)
        self._resting = True
        self.pause()
        self._desk.answer(line, self._say)

    def _say(self, answer: bytes) -> None:
        if not self._over:
            self.write(answer)
            self._desk.reactor.callLater(0, self._rested)

    def _rested(self) -> None:
        self._resting = False
        self._go_on()

    def _close(self) -> None:
        self._over = True
        self.close_within(self._desk.deadlines, IDLE)


@attrs.define(eq=False)
class Desk(Factory):
    """What the connections share: `answer` makes a line with its end of one without, and `refuse` one of an error.

    An answer is said to a callable, once, in the same turn or in a later one.
    """

    noisy = False

    reactor: Any
    deadlines: Deadlines
    answer: Callable[[bytes, Callable[[bytes], object]], object]
    refuse: Callable[[ControlRefused], bytes]
    connections: set[ControlConnection] = attrs.field(init=False, factory=set)

    def buildProtocol(self, _address: IAddress | None) -> ControlConnection:
        """Somebody has connected."""
        return ControlConnection(self)


@implementer(IReadDescriptor)
class Door:
    """The socket at `path`. It is ours to remove: what somebody else has put there meanwhile stays."""

    def __init__(self, desk: Desk, path: str) -> None:
        self._desk, self._path = desk, Path(path).absolute()
        self._socket: socket.socket | None = None
        self._file: tuple[int, int] | None = None
        self._rest = Deadline(desk.deadlines, self._rested)

    def open(self) -> None:
        """Listen. Raises `OSError`, also when somebody else listens there, or the file there is no socket."""
        _remove_stale(self._path)
        self._socket = bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bound.setblocking(False)
        try:
            _bind(bound, self._path)
            self._file = _identity(self._path)
            bound.listen(MOST)
        except BaseException:
            self.close()
            raise
        self._desk.reactor.addReader(self)

    def close(self) -> None:
        """Remove the socket and end all connections. Allowed at any time."""
        self._rest.cancel()
        bound, self._socket = self._socket, None
        if bound is not None:
            self._desk.reactor.removeReader(self)
            if self._file is not None and _identity(self._path) == self._file:
                self._path.unlink()
            bound.close()
        for connection in list(self._desk.connections):
            connection.abort()

    def fileno(self) -> int:
        """See `IReadDescriptor`."""
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        """See `IReadDescriptor`."""
        return "control"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor finds the socket broken."""
        self.close()

    def doRead(self) -> None:
        """Somebody wants to connect."""
        try:
            self._accept()
        except BlockingIOError:
            return
        except OSError:
            self._desk.reactor.removeReader(self)
            self._rest.move(REST)

    def _accept(self) -> None:
        assert self._socket is not None
        accepted, _ = self._socket.accept()
        with accepted:
            if len(self._desk.connections) < MOST:
                accepted.setblocking(False)
                self._desk.reactor.adoptStreamConnection(accepted.fileno(), socket.AF_UNIX, self._desk)

    def _rested(self) -> None:
        self._desk.reactor.addReader(self)


def _bind(one: socket.socket, path: Path) -> None:
    """Bind, so that nobody but the owner can ever connect."""
    before = os.umask(NOT_THE_OWNER)
    try:
        one.bind(str(path))
    finally:
        os.umask(before)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file is there, if any."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _remove_stale(path: Path) -> None:
    """Remove a socket on which nobody listens. Raises `OSError` if somebody does, and for a file of another kind."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(EEXIST, "there is a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        error = probe.connect_ex(str(path))
    if error == ECONNREFUSED:
        path.unlink(missing_ok=True)
    elif error != ENOENT:
        known = error if error == EACCES else EADDRINUSE
        raise OSError(known, os.strerror(known))
