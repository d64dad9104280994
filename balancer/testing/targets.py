"""A backend under examination in a network of memory: it answers, stays silent or refuses as the test has it.

The way to it is the production's own (`net.check_target`); only its datagrams and programs are nothing but memory.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from balancer.core.backend import Backend
from balancer.interfaces import ICheckTarget, Kind
from balancer.net.check_target import Target
from balancer.testing.network import MemoryNetwork
from balancer.testing.scripts import Script, answer_of

PORT: Final = 80
KNOCKING: Final = 20.0
"""Seconds that a connection may take to be made."""


class _Serving(Factory):
    """Makes the backend's side of connections."""

    def __init__(self, serve: Callable[[], Any]) -> None:
        self._serve = serve

    def buildProtocol(self, addr: Any) -> Any:
        """See `IProtocolFactory`."""
        return self._serve()


@implementer(ICheckTarget)
class MemoryTarget(Target):
    """What a health check is given: `network` is the clock and the reactor behind it.

    New connections are made with the next `network.pump`, unless they are `refused` or the backend is `silent`. `asked`
    counts what was asked for, connections, datagrams and programs; `connected` the first of these, and `too_late` what
    was asked for when the check was over. A backend with a `script` follows it; it makes the backend's side of a
    connection, and one of these answers a datagram, or is what a program says.
    `reach`, `say`, `flood` and `end` are the network's part, and the backend's.
    """

    def __init__(
        self,
        *,
        refused: bool = False,
        silent: bool = False,
        kinds: Collection[Kind] = frozenset(Kind),
        script: Script | None = None,
    ) -> None:
        self.network, self._refused, self._script = MemoryNetwork(), refused, script
        self._silent = silent
        self.asked = self.connected = self.too_late = 0
        self._served: list[Any] = []
        self._waiting: list[tuple[Deferred[Any], bytes, bool]] = []
        self.network.listenTCP(PORT, _Serving(self._serve))
        if refused:
            self.network.refuse(PORT)
        if silent:
            self.network.hang(PORT)
        place = "192.0.2.9", PORT
        backend = Backend("b0", f"{place[0]}:{place[1]}", place, seconds=self.network.seconds)
        super().__init__(self.network, backend, KNOCKING, kinds=kinds, wall=lambda: 1_700_000_000.0)

    @property
    def private(self) -> bool:
        """See `ICheckTarget.private`: so that a check says its password, too."""
        return True

    def connect(self, factory: Any) -> Deferred[Any]:
        """See `ICheckTarget.connect`."""
        self._count()
        self.connected += 1
        return super().connect(factory)

    def datagram(self, data: bytes) -> Deferred[bytes]:
        """See `ICheckTarget.datagram`."""
        self._count()
        return self._run(lambda: self._answer(Deferred(), data, program=False))

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> Deferred[tuple[int, bytes]]:
        """See `ICheckTarget.run`."""
        self._count()
        return self._run(lambda: self._answer(Deferred(_killed), b"", program=True))

    def reach(self, *, refused: bool = False) -> None:
        """Make the connections that a silent backend has not made, and answer; or refuse them, and all else."""
        self._silent = False
        if refused:
            self.network.refuse(PORT)
            waiting, self._waiting = self._waiting, []
            _refuse(answer for answer, *_ in waiting)
        else:
            self.network.allow(PORT)
            self._follow_script()
        self.network.pump()

    def say(self, data: bytes) -> None:
        """Send this on every connection; it is an answer to datagrams, too, and the output of programs, which end."""
        for protocol in self._served:
            protocol.transport.write(data)
        self._tell(data, 0)
        self.network.pump()

    def flood(self, piece: bytes) -> None:
        """Send this on every connection that is read, and keep no copy of it."""
        for pair in self.network.pairs:
            if pair.client.reading and pair.client.connected:
                pair.client.protocol.dataReceived(bytes(bytearray(piece)))
        self.network.pump()

    def end(self, *, cleanly: bool = True) -> None:
        """Close every connection from the backend's side, or break it off; programs end, well or not."""
        for protocol in self._served:
            transport: Any = protocol.transport
            transport.loseConnection() if cleanly else transport.abortConnection()
        self._tell(None, 0 if cleanly else 1)
        self.network.pump()

    def _count(self) -> None:
        self.asked += 1
        self.too_late += self._over

    def _serve(self) -> Any:
        self._served.append(Protocol() if self._script is None else self._script())
        return self._served[-1]

    def _answer(self, answer: Deferred[Any], question: bytes, *, program: bool) -> Deferred[Any]:
        if self._refused:
            _refuse([answer])
        else:
            self._waiting.append((answer, question, program))
            if not self._silent:
                self._follow_script()
        return answer

    def _follow_script(self) -> None:
        """Answer datagrams, and have programs end, as the script has it."""
        if self._script is None:
            return
        waiting, self._waiting = self._waiting, []
        for answer, question, program in waiting:
            if not answer.called:
                said = answer_of(self._script, question)
                answer.callback((0, said) if program else said)

    def _tell(self, said: bytes | None, status: int) -> None:
        """Answer programs, and datagrams too if there is something to say."""
        waiting, self._waiting = self._waiting, []
        for answer, question, program in waiting:
            if answer.called:
                continue
            if program:
                answer.callback((status, (said or b"")[:4096]))
            elif said is not None:
                answer.callback(said)
            else:
                self._waiting.append((answer, question, program))


def _refuse(answers: Iterable[Deferred[Any]]) -> None:
    for answer in answers:
        if not answer.called:
            answer.errback(Refused())


def _killed(answer: Deferred[Any]) -> None:
    answer.callback((-signal.SIGKILL, b""))
