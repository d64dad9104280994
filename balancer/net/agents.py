"""Asks the agents of backends how these are to be treated, and does so; refuses to know when, and what else is known.

Nobody but the agent takes back what it has said, and one that cannot be reached has said nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from balancer.core.agent_line import LONGEST, AgentLine, AgentState, agent_line
from balancer.core.backend import Backend
from balancer.core.pool import Pool
from balancer.errors import CheckFailed
from balancer.interfaces import Report
from balancer.net.check_target import Target
from balancer.net.checks import Aim, evidence_of

Heeded = Callable[[Backend, str, AgentLine], None]
"""Is told of a backend that is treated otherwise from now on, in what way, and what the agent said."""

Unheard = Callable[[str], None]
"""Is told of an agent that could not be asked, or said what nobody understands."""


class AgentProbe:
    """The questions to one agent: `net.probing.Examiner`."""

    def __init__(
        self, pool: Pool, backend: Backend, *, every: float, send: bytes, aim: Aim, heeded: Heeded, unheard: Unheard
    ) -> None:
        self.every = every
        self._pool, self._backend, self._configured = pool, backend, backend.max_connections
        self._send, self._aim, self._heeded, self._unheard = send, aim, heeded, unheard
        self._state = AgentState()

    def aim(self) -> Target:
        """See `Examiner.aim`."""
        return self._aim(self._backend)

    async def ask(self, target: Target) -> AgentLine:
        """One connection for one line."""
        asking = _Asking(self._send)
        await target.connect(Factory.forProtocol(lambda: asking))
        try:
            return agent_line(await asking.line)
        finally:
            asking.transport.loseConnection()

    def judge(self, answer: AgentLine | Failure) -> None:
        """Heed a line; an agent that is not reached leaves everything as it is."""
        if isinstance(answer, Failure):
            self._tell(f"cannot be asked: {evidence_of(answer)}; nothing changes")
            return
        if answer.unknown:
            self._tell(f"says {' '.join(answer.unknown)!r}, which is not understood and not heeded")
        self._heed(answer)

    def skipped(self, shortage: str) -> None:
        """See `Examiner.skipped`."""
        self._tell(f"could not be asked: {shortage}; nothing changes")

    def _tell(self, line: str) -> None:
        self._unheard(f"backend {self._backend.name!r}: its agent {line}")

    def _heed(self, line: AgentLine) -> None:
        backend, state = self._backend, self._state.after(line)
        before = _seen(backend)
        if state != self._state:
            self._state = state
            backend.become(
                agent=state.objection,
                agent_drains=state.drains,
                agent_weight=state.weight,
                agent_share=state.share,
                max_connections=self._configured if state.limit is None else state.limit,
            )
        if line.signals:
            backend.apply(Report(signals=line.signals))
        changed = "; ".join(_differences(before, _seen(backend)))
        if changed:
            self._pool.refresh()
            self._heeded(backend, changed, line)


def _seen(backend: Backend) -> dict[str, Any]:
    """What an agent may change."""
    return {
        "state": backend.agent or ("draining" if backend.agent_drains else "ready"),
        "weight": backend.weight,
        "max_connections": backend.max_connections,
    }


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """What is otherwise now, in words."""
    if after["state"] != before["state"]:
        yield after["state"]
    for name in ("weight", "max_connections"):
        if after[name] != before[name]:
            yield f"{name} {'none' if after[name] is None else format(after[name], 'g')}"


class _Asking(Protocol):
    """One question; `line` fires with the first line of the answer, or with all of it when that ends in order."""

    transport: ITransport

    def __init__(self, question: bytes) -> None:
        self.line: Deferred[bytes] = Deferred()
        self._question, self._heard = question, b""

    def connectionMade(self) -> None:
        self.transport.write(self._question)

    def dataReceived(self, data: bytes) -> None:
        if self.line.called:
            return
        self._heard += data
        line = self._heard.replace(b"\r", b"\n").lstrip(b"\n")
        if b"\n" in line:
            self.line.callback(line.partition(b"\n")[0])
        elif len(self._heard) > LONGEST:
            self.line.errback(CheckFailed(f"no line within {LONGEST} bytes"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.line.called:
            return
        if self._heard.strip() and reason.check(ConnectionDone):
            self.line.callback(self._heard.strip())
        else:
            self.line.errback(CheckFailed(f"no line: {reason.getErrorMessage()}"))
