"""The control socket: who may connect, how lines are answered, and that every way of misusing it is bounded."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from errno import EADDRINUSE, EMFILE
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from balancer.core.deadlines import Deadlines
from balancer.net.clock import ReactorAlarm
from balancer.net.control import LONGEST, MOST, Desk, Door
from tests.net.wires import Wire

BIG = 1 << 20
"""Bytes of the answer to the line `big`."""


class Room:
    """A control socket that answers each line with the line, in capitals."""

    def __init__(self, reactor: Any, path: Path) -> None:
        self.reactor, self.path = reactor, path
        self.alarm = ReactorAlarm(reactor)
        self.deadlines = Deadlines(self.alarm)
        self.answered: list[bytes] = []
        self.wires: list[Wire] = []
        self.desk = Desk(reactor, self.deadlines, self.answer, lambda error: f"{error}\n".encode())
        self.door = Door(self.desk, str(path))

    def answer(self, line: bytes, say: Callable[[bytes], object]) -> None:
        self.answered.append(line)
        answer = (b"x" * BIG if line == b"big" else line.upper()) + b"\n"
        if line.startswith(b"late"):
            self.reactor.callLater(0, say, answer)
        else:
            say(answer)

    async def wire(self, data: bytes = b"") -> Wire:
        """A client that has connected and says that."""
        wire: Wire = await connectProtocol(UNIXClientEndpoint(self.reactor, str(self.path)), Wire())
        self.wires.append(wire)
        wire.say(data)
        return wire

    async def until(self, reached: Callable[[], bool]) -> None:
        """Let the reactor run until that is so."""
        while not reached():
            await self.turns(1)

    async def turns(self, count: int) -> None:
        """Let the reactor run."""
        for _ in range(count):
            turned: Deferred[None] = Deferred()
            self.reactor.callLater(0, turned.callback, None)
            await turned


@asynccontextmanager
async def opened(reactor: Any, path: Path) -> AsyncIterator[Room]:
    """An open control socket, of which nothing is left at the end."""
    room = Room(reactor, path)
    room.door.open()
    try:
        yield room
    finally:
        room.door.close()
        for wire in room.wires:
            wire.transport.abortConnection()
            await wire.end()
        while room.desk.connections:
            await room.turns(1)
        assert not room.deadlines
        room.alarm.stop()
        assert not there(path)


def there(path: Path) -> bool:
    """Whether anything is there."""
    return path.exists()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the socket is to be."""
    return tmp_path / "control"


async def test_lines_are_answered_in_order(reactor: Any, path: Path) -> None:
    """Every line is answered, in order, however the bytes come, and the connection stays open for more."""
    async with opened(reactor, path) as room:
        wire = await room.wire(b"one\ntwo\nthr")
        assert await wire.hear(8) == b"ONE\nTWO\n"
        wire.say(b"ee\n")
        assert await wire.hear(6) == b"THREE\n"
        assert not wire.ending


async def test_lines_take_turns(reactor: Any, path: Path) -> None:
    """However many lines come at once, other work has its turn after each of them."""
    async with opened(reactor, path) as room:
        counted: list[int] = []

        def look() -> None:
            counted.append(len(room.answered))
            if len(room.answered) < 20:
                reactor.callLater(0, look)

        wire = await room.wire(b"x\n" * 20)
        look()
        await wire.hear(40)
        assert max(later - earlier for earlier, later in pairwise(counted)) <= 2


async def test_an_answer_may_be_late(reactor: Any, path: Path) -> None:
    """An answer that comes in a later turn comes before those to the lines behind, or to nobody if he has gone."""
    async with opened(reactor, path) as room:
        wire = await room.wire(b"late\nnext\n")
        assert await wire.hear(10) == b"LATE\nNEXT\n"
        wire.say(b"late, for nobody\n")
        await room.until(lambda: len(room.answered) == 3)
        for connection in list(room.desk.connections):
            connection.abort()
        await wire.until(lambda wire: wire.finished)
        await room.turns(2)
        assert not wire.heard


async def test_a_client_that_has_finished_is_answered(reactor: Any, path: Path) -> None:
    """A client that sends its lines and its end at once hears all the answers, and then the end."""
    async with opened(reactor, path) as room:
        wire = await room.wire(b"one\ntwo\nrest")
        wire.transport.loseWriteConnection()
        await wire.until(lambda wire: wire.finished)
        assert bytes(wire.heard) == b"ONE\nTWO\n"


async def test_a_line_that_is_too_long_is_the_last(reactor: Any, path: Path) -> None:
    """Of a line that is longer than allowed no more is kept: its client is told, and the connection closed."""
    async with opened(reactor, path) as room:
        wire = await room.wire(b"one\n" + b"x" * (LONGEST + 1))
        await wire.until(lambda wire: wire.finished)
        assert bytes(wire.heard).startswith(b"ONE\nthe line is longer than 65536 bytes")
        assert room.answered == [b"one"]


async def test_a_client_that_does_not_read_is_not_answered_further(reactor: Any, path: Path) -> None:
    """While answers are not taken no other is made, and when they are all the rest follow."""
    async with opened(reactor, path) as room:
        wire = await room.wire()
        wire.transport.pauseProducing()
        wire.say(b"big\n" * 50)
        await room.turns(200)
        assert len(room.answered) < 10
        wire.transport.resumeProducing()
        assert len(await wire.hear(50 * (BIG + 1))) == 50 * (BIG + 1)


