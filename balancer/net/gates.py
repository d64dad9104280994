"""In front of a listener: reads the PROXY header with which a listed source opens a connection, then steps aside.

Refuses to know what is served behind it: that protocol begins once the header is in, as if the connection began there.
"""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure

from balancer.core.deadlines import Deadlines
from balancer.core.proxy_protocol import ProxyHeader, ProxyReader
from balancer.core.sources import Source, Sources
from balancer.errors import BalancerError, ProxyHeaderInvalid, ProxyHeaderLate, ProxySourceUnlisted
from balancer.net.limits import Inner, LimitedSessions, Refusals
from balancer.net.peers import Peer
from balancer.net.sessions import Sessions, Unplaced


@attrs.frozen(eq=False)
class Gate:
    """Who must open a connection with a header, and what the connections that wait for one share.

    A listed source has `timeout` seconds for it. If `required`, all others are turned away; if not, their bytes are
    data, as are those of a listed source that begin no header. `limits` judge the client that a header tells of.
    """

    sources: Sources
    required: bool
    timeout: float
    deadlines: Deadlines
    sessions: Sessions
    refusals: Refusals
    limits: LimitedSessions | None = None


class GateFactory(Factory):
    """Makes the protocols of a listener that expects headers."""

    noisy = False
    resets = True

    def __init__(self, gate: Gate, inner: Inner) -> None:
        self.gate, self.inner = gate, inner

    def buildProtocol(self, address: IAddress | None) -> TwistedProtocol | None:
        """Somebody has connected; who may not come in is closed at once.

        A listed source speaks for others, so what is behind the gate is not told its address.
        """
        host: str = getattr(address, "host", "")
        listed = host in self.gate.sources
        if self.gate.required and not listed:
            refused = ProxySourceUnlisted("it is not a listed source of PROXY headers")
            self.gate.refusals.turned_away(refused, host)
            return None
        protocol = self.inner.buildProtocol(None if listed else address)
        return Entering(self.gate, protocol, host) if listed and protocol is not None else protocol


class Entering(TwistedProtocol, Unplaced):
    """One connection until its header is in: a `net.sessions.Living` that has nothing to finish."""

    transport: Any
    source: Source | None = None

    def __init__(self, gate: Gate, inner: Peer, host: str) -> None:
        self._gate, self._inner, self._host = gate, inner, host
        self._reader = ProxyReader(optional=not gate.required)

    def connectionMade(self) -> None:
        """A listed source has connected."""
        self._gate.sessions.add(self)
        self._deadline = self._gate.deadlines.after(self._gate.timeout, self._too_late)
        self.began = self._gate.deadlines.now

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the header, and perhaps some behind it."""
        try:
            read = self._reader.receive(data)
        except ProxyHeaderInvalid as error:
            self._refuse(error, self._host)
        else:
            if read is not None:
                self._introduce(*read)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is closed, with no header."""
        self._settle()
        self._gate.sessions.discard(self)

    def _introduce(self, header: ProxyHeader | None, rest: bytes) -> None:
        """The header is in, or there is none: the client is served, unless he exceeds a limit."""
        if header is not None:
            self._inner.header = header
        refused = self._refusal(header)
        if refused is None:
            self._step_aside(rest)
        else:
            self._refuse(refused, self._inner.address[0])

    def _refusal(self, header: ProxyHeader | None) -> BalancerError | None:
        """Why the client is turned away, if it is told of and there are limits for it."""
        limits = self._gate.limits
        if limits is None or header is None or header.client is None:
            return None
        self._inner.source = limits.source(header.client[0])
        return limits.refusal_of(self._inner.source)

    def _step_aside(self, rest: bytes) -> None:
        self._settle()
        self._gate.sessions.withdraw(self)
        self.transport.protocol = self._inner
        serve: Any = self._inner
        serve.makeConnection(self.transport)
        if rest:
            self.transport.protocol.dataReceived(rest)  # the inner one may have stepped aside, too

    def _settle(self) -> None:
        self._deadline.cancel()
        del self._deadline  # which leads back here

    def _too_late(self) -> None:
        self._refuse(ProxyHeaderLate(f"no whole PROXY header within {self._gate.timeout:g} s"), self._host)

    def _refuse(self, error: BalancerError, host: str) -> None:
        self._gate.refusals.turned_away(error, host)
        self.transport.abortConnection()