@pytest.mark.parametrize("said", [b"", b"big\n" * 50, b"half a line"])
async def test_who_says_and_takes_nothing_is_cut_off(
    reactor: Any, path: Path, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection without a whole line for so long is closed, whether it owes one or does not take its answers."""
    monkeypatch.setattr("balancer.net.control.IDLE", 0.2)
    async with opened(reactor, path) as room:
        wire = await room.wire()
        wire.transport.pauseProducing()
        wire.say(said)
        while not room.desk.connections:
            await room.turns(1)
        while room.desk.connections:
            await room.turns(1)
        wire.transport.resumeProducing()
        await wire.until(lambda wire: wire.finished or bool(wire.ending))


async def test_only_so_many_at_once(reactor: Any, path: Path) -> None:
    """One connection too many is closed as it comes; when another has left there is room again."""
    async with opened(reactor, path) as room:
        wires = [await room.wire(b"x\n") for _ in range(MOST)]
        for wire in wires:
            await wire.hear(2)
        late = await room.wire()
        await late.until(lambda wire: wire.finished)
        wires[0].transport.loseConnection()
        while len(room.desk.connections) == MOST:
            await room.turns(1)
        assert await (await room.wire(b"x\n")).hear(2) == b"X\n"


def test_nobody_else_may_connect(reactor: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has mode 0600 from the moment it is bound, whatever the umask is, which stays as it was."""
    modes: list[int] = []
    bind = socket.socket.bind

    def watched(one: socket.socket, place: str) -> None:
        bind(one, place)
        modes.append(stat.S_IMODE(path.lstat().st_mode))

    before = os.umask(0)
    try:
        monkeypatch.setattr("socket.socket.bind", watched)
        room = Room(reactor, path)
        room.door.open()
        assert [*modes, stat.S_IMODE(path.lstat().st_mode)] == [0o600, 0o600]
        room.door.close()
        assert os.umask(0) == 0
    finally:
        os.umask(before)


async def test_a_stale_socket_is_replaced(reactor: Any, path: Path) -> None:
    """The socket file of a process that died is no obstacle."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with opened(reactor, path) as room:
        assert await (await room.wire(b"x\n")).hear(2) == b"X\n"


def refused(reactor: Any, path: Path) -> OSError:
    """Why the socket cannot be opened."""
    room = Room(reactor, path)
    with pytest.raises(OSError, match="Errno") as caught:
        room.door.open()
    room.door.close()
    assert not room.deadlines
    return caught.value


@pytest.mark.parametrize("full", [False, True])
def test_a_live_socket_is_left_alone(reactor: Any, path: Path, full: bool) -> None:
    """Where somebody listens, even one who is too busy to accept, the address is in use, and stays theirs."""
    with socket.socket(socket.AF_UNIX) as alive, socket.socket(socket.AF_UNIX) as waiting:
        alive.bind(str(path))
        alive.listen(0)
        if full:
            waiting.connect(str(path))
        assert refused(reactor, path).errno == EADDRINUSE
        assert path.is_socket()


def test_other_files_are_left_alone(reactor: Any, path: Path) -> None:
    """A file that is no socket, and a folder that is not there, are told, and nothing is removed."""
    path.write_text("precious")
    assert refused(reactor, path).strerror == "there is a file that is no socket"
    assert path.read_text() == "precious"
    assert refused(reactor, path.parent / "nowhere" / "control").strerror == "No such file or directory"


def test_what_somebody_else_put_there_stays(reactor: Any, path: Path) -> None:
    """A socket that was removed, or replaced by another process's, is not ours to remove at the end."""
    room = Room(reactor, path)
    room.door.open()
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        room.door.close()
        assert path.is_socket()
        path.unlink()
    room.door.open()
    path.unlink()
    room.door.close()
    room.door.close()
    room.alarm.stop()


class Short:
    """A listening socket that has nobody, or no descriptor left."""

    def __init__(self, inner: socket.socket, error: OSError) -> None:
        self._inner, self._error = inner, error

    def accept(self) -> None:
        raise self._error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def test_a_shortage_is_sat_out(reactor: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing can be accepted the socket rests a while, instead of being asked again at once, and goes on."""
    monkeypatch.setattr("balancer.net.control.REST", 0.1)
    async with opened(reactor, path) as room:
        sound: Any = room.door._socket  # noqa: SLF001  what no test can make a kernel do
        for error in (BlockingIOError(), OSError(EMFILE, "too many")):
            room.door._socket = Short(sound, error)  # type: ignore[assignment]  # noqa: SLF001  the same
            room.door.doRead()
        room.door._socket = sound  # noqa: SLF001  the same
        assert room.door not in reactor.getReaders()
        assert len(room.deadlines) == 1
        assert await (await room.wire(b"x\n")).hear(2) == b"X\n"


def test_a_broken_socket_is_closed(reactor: Any, path: Path) -> None:
    """When the reactor finds the socket broken it is closed like any other, and says who it is until then."""
    room = Room(reactor, path)
    room.door.open()
    assert room.door.logPrefix() == "control"
    room.door.connectionLost(Failure(ConnectionDone()))
    assert room.door.fileno() == -1
    assert not path.exists()
    room.alarm.stop()
